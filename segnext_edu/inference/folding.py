"""Constants multiplied into the weights: what a BatchNorm or a layer scale does to each image is done once, before.

In eval mode a BatchNorm scales and shifts each channel by constants, and so does the layer scale. Beside a convolution,
which is linear, both disappear into its weight and bias. Notebook 12 builds these functions and proves them.
"""

from __future__ import annotations

import copy
from typing import cast

import torch
from torch import Tensor, nn


def affine(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """What a BatchNorm does in eval mode, as (scale, shift), (C,) each: y = scale·x + shift."""
    assert norm.running_mean is not None and norm.running_var is not None
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    return scale, norm.bias - scale * norm.running_mean


def scaled_before(conv: nn.Conv2d, scale: Tensor, shift: Tensor) -> nn.Conv2d:
    """The 1 × 1 convolution that gives for x what `conv` gives for scale·x + shift.

    Only a 1 × 1 one: a larger kernel sees beyond the image's edge, where there are zeros and no shift.
    """
    assert conv.bias is not None and conv.kernel_size == (1, 1)
    return conv_like(conv, conv.weight * scale[:, None, None], conv.bias + conv.weight[:, :, 0, 0] @ shift)


def scaled_after(conv: nn.Conv2d, scale: Tensor, shift: Tensor) -> nn.Conv2d:
    """The convolution that gives scale·conv(x) + shift."""
    bias = 0 if conv.bias is None else conv.bias
    return conv_like(conv, conv.weight * scale[:, None, None, None], scale * bias + shift)


def folded(layers: nn.Sequential) -> nn.Sequential:
    """The same layers, each BatchNorm folded into the convolution before it."""
    kept: list[nn.Module] = []
    for layer in layers:
        if isinstance(layer, nn.BatchNorm2d):
            kept.append(scaled_after(cast(nn.Conv2d, kept.pop()), *affine(layer)))
        else:
            kept.append(layer)
    return nn.Sequential(*copy.deepcopy(kept))


def conv_like(conv: nn.Conv2d, weight: Tensor, bias: Tensor | None) -> nn.Conv2d:
    """A convolution of the same geometry with other weights; as many channels in as they have."""
    new = nn.utils.skip_init(
        nn.Conv2d,
        weight.shape[1] * conv.groups,
        weight.shape[0],
        cast(tuple[int, int], conv.kernel_size),
        stride=conv.stride,
        padding=cast(tuple[int, int], conv.padding),
        groups=conv.groups,
        bias=bias is not None,
        dtype=weight.dtype,
    )
    new.load_state_dict({"weight": weight.detach()} | ({} if bias is None else {"bias": bias.detach()}))
    return cast(nn.Conv2d, new)
