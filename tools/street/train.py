"""The run: from a checkpoint on, with an average of the weights, and at any time as good as its last save.

The rate is constant after the warm-up and falls to 0 over the last `cool` steps; so a run may be made longer, or be
brought to its end early, by resuming it with another number of steps.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import platform
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from segnext_edu import checkpoints
from segnext_edu.files import InputError, appears_whole
from segnext_edu.model.mscan import StochasticDepth
from segnext_edu.model.segnext import SegNeXt
from segnext_edu.training.recipe import mixed_seed, parameter_groups
from tools.street import crops, photos
from tools.street.depthwise import quicken
from tools.street.labels import CLASSES, FACADE, meanings, partial_loss, row_weights

TERMS = "non-commercial research and teaching only"


@dataclass(frozen=True)
class Plan:
    """Every setting of a run that changes its result."""

    part: str = "train"  # the photographs to learn from: "train", or "learn" while a recipe is chosen
    variant: str = "tiny"
    start: str | None = "tiny_street"  # a checkpoint, or none: random weights
    steps: int = 12_000
    cool: int = 3_000  # steps at the end over which the rate falls to 0
    warmup: int = 200
    lr: float = 1e-3
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    drop_path: float = 0.1
    average: float = 0.999  # of the weights, EMA: what is kept of it a step
    hidden: float = 1.0  # see labels.meanings
    rare: float = 0.5  # see labels.row_weights
    seed: int = 0
    cropping: crops.Cropping = crops.Cropping()


def lr_schedule(step: int, plan: Plan) -> float:
    """On the learning rate, in step `step` from 0."""
    return min(1.0, (step + 1) / plan.warmup, (plan.steps - step) / plan.cool)


def build(plan: Plan) -> SegNeXt:
    """The network as the run begins: the start's weights, with new rows in the classifier for the classes it lacks."""
    torch.manual_seed(plan.seed)
    model = SegNeXt(plan.variant, len(CLASSES))
    if plan.start is not None:
        start = checkpoints.read(plan.start)
        if start.classes not in (FACADE, CLASSES):
            raise InputError(f"{plan.start}: knows {', '.join(start.classes)}; expected {', '.join(FACADE)}, …")
        state = model.state_dict()
        for name, tensor in start.state_dict().items():
            if name.startswith("decoder.classify."):
                state[name][: len(tensor)] = tensor
            else:
                state[name].copy_(tensor)
    rates = [module for module in model.modules() if isinstance(module, StochasticDepth)]
    for index, module in enumerate(rates):
        module.rate = plan.drop_path * index / (len(rates) - 1)
    return model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


class Run:
    """A run and its folder: log.jsonl, average.safetensors (the weights' average, what is scored) and resume.pt."""

    def __init__(self, plan: Plan, data: Path, out: Path, save_every: int, bf16: bool):
        self.plan, self.out, self.save_every, self.bf16 = plan, out, save_every, bf16
        self.photos = [
            photo
            for source in photos.SOURCES
            for photo in photos.read(data / source, photos.split(data / source, plan.part))
        ]
        self.finder = photos.Finder(self.photos)
        self.model = build(plan)
        self.average = copy.deepcopy(self.model).eval()
        quicken(self.model)
        self.optimizer = torch.optim.AdamW(parameter_groups(self.model, plan.lr, 1.0, plan.weight_decay))
        shares = torch.as_tensor(self.finder.share, dtype=torch.float32)
        self.log_meanings = meanings(plan.hidden, shares).log()  # log 0 = -inf: never right
        self.weights = row_weights(shares, plan.rare)
        self.step = 0
        if (out / "resume.pt").exists():
            self._restore()
        out.mkdir(parents=True, exist_ok=True)
        self._cut_log()

    def train(self) -> None:
        """Go on to the plan's end."""
        while self.step < self.plan.steps:
            began, busy = time.perf_counter(), time.process_time()
            loss = self._one_step()
            self.step += 1
            record: dict[str, Any] = {"step": self.step, "loss": loss, "lr": self.optimizer.param_groups[0]["lr"]}
            record |= {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - busy}
            with open(self.out / "log.jsonl", "a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")
            if self.step % self.save_every == 0 or self.step == self.plan.steps:
                self._save()

    def _one_step(self) -> float:
        plan = self.plan
        images, rows = crops.batch(self.photos, self.finder, plan.cropping, mixed_seed(plan.seed, self.step, 1))
        for group in self.optimizer.param_groups:
            group["lr"] = plan.lr * lr_schedule(self.step, plan)
        self.model.train()
        torch.manual_seed(mixed_seed(plan.seed, self.step, 2))
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
            logits = self.model(images)
        down, right = divmod(self.step % 4, 2)  # every second pixel each way, in turn: neighbours say much the same
        logits, rows = (maps[..., down::2, right::2] for maps in (logits, rows))
        loss = partial_loss(logits, rows, self.log_meanings, self.weights)
        loss.backward()
        if not math.isfinite(loss.item()):
            raise InputError(f"the loss is {loss.item()} at step {self.step + 1}: try a lower --lr")
        nn.utils.clip_grad_norm_(self.model.parameters(), plan.max_grad_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self._follow()
        return loss.item()

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the average towards the weights, and BatchNorm's statistics with them."""
        keep = min(self.plan.average, (1 + self.step) / (10 + self.step))
        theirs = self.model.state_dict()
        for name, tensor in self.average.state_dict().items():
            if tensor.is_floating_point():
                tensor.lerp_(theirs[name], 1 - keep)

    def _save(self) -> None:
        card = {
            "recipe": {"data": "labelmefacade + camvid", "short_side": self.plan.cropping.short_side}
            | dataclasses.asdict(self.plan),
            "score": {"step": self.step},
            "torch": torch.__version__,
            "device": platform.machine(),
            "precision": "bf16" if self.bf16 else "float32",
            "threads": torch.get_num_threads(),
            "terms": TERMS,
        }
        checkpoints.save(self.average, self.out / "average.safetensors", CLASSES, card)
        state = {
            "plan": dataclasses.asdict(self.plan),
            "step": self.step,
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        with appears_whole(self.out / "resume.pt") as part:
            torch.save(state, part)

    def _restore(self) -> None:
        state = torch.load(self.out / "resume.pt", weights_only=True)
        mine = dataclasses.asdict(self.plan)
        changed = [name for name in mine if mine[name] != state["plan"][name] and name not in ("steps", "cool")]
        if changed:
            raise InputError(f"{self.out}: was begun with another {changed[0]}; resume with the same")
        self.step = state["step"]
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])

    def _cut_log(self) -> None:
        """Drop what was logged after the state that the run goes on from."""
        log = self.out / "log.jsonl"
        lines = log.read_text("utf-8").splitlines()[: self.step] if log.exists() else []
        with appears_whole(log) as part:
            part.write_text("".join(line + "\n" for line in lines), "utf-8")
