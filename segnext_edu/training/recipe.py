"""What training is made of: the authors' recipe, the lr schedule, parameter groups, the loss, the order of the images.

Notebook 08 builds these functions; `trainer.py` puts them together.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from segnext_edu.checkpoints import SHORT_SIDES
from segnext_edu.data import IGNORE
from segnext_edu.files import InputError
from segnext_edu.model.segnext import VARIANTS, SegNeXt
from segnext_edu.official_names import official_name

WHOLE = {  # what the whole numbers of a recipe may be, both ends included
    "steps": (1, 10**9),
    "batch": (1, 10**6),
    "crop": SHORT_SIDES,
    "short_side": SHORT_SIDES,
    "warmup": (0, 10**9),
    "seed": (0, 2**63 - 1),
}
LARGEST_RATE = 1e6  # beyond all use, and far from where float32 ends


@dataclass(frozen=True)
class Recipe:
    """Every setting that changes the result of a run. The defaults are the authors' for ADE20K.

    Raises InputError for a setting of another type, or out of range.
    """

    data: str
    variant: str = "tiny"
    steps: int = 160_000
    batch: int = 16  # over all devices together
    crop: int = 512  # pixels
    short_side: int = 512  # pixels, of an image at scale 1 and in scoring
    lr: float = 6e-5  # the encoder's learning rate
    head_lr_mult: float = 10.0  # multiplies the decoder's learning rate
    weight_decay: float = 0.01
    warmup: int = 1500  # steps
    max_grad_norm: float | None = None  # gradient clipping: the largest norm of the gradient; none where it is None
    seed: int = 0
    start: str | None = None  # a checkpoint with the initial weights; random ones where it is None
    freeze_encoder: bool = False  # train the decoder only

    def __post_init__(self):
        for name, value in vars(self).items():
            if name in WHOLE:
                least, most = WHOLE[name]
                fine = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
                wanted = f"a whole number from {least} to {most}"
            elif name in ("lr", "head_lr_mult", "weight_decay", "max_grad_norm"):
                fine = isinstance(value, int | float) and 0 <= value <= LARGEST_RATE  # NaN is not
                fine = fine or (value is None and name == "max_grad_norm")
                wanted = f"a number from 0 to {LARGEST_RATE:.0f}"
            elif name == "variant":
                fine, wanted = isinstance(value, str) and value in VARIANTS, f"one of {', '.join(VARIANTS)}"
            elif name == "freeze_encoder":
                fine, wanted = isinstance(value, bool), "True or False"
            else:
                fine, wanted = (
                    isinstance(value, str) or (value is None and name == "start"),
                    "text: a name or a path",
                )
            if not fine:
                raise InputError(f"--{name.replace('_', '-')} is {value!r}; it must be {wanted}")


# Ours, for "nano" on a laptop; the shipped checkpoint was trained with it. The authors' learning rate is for
# fine-tuning an encoder that was pretrained on ImageNet.
LESSON = {"steps": 6000, "batch": 8, "crop": 192, "short_side": 320, "lr": 3e-3, "head_lr_mult": 1.0, "warmup": 150}


def default_recipe(data: str, variant: str = "tiny", **given: Any) -> Recipe:
    """The authors' recipe, or our lessons' for "nano", with the given settings replaced.

    `short_side` equals `crop` if only `crop` is given, and a short run has a shorter warm-up.
    """
    chosen = {**(LESSON if variant == "nano" else {}), **given}
    if "crop" in given and "short_side" not in given:
        chosen["short_side"] = given["crop"]
    recipe = Recipe(data, variant, **chosen)
    if "warmup" not in given:
        recipe = dataclasses.replace(recipe, warmup=min(recipe.warmup, recipe.steps // 10))
    return recipe


def parameter_groups(model: SegNeXt, lr: float, head_lr_mult: float, weight_decay: float) -> list[dict[str, Any]]:
    """AdamW's parameter groups, as in the authors' configuration.

    Norms have no weight decay, but the authors' rule reads names: only parameters with "norm" in their name are exempt.
    The stem's BatchNorms, the decoder's GroupNorms, the biases and the layer scales do decay.
    """
    decayed, spared, head = [], [], []
    for name, parameter in model.named_parameters():
        if name.startswith("decoder."):
            head.append(parameter)
        elif "norm" in official_name(name):
            spared.append(parameter)
        else:
            decayed.append(parameter)
    return [
        {"params": decayed, "lr": lr, "weight_decay": weight_decay},
        {"params": spared, "lr": lr, "weight_decay": 0.0},
        {"params": head, "lr": lr * head_lr_mult, "weight_decay": weight_decay},
    ]


def lr_schedule(step: int, steps: int, warmup: int) -> float:
    """The lr schedule, as a factor on the learning rate: linear decay to 0, with a linear warm-up at the start.

    step counts from 0. As in the authors' code the decay begins at step 0, so the warm-up never quite reaches 1.
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
    """The indices of a step's batch among `count` images: one shuffled epoch after the other, no image left out."""
    indices = range(step * batch, (step + 1) * batch)

    def shuffled(epoch: int) -> Tensor:
        return torch.randperm(count, generator=torch.Generator().manual_seed(mixed_seed(seed, epoch, 0)))

    orders = {epoch: shuffled(epoch) for epoch in {index // count for index in indices}}
    return [int(orders[index // count][index % count]) for index in indices]


def mixed_seed(*numbers: int) -> int:
    """One seed from several numbers; neighbouring numbers give unrelated random streams."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)
