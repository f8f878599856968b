"""Exercise 10.3: what a map marks is replaced, a share of the cells at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from segnext_edu.explain.sanity.perturbation import covered
from segnext_edu.lessons.checks.exercise import Wrong, call, cause, check, described

SIZES = ((5, 8, 8), (7, 4, 8), (6, 9, 4))  # cells high, cells wide, pixels a cell
SHARES = (0.15, 0.4, 0.75)


def replaced(answer: Callable[..., Any]) -> None:
    check(answer, _right_pixels, _the_ends, _leaves_alone)


def _given(h: int, w: int, cell: int) -> tuple[Tensor, Tensor, Tensor]:
    """Two pictures and a map in which no two cells are alike; most of it is far below its maximum."""
    generator = torch.Generator().manual_seed(h * w)
    before, after = torch.randn(2, 3, h * cell, w * cell, generator=generator)
    return before, after, torch.rand(h, w, generator=generator) ** 4 - 0.2


def _mixed(before: Tensor, after: Tensor, mask: Tensor) -> Tensor:
    pixels = F.interpolate(mask[None, None].float(), size=before.shape[1:], mode="nearest-exact")[0] > 0.5
    return torch.where(pixels, after, before)


def _right_pixels(answer: Callable[..., Any]) -> str:
    for size in SIZES:
        for share in SHARES:
            _expect(answer, *_given(*size), share)
    return "the cells ranked highest, as squares of pixels"


def _expect(answer: Callable[..., Any], before: Tensor, after: Tensor, saliency: Tensor, share: float) -> None:
    try:
        result = call(answer, before.clone(), after.clone(), saliency.clone(), share)
    except Wrong as wrong:
        if "must match the size of tensor b" not in str(wrong):
            raise
        cell = before.shape[1] // len(saliency)
        raise Wrong(f"{wrong} Here a cell is {cell} × {cell} pixels: size=before.shape[1:] fits always.") from None
    right = _mixed(before, after, covered(saliency, share))
    if not isinstance(result, Tensor):
        raise Wrong(f"Expected a picture, a tensor of shape {tuple(before.shape)}, but got {described(result)}.")
    if result.shape != right.shape:
        suspects = {
            "A batch axis is left over from F.interpolate: take [0].": (1, *before.shape),
            "Only the mask came back. Use it to choose between the two pictures.": saliency.shape,
            "Only the mask came back; use it to choose between the two pictures.": (1, *before.shape[1:]),
        }
        why = cause(lambda shape: tuple(result.shape) == tuple(shape), suspects)
        raise Wrong(f"The pictures are {tuple(before.shape)}; your answer is {tuple(result.shape)}.{why}")
    if not torch.equal(result.to(right), right):
        why = cause(
            lambda wrong: torch.allclose(result.to(wrong), wrong, atol=1e-5), _suspects(before, after, saliency, share)
        )
        off = (result.to(right) != right).any(0).float().mean().item()
        replaced_cells = (result == after).all(0).sum().item() * saliency.numel() / before[0].numel()
        asked = covered(saliency, share).sum().item()
        if not why and abs(replaced_cells - asked) == 1:
            why = (
                f" {replaced_cells:.0f} cells were replaced, {asked} are wanted: covered() rounds the number of cells."
            )
        raise Wrong(f"With a share of {share:g}, {off:.0%} of the pixels are not what they should be.{why}")


def _suspects(before: Tensor, after: Tensor, saliency: Tensor, share: float) -> dict[str, Tensor]:
    mask, pixels = covered(saliency, share), before.shape[1:]
    low, high = saliency.aminmax()
    smooth = F.interpolate(mask[None, None].float(), size=pixels, mode="bilinear")[0]
    fine = F.interpolate(saliency[None, None], size=pixels, mode="bilinear")[0, 0]
    tiled = mask.repeat(pixels[0] // mask.shape[0], pixels[1] // mask.shape[1])
    return {
        "before and after are swapped: what the map marks comes from `after`.": _mixed(after, before, mask),
        "The cells ranked lowest were replaced. Highest first.": _mixed(before, after, covered(-saliency, share)),
        "That keeps what should go: the share is what is replaced.": _mixed(
            before, after, covered(saliency, 1 - share)
        ),
        "The map was cut at a value, not at a share of the cells. Rank them: covered(saliency, share).": _mixed(
            before, after, saliency > share
        ),
        "The map was cut at a part of its range. Asked for is a share of the *cells*: covered().": _mixed(
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
            covered(fine, share), after, before
        ),
        "The mask is transposed: rows became columns.": torch.where(
            F.interpolate(mask.T[None, None].float(), size=pixels, mode="nearest-exact")[0] > 0, after, before
        ),
        "You ranked the picture's own numbers. The map says what goes: covered(saliency, share).": torch.where(
            covered(before, share), after, before
        ),
        "The mask was laid side by side like tiles, not enlarged. Each cell becomes a square.": torch.where(
            tiled, after, before
        ),
        "What is marked became 0. It comes from `after`.": _mixed(before, torch.zeros_like(after), mask),
        "The rest became 0. It stays as it was in `before`.": _mixed(torch.zeros_like(before), after, mask),
        "Nothing was replaced.": before,
        "All was replaced.": after,
    }


def _the_ends(answer: Callable[..., Any]) -> str:
    before, after, saliency = _given(*SIZES[0])
    for share, right in ((0.0, before), (1.0, after)):
        result = call(answer, before.clone(), after.clone(), saliency, share)
        if not isinstance(result, Tensor) or not torch.equal(result, right):
            raise Wrong(f"With a share of {share:g} the answer must be {'after' if share else 'before'} itself.")
    return "nothing at 0, all at 1"


def _leaves_alone(answer: Callable[..., Any]) -> str:
    given = _given(*SIZES[0])
    kept = [tensor.clone() for tensor in given]
    call(answer, *given, 0.4)
    for name, tensor, as_it_was in zip(("before", "after", "saliency"), given, kept):
        if not torch.equal(tensor, as_it_was):
            raise Wrong(f"Your function changed `{name}` in place. The next step of the curve still needs it: clone().")
    return "the pictures left alone"
