"""Depthwise convolutions whose weights' gradient is quick on a CPU.

oneDNN (PyTorch 2.13) takes 10 to 20 times as long for the gradient of a (1, k) or (5, 5) depthwise kernel as for that
of a (k, 1) one, and also where a kernel is longer than the map: a fifth of SegNeXt's training step. Both can be had
from (k, 1) ones: by transposing the maps, and a column of the kernel at a time.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Depthwise(nn.Conv2d):
    """A depthwise `nn.Conv2d` with stride 1 and "same" padding; the same numbers, but for rounding in the gradient."""

    def forward(self, input: Tensor) -> Tensor:
        dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else input.dtype
        bias = None if self.bias is None else self.bias.to(dtype)
        return _Convolve.apply(input.to(dtype), self.weight.to(dtype), bias)


def quicken(model: nn.Module) -> None:
    """Make the model's depthwise convolutions, in place, `Depthwise`; those of 3 × 3 are quick enough as they are."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d) and module.groups == module.in_channels and module.kernel_size != (3, 3):
            module.__class__ = Depthwise


class _Convolve(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return F.conv2d(x, weight, bias, padding=_padding(weight), groups=len(weight))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        (grad,), (x, weight) = grads, ctx.saved_tensors
        by_x = _backward(x, grad, weight, [True, False, False])[0]
        return by_x, weight_gradient(x, grad, weight), grad.sum((0, 2, 3))  # oneDNN's would bring the slow one along


def weight_gradient(x: Tensor, grad: Tensor, weight: Tensor) -> Tensor:
    """Of a depthwise convolution's weight (C, 1, kh, kw), from its input and its output's gradient, (B, C, H, W)."""
    height, width = weight.shape[2:]
    if height < width:
        return weight_gradient(_transposed(x), _transposed(grad), weight.mT).mT
    if width > 1:
        padded = F.pad(x, (width // 2, width // 2))
        columns = [padded[..., j : j + x.shape[3]].contiguous(memory_format=torch.channels_last) for j in range(width)]
        return torch.cat([weight_gradient(column, grad, weight[..., :1]) for column in columns], dim=3)
    if height > x.shape[2]:
        return _by_product(x, grad, weight)
    return _backward(x, grad, weight, [False, True, False])[1]


def _by_product(x: Tensor, grad: Tensor, weight: Tensor) -> Tensor:
    """For a (k, 1) kernel: every row of the gradient times every row of the input, summed along the diagonals."""
    batch, channels, height, width = x.shape
    length, pad = weight.shape[2], weight.shape[2] // 2
    rows = grad.permute(1, 2, 0, 3).reshape(channels, height, batch * width)
    others = x.permute(1, 0, 3, 2).reshape(channels, batch * width, height)
    product = F.pad(rows @ others, (pad, pad))  # (C, H, H + 2·pad)
    line = height + 2 * pad
    return product.as_strided((channels, length, height), (height * line, 1, line + 1)).sum(2)[:, None, :, None]


def _transposed(x: Tensor) -> Tensor:
    return x.mT.contiguous(memory_format=torch.channels_last)


def _padding(weight: Tensor) -> list[int]:
    return [side // 2 for side in weight.shape[2:]]


def _backward(x: Tensor, grad: Tensor, weight: Tensor, wanted: list[bool]) -> tuple[Tensor, Tensor, Tensor]:
    count = len(weight)
    return torch.ops.aten.convolution_backward(
        grad, x, weight, [count], [1, 1], _padding(weight), [1, 1], False, [0, 0], count, wanted
    )
