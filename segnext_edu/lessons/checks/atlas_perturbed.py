"""Exercise 10.3: what a map marks is replaced, a share of the cells at a time."""

from __future__ import annotations

import re
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from segnext_edu.explain.sanity.perturbation import top_cells
from segnext_edu.lessons.checks.exercise import Wrong, cause, described
from segnext_edu.lessons.checks.table import Exercise


def _pictures(h: int, w: int, cell: int, share: float) -> tuple[Tensor, Tensor, Tensor, float]:
    """Two pictures and a map in which no two cells are alike; most of it is far below its maximum."""
    generator = torch.Generator().manual_seed(h * w)
    before, after = torch.randn(2, 3, h * cell, w * cell, generator=generator)
    return before, after, torch.rand(h, w, generator=generator) ** 4 - 0.2, share


def _mixed(before: Tensor, after: Tensor, mask: Tensor) -> Tensor:
    pixels = F.interpolate(mask[None, None].float(), size=before.shape[1:], mode="nearest-exact")[0] > 0.5
    return torch.where(pixels, after, before)


def _perturbed(before: Tensor, after: Tensor, saliency: Tensor, share: float) -> Tensor:
    return _mixed(before, after, top_cells(saliency, share))


def _one_picture(result: Any, right: Tensor, before: Tensor, after: Tensor, saliency: Tensor, share: float) -> Tensor:
    if not isinstance(result, Tensor):
        raise Wrong(f"Expected a picture, a tensor of shape {tuple(before.shape)}, but got {described(result)}.")
    suspects = {
        "A batch axis is left over from F.interpolate: take [0].": (1, *before.shape),
        "Only the mask came back. Use it to choose between the two pictures.": saliency.shape,
        "Only the mask came back; use it to choose between the two pictures.": (1, *before.shape[1:]),
    }
    if result.shape != right.shape:
        why = cause(result.shape.__eq__, suspects)
        raise Wrong(f"The pictures are {tuple(before.shape)}; your answer is {tuple(result.shape)}.{why}")
    return result


def _perturbed_mistakes(before: Tensor, after: Tensor, saliency: Tensor, share: float) -> dict[str, Tensor]:
    if share in (0, 1):
        return {}
    mask, pixels = top_cells(saliency, share), before.shape[1:]
    low, high = saliency.aminmax()
    smooth = F.interpolate(mask[None, None].float(), size=pixels, mode="bilinear")[0]
    fine = F.interpolate(saliency[None, None], size=pixels, mode="bilinear")[0, 0]
    tiled = mask.repeat(pixels[0] // mask.shape[0], pixels[1] // mask.shape[1])
    return {
        "before and after are swapped: what the map marks comes from `after`.": _mixed(after, before, mask),
        "The cells ranked lowest were replaced. Highest first.": _mixed(before, after, top_cells(-saliency, share)),
        "That keeps what should go: the share is what is replaced.": _mixed(
            before, after, top_cells(saliency, 1 - share)
        ),
        "The map was cut at a value, not at a share of the cells. Rank them: top_cells(saliency, share).": _mixed(
            before, after, saliency > share
        ),
        "The map was cut at a part of its range. Asked for is a share of the *cells*: top_cells().": _mixed(
            before, after, saliency > high - share * (high - low)
        ),
        "The mask was enlarged bilinearly, so its edges are soft or moved. nearest-exact keeps squares.": torch.where(
            smooth > 0, after, before
        ),
        "The mask was enlarged bilinearly and cut: no squares any more. nearest-exact keeps them.": torch.where(
            smooth > 0.5, after, before
        ),
        "The mask was enlarged bilinearly, and the pictures were blended. A pixel comes from one or the other.": (
            smooth * after + (1 - smooth) * before
        ),
        "The map was enlarged before it was ranked. Rank its cells, then enlarge the mask.": torch.where(
            top_cells(fine, share), after, before
        ),
        "The mask is transposed: rows became columns.": torch.where(
            F.interpolate(mask.T[None, None].float(), size=pixels, mode="nearest-exact")[0] > 0, after, before
        ),
        "You ranked the picture's own numbers. The map says what goes: top_cells(saliency, share).": torch.where(
            top_cells(before, share), after, before
        ),
        "The mask was laid side by side like tiles, not enlarged. Each cell becomes a square.": torch.where(
            tiled, after, before
        ),
        "What is marked became 0. It comes from `after`.": _mixed(before, torch.zeros_like(after), mask),
        "The rest became 0. It stays as it was in `before`.": _mixed(torch.zeros_like(before), after, mask),
        "Nothing was replaced.": before,
        "All was replaced.": after,
    }


def _other_pixels(came: Tensor, right: Tensor, *arguments: Any) -> str:
    share = arguments[-1]
    if share in (0, 1):
        return f"With a share of {share:g} the answer must be {'after' if share else 'before'} itself."
    off = (came.to(right) != right).any(0).float().mean().item()
    return f"With a share of {share:g}, {off:.0%} of the pixels are not what they should be."


def _a_cell_off(came: Tensor, right: Tensor, before: Tensor, after: Tensor, saliency: Tensor, share: float) -> str:
    cells, asked = (
        (came == after).all(0).sum().item() * saliency.numel() / before[0].numel(),
        top_cells(saliency, share).sum(),
    )
    if abs(cells - asked) != 1:
        return ""
    return f" {cells:.0f} cells were replaced, {asked} are wanted: top_cells() rounds the number of cells."


def _stopped(said: str, _: str) -> str:
    heights = re.findall(r"(\d+), \d+\),? float", said)  # of before, after and saliency
    if "must match the size of tensor b" not in said or len(heights) < 3:
        return said
    cell = int(heights[0]) // int(heights[2])
    return f"{said} Here a cell is {cell} × {cell} pixels: size=before.shape[1:] fits always."


perturbed = Exercise(
    _perturbed,
    {
        "the cells ranked highest, as squares of pixels": [
            (*size, share)
            for size in ((5, 8, 8), (7, 4, 8), (6, 9, 4))  # cells high, cells wide, pixels a cell
            for share in (0.15, 0.4, 0.75)
        ],
        "nothing at 0, all at 1": [(5, 8, 8, 0.0), (5, 8, 8, 1.0)],
    },
    _perturbed_mistakes,
    given=_pictures,
    read=_one_picture,
    say=_other_pixels,
    suspect=_a_cell_off,
    retell=_stopped,
    changed="Your function changed `{}` in place. The next step of the curve still needs it: clone().",
    kept="the pictures left alone",
)
