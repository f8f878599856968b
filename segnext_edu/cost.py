"""What a model costs: parameters and multiply-adds. The paper's "FLOPs" are multiply-adds.

What `count_macs` counts, with the weights that fvcore, the counter behind the paper's table, gives to each:

| operation | multiply-adds |
| --- | --- |
| convolution, matrix product | one for each product that is summed |
| attention | those of its two matrix products, q·kᵀ and weights·v, however it is computed |
| bilinear resize | 4 an output value |
| BatchNorm (eval mode) | 2 a value |
| GroupNorm, LayerNorm | 5 a value |

Activations, additions, the softmax and the NMF's element-wise products and quotients are not counted, as there.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten


def count_parameters(model: nn.Module) -> int:
    """The number of learnable numbers."""
    return sum(parameter.numel() for parameter in model.parameters())


def count_macs(model: nn.Module, shape: Sequence[int]) -> int:
    """Multiply-adds of one forward pass in eval mode on an input of this shape, e.g. (1, 3, 512, 512).

    Runs on fake tensors: shapes are worked out, numbers are not, so even the largest model takes a second; it
    is left as it was.
    """
    twin = copy.deepcopy(model).eval()
    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    with torch.no_grad(), FakeTensorMode(allow_non_fake_inputs=True), _Counter() as counter:
        twin(torch.empty(*shape, device=device))
    return counter.macs


class Operations(TorchDispatchMode):
    """Sees every operation that reaches the kernels, with what went in and what came out.

    In inference mode some come in one piece, such as a convolution with its bias, and are taken apart.
    """

    def saw(self, func: Any, args: Any, kwargs: Any, out: Any) -> None:
        raise NotImplementedError

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func.namespace != "aten":
            return func(*args, **kwargs)  # a question to PyTorch, such as on which device a tensor is
        if func.overloadpacket not in COSTS:
            with self:
                parts = func.decompose(*args, **kwargs)
            if parts is not NotImplemented:
                return parts
        out = func(*args, **kwargs)
        self.saw(func, args, kwargs, out)
        return out


class _Counter(Operations):
    """Adds up what they cost."""

    def __init__(self):
        super().__init__()
        self.macs = 0

    def saw(self, func: Any, args: Any, kwargs: Any, out: Any) -> None:
        self.macs += macs_of(func, args, out)


def macs_of(func: Any, args: Any, out: Any) -> int:
    """Multiply-adds of one operation; 0 for those that are not counted."""
    cost = COSTS.get(func.overloadpacket)
    return cost(args, out[0] if isinstance(out, tuple) else out) if cost else 0


def _convolution(args: Sequence[Any], out: Tensor) -> int:
    weight = args[1]  # (out, in / groups, kernel height, kernel width)
    return out.numel() * math.prod(weight.shape[1:])


def _attention(args: Sequence[Any], out: Tensor) -> int:
    query, key = args[:2]  # (B, heads, N, E), (B, heads, M, E)
    return (query.numel() + out.numel()) * key.shape[-2]


# What F.scaled_dot_product_attention turns into: a kernel for the processor, three for CUDA, and others'.
ATTENTION = (
    aten._scaled_dot_product_flash_attention_for_cpu,
    aten._scaled_dot_product_flash_attention,
    aten._scaled_dot_product_efficient_attention,
    aten._scaled_dot_product_cudnn_attention,
    aten._scaled_dot_product_fused_attention_overrideable,
)
COSTS = {
    aten.convolution: _convolution,
    aten.mm: lambda args, out: out.numel() * args[0].shape[-1],
    aten.bmm: lambda args, out: out.numel() * args[0].shape[-1],
    aten.addmm: lambda args, out: out.numel() * args[1].shape[-1],
    **dict.fromkeys(ATTENTION, _attention),
    aten.upsample_bilinear2d: lambda args, out: 4 * out.numel(),
    aten.native_batch_norm: lambda args, out: 2 * out.numel(),
    aten.native_group_norm: lambda args, out: 5 * out.numel(),
    aten.native_layer_norm: lambda args, out: 5 * out.numel(),
}
