"""Training: the authors' recipe, exactly resumable.

Whatever is random in step s (which pictures, their augmentation, dropout, stochastic depth, NMF bases) is drawn from
the seed and s alone. So a run that was killed and resumed ends with the same weights as one left alone. Notebook 08
builds these functions.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from torch import Tensor, nn

from segnext_edu import checkpoints
from segnext_edu.augment import SCALES, augment, draw
from segnext_edu.data import class_names, load_scenes
from segnext_edu.files import InputError, appears_whole
from segnext_edu.inference import evaluate
from segnext_edu.metrics import IGNORE
from segnext_edu.pictures import Pictures
from segnext_edu.segnext import SegNeXt

LARGEST_SCORED = 1024  # pixels: pictures with a longer short side are scored at this size


@dataclass(frozen=True)
class Recipe:
    """All that decides how a run goes. The defaults are the authors' for ADE20K."""

    data: str
    variant: str = "tiny"
    steps: int = 160_000
    batch: int = 16  # over all devices together
    crop: int = 512  # pixels
    short_side: int = 512  # pixels, of a picture at scale 1 and in scoring
    lr: float = 6e-5  # of the encoder
    head_lr: float = 10.0  # the decoder's learns this many times as fast
    weight_decay: float = 0.01
    warmup: int = 1500  # steps
    clip: float | None = None  # largest norm of the gradient
    seed: int = 0


# Ours, for "nano" on a laptop: the authors' rate is for fine-tuning an encoder that has seen ImageNet.
LESSON = {"steps": 3000, "batch": 8, "crop": 192, "short_side": 256, "lr": 2e-3, "head_lr": 1.0, "warmup": 150}


