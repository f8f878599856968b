"""Exercise 12.3: a map computed in bands of rows, with a halo."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from segnext_edu.lessons.checks.exercise import Wrong, call, check, described

SIZES = ((2, 3, 12, 5, 4), (1, 4, 11, 6, 3), (1, 2, 7, 4, 1), (1, 2, 5, 4, 9))  # batch, channels, height, width, rows


def in_bands(answer: Callable[..., Any]) -> Any:
    return check(answer, _same_answer, _never_taller, _once_each, ours=_with_halo)


def _with_halo(f: Callable[[Tensor], Tensor], x: Tensor, rows: int) -> Tensor:
    height, bands = x.shape[2], []
    for top in range(0, height, rows):
        bottom, first = min(top + rows, height), max(top - 1, 0)
        band = f(x[:, :, first : min(bottom + 1, height)])  # (B, D, up to rows + 2, W)
        bands.append(band[:, :, top - first : bottom - first])
    return torch.cat(bands, dim=2)  # (B, D, H, W)


class _Layers:
    """Widen, look at the 3 × 3 neighbours, narrow; it remembers how tall the maps were that it was given."""

    def __init__(self, channels: int):
        generator = torch.Generator().manual_seed(channels)
        shapes = (
            (2 * channels, channels, 1, 1),
            (2 * channels,),
            (2 * channels, 1, 3, 3),
            (channels + 1, 2 * channels, 1, 1),
        )
        self.fc1, self.bias, self.around, self.fc2 = (
            torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes
        )
        self.heights: list[int] = []

    def __call__(self, x: Tensor) -> Tensor:
        self.heights.append(x.shape[2])
        hidden = F.conv2d(x, self.fc1, self.bias)  # (B, 2C, h, W)
        hidden = F.conv2d(hidden, self.around, padding=1, groups=len(self.around))
        return F.conv2d(F.gelu(hidden), self.fc2)  # (B, C + 1, h, W)


def _run(answer: Callable[..., Any], size: tuple[int, ...]) -> tuple[Tensor, Tensor, _Layers]:
    """What came, what was expected, and the layers with their memory of this run."""
    b, c, h, w, rows = size
    x = torch.randn(b, c, h, w, generator=torch.Generator().manual_seed(h), dtype=torch.float64)
    layers = _Layers(c)
    right = layers(x)
    layers.heights.clear()
    given = x.clone()
    came = call(answer, layers, given, rows)
    if not given.equal(x):
        raise Wrong("Your function changed x in place. The band below still needs the rows as they were.")
    if not isinstance(came, Tensor):
        raise Wrong(f"Expected a tensor of shape {tuple(right.shape)}, but got {described(came)}.")
    return came, right, layers


def _same_answer(answer: Callable[..., Any]) -> str:
    for size in SIZES:
        h, rows = size[2], size[4]
        came, right, _ = _run(answer, size)
        where = f"{h} rows in bands of {rows}"
        if came.shape != right.shape:
            raise Wrong(f"{where}: expected {tuple(right.shape)}, but got {tuple(came.shape)}.{_why(came, h, rows)}")
        off = (came.to(right) - right).abs().amax((0, 1, 3))  # (H,)
        wrong = [row for row in range(h) if not off[row] < 1e-6]
        if wrong:
            said = f"{where}: wrong in rows {', '.join(map(str, wrong))}.{_blame(wrong, h, rows)}"
            raise Wrong(said, came, right)
    return "the same map, also where the bands do not divide the height"


def _why(came: Tensor, height: int, rows: int) -> str:
    if came.dim() != 4:
        return ""
    bands, got = math.ceil(height / rows), came.shape[2]
    if got == height + 2 * (bands - 1) and bands > 1:
        return " The halo rows are still there. They were only for looking at: cut them off before joining."
    if got == height + bands - 1 and bands > 1:
        return " One halo row of each band is still there; cut off the upper and the lower."
    if got == height // rows * rows:
        return " The last, shorter band is missing."
    if got < height:
        return (
            " Too many rows were cut off. The first band has no row above, the last none below: nothing to cut there."
        )
    return ""


def _blame(wrong: list[int], height: int, rows: int) -> str:
    tops = list(range(rows, height, rows))  # the first rows of all bands but the first
    bottoms = [top - 1 for top in tops]
    if wrong == sorted({*tops, *bottoms}):
        return " Those are the rows at the seams: each band has to see one row above itself and one below."
    if wrong == tops:
        return " Those are the first rows of the bands: they lack the row above."
    if wrong == bottoms:
        return " Those are the last rows of the bands: they lack the row below."
    if wrong == [0]:
        return " That is the map's first row. Has its top - 1 become -1, which Python counts from the end?"
    if set(wrong) <= {0, height - 1}:
        return (
            " That is the border of the map. Beyond it there is no row, not even one of zeros: a row of zeros would be "
            "widened, and the bias makes something of it."
        )
    if set(wrong) >= set(range(rows, height)):
        return " The first band is right. Do the others go where they belong, with the row above cut off?"
    return ""


def _never_taller(answer: Callable[..., Any]) -> str:
    for size in SIZES:
        h, rows = size[2], size[4]
        _, _, layers = _run(answer, size)
        most = max(layers.heights, default=0)
        allowed = min(h, rows + 2)
        if most > allowed:
            why = " The whole map went in at once." if most == h else " One row above and one below are enough."
            raise Wrong(f"The map is right, but f was given {most} rows where {allowed} would do.{why}")
    return "never more than a band and its halo at once"


def _once_each(answer: Callable[..., Any]) -> str:
    for size in SIZES:
        h, rows = size[2], size[4]
        _, _, layers = _run(answer, size)
        if len(layers.heights) != math.ceil(h / rows):
            bands = math.ceil(h / rows)
            raise Wrong(f"{h} rows in bands of {rows} are {bands} bands, but f was called {len(layers.heights)} times.")
    return "each band once"
