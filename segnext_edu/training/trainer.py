"""A training run: the loop, with scores, checkpoints, a log and exact resume.

Everything random in step s (which images, their augmentation, dropout, stochastic depth, NMF bases) is drawn from the
seed and s alone. So a run that was killed and resumed ends with the same weights as one that was left alone.
"""

from __future__ import annotations

import dataclasses
import math
import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from segnext_edu import checkpoints
from segnext_edu.data import IGNORE, class_names, load_scenes
from segnext_edu.data.augment import SCALES, augment, draw
from segnext_edu.data.dataset import SegmentationDataset
from segnext_edu.files import InputError
from segnext_edu.inference.evaluate import evaluate
from segnext_edu.model.segnext import SegNeXt
from segnext_edu.training.devices import accelerator_for, in_bf16, refuse_endless
from segnext_edu.training.recipe import (
    Recipe,
    batch_indices,
    lr_schedule,
    mixed_seed,
    parameter_groups,
    segmentation_loss,
)
from segnext_edu.training.resume import State, flat, restore, save_state
from segnext_edu.training.run_folder import RunFolder

LARGEST_SCORED = 1024  # pixels: images with a longer short side are scored at this size


class Run:
    """A training run and its folder: `log.jsonl`, `last.safetensors`, `best.safetensors`, `resume.pt`.

    Iterating trains. After every step it yields what was written to the log: step (counted from 1), loss, lr,
    images_per_s, seconds and, where the model was scored, miou and accuracy. It also works under `accelerate launch`;
    then call `close()` last. On GPUs, BatchNorm's statistics are those of the whole batch; several CPU processes each
    use the statistics of their own share, because PyTorch's SyncBatchNorm needs GPUs.

    Args:
        resume: continue from the folder's `resume.pt`; from the start if the run was stopped before it wrote one.
        save_every: steps between checkpoints; each is scored on the validation split.
        device: "auto" (a GPU if there is one), "cpu" or "cuda".
        precision: of the convolutions and matrix products: "float32", "bf16" (by autocast), or "auto", which is bf16
            on a GPU. Weights, losses and the NMF are float32 in any case.
        compile: use torch.compile. The first step waits for it.
        network: number of classes → another network to train than SegNeXt, with an `encoder`, a `decoder`, `encode`,
            `decode` and `num_classes`.
        groups: model, lr, head_lr_mult, weight_decay → AdamW's parameter groups; the authors' for SegNeXt.

    Raises InputError when the folder holds a run and `resume` is not set, holds a run with another recipe, cannot be
    written, or is another process's at this time.
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
        if save_every < 1:
            raise InputError(f"--save-every is {save_every}; it must be at least 1")
        accelerator = self.accelerator = accelerator_for(device)
        self.bf16 = in_bf16(accelerator.device, precision)
        if network is None:
            refuse_endless(recipe, accelerator.device, self.bf16)
        if recipe.batch % accelerator.num_processes:
            raise InputError(
                f"--batch {recipe.batch} cannot be shared out to {accelerator.num_processes} processes alike; "
                "choose a multiple"
            )
        self.folder = RunFolder(out)
        if accelerator.is_main_process:
            self.folder.claim(resume)
        try:
            self._prepare(resume, compile, network, groups)
        except BaseException:
            self.folder.leave()
            raise

    def _prepare(
        self,
        resume: bool,
        compile: bool,
        network: Callable[[int], Any] | None,
        groups: Callable[[Any, float, float, float], list[dict[str, Any]]],
    ) -> None:
        """Load the data, build the network and the optimizer, and take up what the folder holds."""
        recipe, accelerator = self.recipe, self.accelerator
        # The sums below have a group of their own. A group's threads must end before Python does: one that still
        # releases a tensor known to Python aborts the process. They end with the last reference to the group, and
        # DistributedDataParallel never drops its reference to the common one.
        self.group: Any = dist.new_group() if dist.is_initialized() else None
        train, val = load_scenes(recipe.data, "train"), load_scenes(recipe.data, "val")
        self.classes = class_names(train)
        self.train = SegmentationDataset(train, accelerator.device, largest=round(SCALES[1] * recipe.short_side))
        share = val.shard(accelerator.num_processes, accelerator.process_index)
        self.val = SegmentationDataset(share, accelerator.device, largest=max(LARGEST_SCORED, recipe.short_side))

        torch.manual_seed(recipe.seed)
        model = network(len(self.classes)) if network else SegNeXt(recipe.variant, len(self.classes))
        start = checkpoints.begin_with(model, recipe.start, self.classes) if recipe.start is not None else {}
        if recipe.freeze_encoder:
            model.encoder.requires_grad_(False)
        model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        if accelerator.num_processes > 1 and accelerator.device.type == "cuda":
            model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
        parameters = groups(model, recipe.lr, recipe.head_lr_mult, recipe.weight_decay)
        self.rates = [group["lr"] for group in parameters]
        self.model, self.optimizer = accelerator.prepare(model, torch.optim.AdamW(parameters))
        self.bare = accelerator.unwrap_model(self.model)  # without DistributedDataParallel around it
        if compile:
            self.model.compile()

        self.environment = {
            "torch": torch.__version__,
            "device": torch.cuda.get_device_name() if accelerator.device.type == "cuda" else platform.machine(),
            "precision": "bf16" if self.bf16 else "float32",
            "threads": torch.get_num_threads(),
            "processes": accelerator.num_processes,
        }
        self.card = {"recipe": dataclasses.asdict(recipe)} | self.environment
        if "terms" in start:  # the terms of the checkpoint it starts from hold for what is made of it
            self.card["terms"] = start["terms"]
        self.step, self.best, self.saved = 0, -1.0, 0  # steps done, the best mIoU, the step of the last checkpoint
        if resume and (self.out / "resume.pt").exists():
            state = restore(self.out / "resume.pt", recipe, self.bare, self.optimizer)
            self.step, self.best, self.saved = state.step, state.best, state.step
        if accelerator.is_main_process:
            self.folder.tidy(self.step)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        recipe, accelerator, optimizer = self.recipe, self.accelerator, self.optimizer
        while self.step < recipe.steps:
            began = time.perf_counter()
            # 1. The batch, and the learning rate of this step
            images, masks = self.batch()
            factor = lr_schedule(self.step, recipe.steps, recipe.warmup)
            for group, rate in zip(optimizer.param_groups, self.rates):
                group["lr"] = rate * factor

            # 2. Forward pass and loss
            self.model.train()
            if recipe.freeze_encoder:
                self.bare.encoder.eval()  # its BatchNorms keep their statistics, and no branch is dropped
            torch.manual_seed(mixed_seed(recipe.seed, self.step, 2, accelerator.process_index))
            with torch.autocast(images.device.type, torch.bfloat16, enabled=self.bf16):
                logits = self.model(images)  # (B, K, crop, crop)
            loss = segmentation_loss(logits, masks)
            del logits  # the largest tensor; the next step needs its memory
            # The mean over the labelled pixels of all processes: those that hold more of them weigh more.
            labelled = (masks != IGNORE).sum()
            loss = loss * (labelled * accelerator.num_processes / self._sum(labelled).clamp(min=1))

            # 3. Backward pass, gradient clipping, update of the weights
            accelerator.backward(loss)
            mean_loss = (self._sum(loss.detach()) / accelerator.num_processes).item()
            if not math.isfinite(mean_loss):
                raise self._diverged(f"the loss is {mean_loss} at step {self.step + 1}")
            if recipe.max_grad_norm is not None:
                accelerator.clip_grad_norm_(self.model.parameters(), recipe.max_grad_norm)
            optimizer.step()
            optimizer.zero_grad()
            self.step += 1

            # 4. The log; every save_every steps also a score and the checkpoints
            seconds = time.perf_counter() - began
            record = {"step": self.step, "loss": mean_loss, "lr": optimizer.param_groups[0]["lr"]}
            record |= {"images_per_s": recipe.batch / seconds, "seconds": seconds}
            saves = self.step % self.save_every == 0 or self.step == recipe.steps
            if saves:
                self._check_weights()
                record |= self._score()
            if accelerator.is_main_process:
                self.folder.log(record)
            if saves:
                self._save(record)
            yield record
        self.folder.leave()

    def batch(self) -> tuple[Tensor, Tensor]:
        """This process's share of the next step: images (B, 3, crop, crop) and masks (B, crop, crop), augmented."""
        recipe = self.recipe
        draws = draw(recipe.batch, torch.Generator().manual_seed(mixed_seed(recipe.seed, self.step, 1)))
        indices = batch_indices(self.step, recipe.batch, len(self.train), recipe.seed)
        share = recipe.batch // self.accelerator.num_processes
        mine = slice(share * self.accelerator.process_index, share * (self.accelerator.process_index + 1))
        images, masks = zip(*(self.train[index] for index in indices[mine]))
        return augment(images, masks, draws[mine], recipe.crop, recipe.short_side)

    def close(self) -> None:
        """Let others into the folder, and end what several processes share; the last thing that each of them does."""
        self.folder.leave()
        self.group = None
        if dist.is_initialized():
            dist.destroy_process_group()

    def _sum(self, tensor: Tensor) -> Tensor:
        """The sum over all processes, as a new tensor."""
        total = tensor.clone()
        if self.group is not None:
            dist.all_reduce(total, group=self.group)
        return total

    def _score(self) -> dict[str, float]:
        self.bare.eval()
        if self.group is not None:  # CPU processes differ in BatchNorm's statistics: the first one's are saved
            for buffer in self.bare.buffers():
                dist.broadcast(buffer, 0, group=self.group)
        matrix = evaluate(self.bare, (self.val[i] for i in range(len(self.val))), self.recipe.short_side)
        matrix.counts = self._sum(matrix.counts.to(self.accelerator.device))
        return {"miou": matrix.miou(), "accuracy": matrix.pixel_accuracy()}

    def _check_weights(self) -> None:
        """What cannot be used is neither scored nor saved."""
        bad = checkpoints.not_finite(self.bare.state_dict())
        bad = bad or checkpoints.not_finite(flat(self.optimizer.state_dict()["state"]))
        if bad:
            raise self._diverged(f"{bad} holds NaN or infinity after step {self.step}")

    def _diverged(self, found: str) -> InputError:
        saved = f"{self.out} keeps what was saved after step {self.saved}, so choose another --out"
        unsaved = "nothing was saved, so --resume begins again in the same --out"
        return InputError(f"{found}: try a lower --lr, or --max-grad-norm 1; {saved if self.saved else unsaved}")

    def _save(self, record: dict[str, Any]) -> None:
        better, self.best = record["miou"] > self.best, max(self.best, record["miou"])
        if not self.accelerator.is_main_process:
            return
        card = self.card | {"score": record}
        checkpoints.save(self.bare, self.out / "last.safetensors", self.classes, card)
        if better:
            checkpoints.save(self.bare, self.out / "best.safetensors", self.classes, card)
        moments = self.optimizer.state_dict()["state"]
        save_state(self.out / "resume.pt", State(self.recipe, self.step, self.best, self.bare.state_dict(), moments))
        self.saved = self.step