def default_recipe(data: str, variant: str = "tiny", **given: Any) -> Recipe:
    """The authors' recipe, or our lessons' for "nano", with what was given in its place.

    `short_side` follows `crop` where only that is given, and the warm-up shrinks with a short run.
    """
    chosen = {**(LESSON if variant == "nano" else {}), **given}
    if "crop" in given:
        chosen.setdefault("short_side", given["crop"])
    recipe = Recipe(data, variant, **chosen)
    if "warmup" not in given:
        recipe = dataclasses.replace(recipe, warmup=min(recipe.warmup, recipe.steps // 10))
    return recipe


def parameter_groups(model: SegNeXt, lr: float, head_lr: float, weight_decay: float) -> list[dict[str, Any]]:
    """AdamW's groups, as the authors' configuration makes them.

    No decay on norms: but their rule reads names, and only those with "norm" in them are spared. The stem's BatchNorms,
    the decoder's GroupNorms, the biases and the layer scales do decay.
    """
    decayed, spared, head = [], [], []
    for name, parameter in model.named_parameters():
        if name.startswith("decoder."):
            head.append(parameter)
        elif "norm" in checkpoints.official_name(name):
            spared.append(parameter)
        else:
            decayed.append(parameter)
    return [
        {"params": decayed, "lr": lr, "weight_decay": weight_decay},
        {"params": spared, "lr": lr, "weight_decay": 0.0},
        {"params": head, "lr": lr * head_lr, "weight_decay": weight_decay},
    ]


def lr_factor(step: int, steps: int, warmup: int) -> float:
    """The schedule, as a factor on the learning rate: straight down to 0 at the end, with a linear warm-up in front.

    step counts from 0. As in the authors' code the way down begins at step 0, so the warm-up never quite reaches 1.
    """
    down = 1 - step / steps
    if step >= warmup:
        return down
    return down * (1e-6 + (1 - 1e-6) * step / warmup)


def segmentation_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """Mean cross-entropy over the labelled pixels; 0 when there are none. logits (B, K, H, W), masks (B, H, W) → ()."""
    pixels = logits.float().permute(0, 2, 3, 1).flatten(0, 2)  # (B·H·W, K): in channels_last nothing moves, 4× as fast
    total = F.cross_entropy(pixels, masks.flatten(), ignore_index=IGNORE, reduction="sum")
    return total / (masks != IGNORE).sum().clamp(min=1)


def batch_indices(step: int, batch: int, count: int, seed: int) -> list[int]:
    """Which of `count` pictures make up a step's batch: one shuffled pass after the other, nothing left out."""
    places = range(step * batch, (step + 1) * batch)

    def shuffled(epoch: int) -> Tensor:
        return torch.randperm(count, generator=torch.Generator().manual_seed(mixed_seed(seed, epoch, 0)))

    orders = {epoch: shuffled(epoch) for epoch in {place // count for place in places}}
    return [int(orders[place // count][place % count]) for place in places]


def mixed_seed(*numbers: int) -> int:
    """One seed from several numbers, such that neighbours give unrelated streams."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)


class Run:
    """A training run and its folder: `log.jsonl`, `last.safetensors`, `best.safetensors`, `resume.pt`.

    Iterating makes the steps, one after the other, and yields what each wrote to the log: step (counted from 1), loss,
    lr, images_per_s, seconds, and where it was scored miou and accuracy. Works under `accelerate launch`, too.

    Args:
        resume: go on from the folder's `resume.pt`; from the start where a run was stopped before it wrote one.
        save_every: steps between checkpoints; each is scored on the validation split.
        device: "auto" (a GPU where there is one), "cpu" or "cuda".

    Raises InputError when the folder holds a run and `resume` is not set, or holds a run by another recipe.
    """

    def __init__(
        self, recipe: Recipe, out: str | Path, resume: bool = False, save_every: int = 500, device: str = "auto"
    ):
        self.recipe, self.out, self.save_every = recipe, Path(out), save_every
        if not resume and (self.out / "log.jsonl").exists():
            raise InputError(f"{self.out}: holds a run already; go on with --resume, or choose another --out")
        self.accelerator = accelerator_for(device)
        place = self.accelerator.device
        train, val = load_scenes(recipe.data, "train"), load_scenes(recipe.data, "val")
        self.classes = class_names(train)
        self.train = Pictures(train, place, largest=round(SCALES[1] * recipe.short_side))
        mine = val.shard(self.accelerator.num_processes, self.accelerator.process_index)
        self.val = Pictures(mine, place, largest=max(LARGEST_SCORED, recipe.short_side))

        torch.manual_seed(recipe.seed)
        model = SegNeXt(recipe.variant, len(self.classes))
        groups = parameter_groups(model, recipe.lr, recipe.head_lr, recipe.weight_decay)
        self.rates = [group["lr"] for group in groups]
        model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        if self.accelerator.num_processes > 1 and place.type == "cuda":
            model = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # keeps the parameters
        self.model, self.optimizer = self.accelerator.prepare(model, torch.optim.AdamW(groups))
        self.bare = self.accelerator.unwrap_model(self.model)  # without what distributed training wraps around it
        self.step, self.best = 0, -1.0
        if resume and (self.out / "resume.pt").exists():
            self._restore()
        if self.accelerator.is_main_process:
            self._tidy()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        while self.step < self.recipe.steps:
            yield self._advance()

    def _advance(self) -> dict[str, Any]:
        began = time.perf_counter()
        self.model.train()
        recipe, rank = self.recipe, self.accelerator.process_index
        factor = lr_factor(self.step, recipe.steps, recipe.warmup)
        for group, rate in zip(self.optimizer.param_groups, self.rates):
            group["lr"] = rate * factor
        images, masks = self._batch()
        torch.manual_seed(mixed_seed(recipe.seed, self.step, 2, rank))
        loss = segmentation_loss(self.model(images), masks)
        if not loss.isfinite():
            raise InputError(f"the loss is {loss.item()} at step {self.step + 1}: try a lower --lr, or --clip 1")
        self.accelerator.backward(loss)
        if recipe.clip is not None:
            self.accelerator.clip_grad_norm_(self.model.parameters(), recipe.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.step += 1
        record = {"step": self.step, "loss": loss.item(), "lr": recipe.lr * factor}
        seconds = time.perf_counter() - began
        record |= {"images_per_s": recipe.batch / seconds, "seconds": seconds}
        if self.step % self.save_every == 0 or self.step == recipe.steps:
            record |= self._score()
            self._log(record)
            self._save(record)
        else:
            self._log(record)
        return record

    def _batch(self) -> tuple[Tensor, Tensor]:
        """This process's share of the step's batch."""
        recipe = self.recipe
        draws = draw(recipe.batch, torch.Generator().manual_seed(mixed_seed(recipe.seed, self.step, 1)))
        indices = batch_indices(self.step, recipe.batch, len(self.train), recipe.seed)
        share = recipe.batch // self.accelerator.num_processes
        mine = slice(share * self.accelerator.process_index, share * (self.accelerator.process_index + 1))
        images, masks = zip(*(self.train[index] for index in indices[mine]))
        return augment(images, masks, draws[mine], recipe.crop, recipe.short_side)

    def _score(self) -> dict[str, float]:
        self.bare.eval()
        matrix = evaluate(self.bare, (self.val[i] for i in range(len(self.val))), self.recipe.short_side)
        counts = self.accelerator.reduce(matrix.counts.to(self.accelerator.device))
        assert isinstance(counts, Tensor)
        matrix.counts = counts
        return {"miou": matrix.miou(), "accuracy": matrix.pixel_accuracy()}

    def _log(self, record: dict[str, Any]) -> None:
        if self.accelerator.is_main_process:
            with open(self.out / "log.jsonl", "a") as file:
                file.write(json.dumps(record) + "\n")

    def _save(self, record: dict[str, Any]) -> None:
        better, self.best = record["miou"] > self.best, max(self.best, record["miou"])
        if not self.accelerator.is_main_process:
            return
        card = {"recipe": dataclasses.asdict(self.recipe), "score": record, "torch": torch.__version__}
        checkpoints.save(self.bare, self.out / "last.safetensors", self.classes, card)
        if better:
            checkpoints.save(self.bare, self.out / "best.safetensors", self.classes, card)
        state = {
            "recipe": dataclasses.asdict(self.recipe),
            "step": self.step,
            "best": self.best,
            "model": self.bare.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        with appears_whole(self.out / "resume.pt") as part:
            torch.save(state, part)

    def _restore(self) -> None:
        state = torch.load(self.out / "resume.pt", map_location=self.accelerator.device, weights_only=True)
        for name, value in dataclasses.asdict(self.recipe).items():
            if value != state["recipe"][name]:
                raise InputError(
                    f"{self.out}: was begun with {name} {state['recipe'][name]}, not {value}; "
                    "resume with the same, or choose another --out"
                )
        self.bare.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.best = state["step"], state["best"]

    def _tidy(self) -> None:
        """Make the folder; forget what was logged or half-written after the state that we go on from."""
        self.out.mkdir(parents=True, exist_ok=True)
        for part in self.out.glob(".*.part"):
            part.unlink()
        log = self.out / "log.jsonl"
        lines = log.read_text().splitlines()[: self.step] if log.exists() else []
        with appears_whole(log) as part:
            part.write_text("".join(line + "\n" for line in lines))


def accelerator_for(device: str) -> Accelerator:
    """Accelerate's view of where to compute: bf16 on a GPU, float32 on a CPU."""
    if device not in ("auto", "cpu", "cuda"):
        raise InputError(f"--device {device}: expected auto, cpu or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError(
            "--device cuda: this machine has no GPU that PyTorch can use; leave the flag out to use the CPU"
        )
    gpu = device != "cpu" and torch.cuda.is_available()
    return Accelerator(cpu=not gpu, mixed_precision="bf16" if gpu else "no")
