"""The authors' model, as far as a test needs it: names and shapes of its tensors, weights that anyone can draw again,
and what the authors' code returned for them (48 values of every stage and of the logits, evenly spaced)."""

from __future__ import annotations

import json
import math
import zlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

FIXTURES = Path(__file__).parent / "fixtures"
SIZES = ("tiny", "small", "base", "large")


def official_shapes(variant: str, layout: str = "official") -> dict[str, list[int]]:
    """Name → shape in a published checkpoint; layout "official" (the authors') or "mmseg" (mmsegmentation 1.x)."""
    shapes = json.loads((FIXTURES / "official_names.json").read_text())[variant]
    if layout == "official":
        return shapes
    return {name.replace(".dwconv.dwconv.", ".dwconv."): shape for name, shape in shapes.items()}


def official_weights(variant: str, layout: str = "official", seed: int = 7) -> dict[str, Tensor]:
    """Random weights that keep the signal's scale, each tensor from a generator of its own."""
    shapes = official_shapes(variant, layout)
    return {name: _draw(name, shape, seed, shapes) for name, shape in shapes.items()}


def _draw(name: str, shape: list[int], seed: int, shapes: dict[str, list[int]]) -> Tensor:
    key = f"{seed}|{name.replace('.dwconv.dwconv.', '.dwconv.')}"
    generator = torch.Generator().manual_seed(zlib.crc32(key.encode()))
    leaf = name.rsplit(".", 1)[-1]
    if leaf == "num_batches_tracked":
        return torch.tensor(100)
    if leaf.startswith("layer_scale"):
        stage = name.split(".")[1]
        blocks = len({other.split(".")[2] for other in shapes if other.startswith(f"backbone.{stage}.")})
        return (0.1 + 0.4 * torch.rand(shape, generator=generator)) * min(1, 4 / blocks)
    if leaf == "running_mean":
        return 0.2 * torch.randn(shape, generator=generator)
    if leaf == "running_var":
        return 0.5 + torch.rand(shape, generator=generator)
    if leaf == "bias":
        return 0.1 * torch.randn(shape, generator=generator)
    if len(shape) == 1:
        return 0.7 + 0.6 * torch.rand(shape, generator=generator)
    return torch.randn(shape, generator=generator) * math.sqrt(1 / math.prod(shape[1:]))


def reference_input() -> Tensor:
    return torch.randn(1, 3, 72, 104, generator=torch.Generator().manual_seed(zlib.crc32(b"7|input")))


def reference_bases(width: int, rank: int) -> Tensor:
    return torch.rand(1, width, rank, generator=torch.Generator().manual_seed(1007))


def reference_figures(variant: str) -> dict[str, Any]:
    return json.loads((FIXTURES / "reference_figures.json").read_text())[variant]
