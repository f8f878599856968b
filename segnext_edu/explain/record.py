"""What a trained network attends to: one forward pass, recorded as it goes by, and the maps that can be read from it.

`record` runs the model once; most of the rest are pure functions of what it recorded. Notebook 10 looks at the maps,
each beside the control that tells whether it means anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from segnext_edu.model.hamburger import nmf
from segnext_edu.model.msca import MSCA, STRIPS
from segnext_edu.model.segnext import SegNeXt

LOCAL = 5  # the side of MSCA's square kernel
BRANCHES = (LOCAL, *STRIPS)

Layer = tuple[int, int]  # stage, counted from 1, and block, from 0, as in the authors' checkpoints
Key = tuple[int, int, str | int]  # stage, block, and a part of the attention: "gate" or a branch, 5, 7, 11 or 21


@dataclass(frozen=True)
class Recording:
    """What a forward pass of images (B, 3, H, W) in eval mode left behind.

    attentions: (stage, block, part) → (B, C, h, w), as `attention_maps` gives them.
    stages: the four maps that the encoder returns, (B, C, h, w).
    bases, coef: the NMF's result, (B, D, R) and (B, N, R), where N = h·w are the pixels at stride 8.
    logits: (B, K, h, w) at stride 8.
    """

    attentions: dict[Key, Tensor]
    stages: list[Tensor]
    bases: Tensor
    coef: Tensor
    logits: Tensor


def attentions(model: SegNeXt) -> Iterator[tuple[Layer, MSCA]]:
    """All the attentions of a model, in the order in which an image meets them."""
    for stage, layer in enumerate(model.encoder.stages, start=1):
        blocks = (module for module in layer.modules() if isinstance(module, MSCA))
        yield from (((stage, block), msca) for block, msca in enumerate(blocks))


@torch.no_grad()
def record(model: SegNeXt, images: Tensor) -> Recording:
    """Run the model, which must be in eval mode, on (B, 3, H, W) normalised images, and keep what it says."""
    kept: dict[Key, Tensor] = {}
    ham: list[Tensor] = []

    def keep(key: Key, module: nn.Module) -> RemovableHandle:
        def store(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            kept[key] = output

        return module.register_forward_hook(store)

    core = model.decoder.hamburger.nmf
    hooks = [core.register_forward_pre_hook(lambda module, inputs: ham.append(inputs[0]))]
    for (stage, block), msca in attentions(model):
        hooks.append(keep((stage, block, LOCAL), msca.local))
        hooks += [keep((stage, block, length), strip) for strip, length in zip(msca.strips, STRIPS)]
        hooks.append(keep((stage, block, "gate"), msca.mix))
    try:
        stages = model.encode(images)
        logits = model.decode(stages)
    finally:
        for hook in hooks:
            hook.remove()
    pixels = ham[0].flatten(2).float()  # (B, D, N)
    bases, coef = nmf(pixels, core.start(len(images)).to(pixels), core.eval_steps)  # what it did, once more
    return Recording(kept, stages, bases, coef, logits)


def attention_maps(model: SegNeXt, images: Tensor) -> dict[Key, Tensor]:
    """The gates of every block, and what each branch adds to them, for (B, 3, H, W) normalised images.

    Returns a dictionary from (stage, block, part) to (B, C, h, w). Stages count from 1 and blocks from 0, as in the
    authors' checkpoints; part is "gate" (what MSCA multiplies its input with, Eq. 2) or a branch: 5 (the square look),
    7, 11 or 21 (the strip pairs on top of it; Eq. 1 sums the four).
    """
    return record(model, images).attentions


# ---- The gate and its branches


def strength(maps: Tensor) -> Tensor:
    """How far from zero a map is at each place, over its channels: (B, C, h, w) → (B, h, w), the root mean square."""
    return maps.square().mean(1).sqrt()


@torch.no_grad()
def contributions(msca: MSCA, recording: Recording, layer: Layer) -> dict[int, Tensor]:
    """What each branch adds to the gate: branch → (B, C, h, w).

    The 1 × 1 convolution that makes the gate from the branches' sum (Eq. 1) is linear. So each branch can be sent
    through it alone, and the four answers add up to the gate less the convolution's bias.
    """
    return {length: F.conv2d(recording.attentions[*layer, length], msca.mix.weight) for length in BRANCHES}


def dominant_branch(parts: Mapping[int, Tensor]) -> Tensor:
    """Which branch adds most at each place: branch → (B, C, h, w) becomes (B, h, w), of branch lengths."""
    strongest = torch.stack([strength(part) for part in parts.values()]).argmax(0)  # (B, h, w)
    return torch.tensor(list(parts))[strongest.cpu()]


# ---- The NMF


def segments(recording: Recording) -> Tensor:
    """How much of each base every pixel holds: (B, R, h, w), in the units of the features.

    A base and its coefficients share one scale between them: doubling the one and halving the other changes nothing.
    So each map is its coefficients times the base's length.
    """
    amounts = recording.coef * recording.bases.norm(dim=1, keepdim=True)  # (B, N, R)
    return amounts.mT.unflatten(-1, recording.logits.shape[2:])  # (B, R, h, w)


def base_of(recording: Recording, y: int, x: int) -> Tensor:
    """The base that a pixel at stride 8 holds most of: (B,)."""
    return segments(recording)[:, :, y, x].argmax(1)


# ---- One pixel, one unit, one class


def cell_of(pixel: int, pixels: int, cells: int) -> int:
    """Which of so many cells, laid evenly along a row of pixels, holds this pixel; all count from 0."""
    return pixel * cells // pixels


def similarity(maps: Tensor, y: int, x: int) -> Tensor:
    """The cosine between one cell's channels and every cell's: (B, C, h, w) → (B, h, w), from -1 to 1."""
    directions = F.normalize(maps, dim=1)  # (B, C, h, w), each cell of length 1
    return (directions * directions[:, :, y, x, None, None]).sum(1)
