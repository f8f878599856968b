"""What a forward pass has to do, and when a card could have done it at the earliest.

Two counts and three rates decide what holds a network up. Its multiply-adds, at the rate of a large matrix product,
keep the multiprocessors busy for one time; its bytes, at the rate of a large copy, the memory for another. The longer
of the two is the floor, and says of which there would have to be less.

The bytes are those of a network run an operation at a time, each reading its inputs from memory and writing its output
there. Whoever joins operations moves fewer, and can get below this floor.

Depthwise convolutions are counted apart: each of their values is a sum of its own, no matrix product, and matrix units
are of no use to them. Theirs is the rate of a product in float32 without those units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._pytree import tree_leaves

from segnext_edu.cost import ATTENTION, Operations, macs_of

aten = torch.ops.aten
PRODUCTS = (aten.convolution, aten.mm, aten.bmm, aten.addmm, *ATTENTION)  # matrix units make these, unless depthwise
UNTOUCHED = (aten.empty, aten.empty_like, aten.new_empty, aten.empty_strided, aten._unsafe_view)  # move nothing


@dataclass(frozen=True)
class Work:
    """What is counted: multiply-adds as `cost.count_macs` does, and bytes if each operation moves its own just once."""

    matrix: int  # multiply-adds that matrix units can make
    single: int  # all the others: depthwise convolutions, norms, resizing
    moved: int  # bytes: every input of every operation read once, every output written once

    @property
    def multiply_adds(self) -> int:
        return self.matrix + self.single


@dataclass(frozen=True)
class Card:
    """What a card was measured to do."""

    bandwidth: float  # bytes per second in a large copy, read and written
    matrix: float  # multiply-adds per second in a large bfloat16 matrix product
    single: float  # multiply-adds per second in a large float32 matrix product without matrix units

    def needs(self, work: Work) -> dict[str, float]:
        """Seconds at least: of the memory, and of the multiprocessors."""
        processors = work.matrix / self.matrix + work.single / self.single
        return {"memory": work.moved / self.bandwidth, "multiprocessors": processors}

    def verdict(self, work: Work) -> dict[str, Any]:
        """What `work` comes to on this card, as it goes into the JSON file.

        `intensity`: multiply-adds a byte. `ridge`: as many keep memory and multiprocessors busy equally long, at the
        rate that this mixture of multiply-adds can have. `floor`: seconds; `bound`: by which of the two.
        """
        needs = self.needs(work)
        return {
            "multiply_adds": work.multiply_adds,
            "depthwise_and_other": work.single,
            "bytes": work.moved,
            "intensity": work.multiply_adds / work.moved,
            "ridge": work.multiply_adds / needs["multiprocessors"] / self.bandwidth,
            "floor": max(needs.values()),
            "bound": max(needs, key=lambda name: needs[name]),
        }


def count_work(model: nn.Module, shape: Sequence[int], dtype: torch.dtype = torch.float32) -> Work:
    """What one forward pass on an input of this shape and dtype takes, counted on tensors without numbers."""
    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    with torch.no_grad(), FakeTensorMode(allow_non_fake_inputs=True), _Counter() as counter:
        model(torch.empty(*shape, dtype=dtype, device=device))
    return Work(counter.matrix, counter.single, counter.moved)


class _Counter(Operations):
    """Adds up what they cost, and the bytes that they read and write."""

    def __init__(self):
        super().__init__()
        self.matrix = self.single = self.moved = 0

    def saw(self, func: Any, args: Any, kwargs: Any, out: Any) -> None:
        if not func.is_view and func.overloadpacket not in UNTOUCHED:
            self.moved += _bytes([args, {name: value for name, value in kwargs.items() if name != "out"}]) + _bytes(out)
        if func.overloadpacket in PRODUCTS and not _depthwise(func, args):
            self.matrix += macs_of(func, args, out)
        else:
            self.single += macs_of(func, args, out)


def _depthwise(func: Any, args: Sequence[Any]) -> bool:
    return func.overloadpacket == aten.convolution and args[1].shape[1] == 1


def _bytes(values: Any) -> int:
    return sum(leaf.numel() * leaf.element_size() for leaf in tree_leaves(values) if isinstance(leaf, Tensor))
