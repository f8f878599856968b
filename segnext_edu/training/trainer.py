"""A training run: steps, scores, checkpoints, a log, and a way back in after any interruption.

Whatever is random in step s (which pictures, their augmentation, dropout, stochastic depth, NMF bases) is drawn from
the seed and s alone. So a run that was killed and resumed ends with the same weights as one left alone.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from segnext_edu import checkpoints
from segnext_edu.data import IGNORE, class_names, load_scenes
from segnext_edu.data.augment import SCALES, augment, draw
from segnext_edu.data.dataset import Pictures
from segnext_edu.files import InputError, appears_whole
from segnext_edu.inference.evaluate import evaluate
from segnext_edu.model.segnext import SegNeXt
from segnext_edu.training.devices import accelerator_for, environment, in_bf16
from segnext_edu.training.processes import total
from segnext_edu.training.recipe import (
    Recipe,
    batch_indices,
    lr_factor,
    mixed_seed,
    parameter_groups,
    segmentation_loss,
)
from segnext_edu.training.shared_norm import share_batch_norms

LARGEST_SCORED = 1024  # pixels: pictures with a longer short side are scored at this size


class Run:
    """A training run and its folder: `log.jsonl`, `last.safetensors`, `best.safetensors`, `resume.pt`.

    Iterating makes the steps, one after the other, and yields what each wrote to the log: step (counted from 1), loss,
    lr, images_per_s, seconds, and where it was scored miou and accuracy. Works under `accelerate launch`, too; then
    `processes.part()` comes last.

    Args:
        resume: go on from the folder's `resume.pt`; from the start where a run was stopped before it wrote one.
        save_every: steps between checkpoints; each is scored on the validation split.
        device: "auto" (a GPU where there is one), "cpu" or "cuda".
        precision: of the convolutions and matrix products: "float32", "bf16" (by autocast), or "auto", which is bf16
            on a GPU. Weights, losses and the NMF are float32 in any case.
        compile: let torch.compile join the network's operations. The first step waits for it.
        network: number of classes → another network to train than SegNeXt, with an `encoder`, a `decoder`, `encode`,
            `decode` and `num_classes`.
        groups: model, lr, head_lr, weight_decay → AdamW's parameter groups; the authors' for SegNeXt.

    Raises InputError when the folder holds a run and `resume` is not set, or holds a run by another recipe.
    """

    def __init__(
        self,
        recipe: Recipe,
        out: str | Path,
        resume: bool = False,
        save_every: int = 500,
        device: str = "auto",
        precision: str = "auto",
        compile: bool = False,
        network: Callable[[int], Any] | None = None,
        groups: Callable[[Any, float, float, float], list[dict[str, Any]]] = parameter_groups,
    ):
        self.recipe, self.out, self.save_every = recipe, Path(out), save_every
        if not resume and (self.out / "log.jsonl").exists():
            raise InputError(f"{self.out}: holds a run already; go on with --resume, or choose another --out")
        if save_every < 1:
            raise InputError(f"--save-every is {save_every}; it must be at least 1")
        self.accelerator = accelerator_for(device)
        self.bf16 = in_bf16(self.accelerator.device, precision)
        hangs = recipe.variant == "nano" and network is None and recipe.crop >= 128  # 1 × 21 over 16 channels, 32 wide
        if hangs and self.bf16 and self.accelerator.device.type == "cpu":
            raise InputError(
                "--precision bf16: on a CPU, PyTorch never comes back from one of nano's convolutions when crops have "
                f"128 pixels or more, and here they have {recipe.crop}; leave --precision at float32"
            )
        self.environment = environment(self.accelerator.device, self.accelerator.num_processes, self.bf16)
        if recipe.batch % self.accelerator.num_processes:
            raise InputError(
                f"--batch {recipe.batch} cannot be shared out to {self.accelerator.num_processes} processes alike; "
                "choose a multiple"
            )
        place = self.accelerator.device
        train, val = load_scenes(recipe.data, "train"), load_scenes(recipe.data, "val")
        self.classes = class_names(train)
        self.train = Pictures(train, place, largest=round(SCALES[1] * recipe.short_side))
        mine = val.shard(self.accelerator.num_processes, self.accelerator.process_index)
        self.val = Pictures(mine, place, largest=max(LARGEST_SCORED, recipe.short_side))

        torch.manual_seed(recipe.seed)
        model = network(len(self.classes)) if network else SegNeXt(recipe.variant, len(self.classes))
        self.terms = {}
        if recipe.start is not None:  # what it was made of lays its terms on what is made of it
            card = checkpoints.begin_with(model, recipe.start, self.classes)
            self.terms = {name: value for name, value in card.items() if name == "terms"}
        if recipe.freeze_encoder:
            model.encoder.requires_grad_(False)
        parameters = groups(model, recipe.lr, recipe.head_lr, recipe.weight_decay)
        self.rates = [group["lr"] for group in parameters]
        model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        if self.accelerator.num_processes > 1:
            share_batch_norms(model)
        self.model, self.optimizer = self.accelerator.prepare(model, torch.optim.AdamW(parameters))
        self.bare = self.accelerator.unwrap_model(self.model)  # without what distributed training wraps around it
        if compile:
            self.model.compile()
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
        images, masks = self.batch()
        loss = self.learn(images, masks)
        seconds = time.perf_counter() - began
        record = {"step": self.step, "loss": loss, "lr": self.optimizer.param_groups[0]["lr"]}
        record |= {"images_per_s": self.recipe.batch / seconds, "seconds": seconds}
        if self.step % self.save_every == 0 or self.step == self.recipe.steps:
            record |= self._score()
            self._log(record)
            self._save(record)
        else:
            self._log(record)
        return record

    def batch(self) -> tuple[Tensor, Tensor]:
        """This process's share of the next step: images (B, 3, crop, crop) and masks (B, crop, crop), augmented."""
        recipe = self.recipe
        draws = draw(recipe.batch, torch.Generator().manual_seed(mixed_seed(recipe.seed, self.step, 1)))
        indices = batch_indices(self.step, recipe.batch, len(self.train), recipe.seed)
        share = recipe.batch // self.accelerator.num_processes
        mine = slice(share * self.accelerator.process_index, share * (self.accelerator.process_index + 1))
        images, masks = zip(*(self.train[index] for index in indices[mine]))
        return augment(images, masks, draws[mine], recipe.crop, recipe.short_side)

    def learn(self, images: Tensor, masks: Tensor) -> float:
        """One step on this batch: forward, backward, and the optimizer's. Returns the loss over all processes."""
        recipe, processes = self.recipe, self.accelerator.num_processes
        self.model.train()
        if recipe.freeze_encoder:
            self.bare.encoder.eval()  # its BatchNorms keep their statistics, and no branch is dropped
        factor = lr_factor(self.step, recipe.steps, recipe.warmup)
        for group, rate in zip(self.optimizer.param_groups, self.rates):
            group["lr"] = rate * factor
        torch.manual_seed(mixed_seed(recipe.seed, self.step, 2, self.accelerator.process_index))
        with torch.autocast(images.device.type, torch.bfloat16, enabled=self.bf16):
            logits = self.model(images)
        loss = segmentation_loss(logits, masks)
        # A mean over all labelled pixels, wherever they are: processes that hold more of them weigh more.
        labelled = (masks != IGNORE).sum()
        loss = loss * (labelled * processes / total(labelled).clamp(min=1))
        self.accelerator.backward(loss)
        loss = total(loss.detach()) / processes
        if not loss.isfinite():
            raise InputError(f"the loss is {loss.item()} at step {self.step + 1}: try a lower --lr, or --clip 1")
        if recipe.clip is not None:
            self.accelerator.clip_grad_norm_(self.model.parameters(), recipe.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.step += 1
        return loss.item()

    def _score(self) -> dict[str, float]:
        self.bare.eval()
        matrix = evaluate(self.bare, (self.val[i] for i in range(len(self.val))), self.recipe.short_side)
        matrix.counts = total(matrix.counts.to(self.accelerator.device))
        return {"miou": matrix.miou(), "accuracy": matrix.pixel_accuracy()}

    def _log(self, record: dict[str, Any]) -> None:
        if self.accelerator.is_main_process:
            with open(self.out / "log.jsonl", "a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")

    def _save(self, record: dict[str, Any]) -> None:
        better, self.best = record["miou"] > self.best, max(self.best, record["miou"])
        if not self.accelerator.is_main_process:
            return
        card = {"recipe": dataclasses.asdict(self.recipe), "score": record} | self.environment | self.terms
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
        lines = log.read_text("utf-8").splitlines()[: self.step] if log.exists() else []
        with appears_whole(log) as part:
            part.write_text("".join(line + "\n" for line in lines), "utf-8")
