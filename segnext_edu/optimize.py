"""The same answers in half the time: a trained model rewritten for inference.

Nothing is approximated. What is constant once training is over is multiplied into the weights beforehand; sums are made
where their first part already lies; what is linear is done on the small map before it is enlarged; and the FFN's wide
hidden map is made a few rows at a time, so that it never leaves the processor's cache. Notebook 11 takes the steps one
by one.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segnext_edu.msca import MSCA
from segnext_edu.mscan import FFN, Block, Stage
from segnext_edu.segnext import VARIANTS, LightHam, SegNeXt, resize

CACHE = 2 * 2**20  # bytes that a band of the FFN's hidden map may fill: a share of a core's cache, found by measuring


def optimize(model: SegNeXt, dtype: torch.dtype = torch.float32, compile: bool = False) -> FastSegNeXt:
    """A faster module with the model's `encode`, `decode` and call; the model itself is left as it was.

    For inference only: no gradients, and as in eval mode. In float32 the logits differ from the model's by rounding
    alone (1e-5 of the largest at most).

    Args:
        dtype: torch.bfloat16 is faster still where the processor has instructions for it, and coarser. The NMF, which
            would drift, stays in float32.
        compile: hand the module to torch.compile as well; the first call at each size then takes a minute.
    """
    fast = FastSegNeXt(model).to(device=next(model.parameters()).device, dtype=dtype)
    fast.decoder.hamburger.nmf.float()
    if compile:
        fast.compile()
    return fast


class FastSegNeXt(nn.Module):
    """SegNeXt for inference: images (B, 3, H, W) → logits (B, K, H, W), in channels_last inside."""

    def __init__(self, model: SegNeXt):
        super().__init__()
        self.stages = nn.ModuleList(FastStage(cast(Stage, stage)) for stage in model.encoder.stages)
        self.decoder = FastLightHam(model.decoder, VARIANTS[model.variant].channels[1:])
        self.requires_grad_(False).eval()
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    @property
    def dtype(self) -> torch.dtype:
        return self.decoder.classify.weight.dtype

    @torch.inference_mode()
    def encode(self, images: Tensor) -> list[Tensor]:
        x = images.to(dtype=self.dtype, memory_format=torch.channels_last)
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps

    @torch.inference_mode()
    def decode(self, feats: Sequence[Tensor], bases: Tensor | None = None) -> Tensor:
        return self.decoder(feats[1:], bases)

    @torch.inference_mode()
    def forward(self, images: Tensor, bases: Tensor | None = None) -> Tensor:
        return resize(self.decode(self.encode(images), bases).to(images.dtype), images.shape[2:])  # (B, K, H, W)


class FastStage(nn.Module):
    """A stage, with the BatchNorms behind its convolutions folded into them."""

    def __init__(self, stage: Stage):
        super().__init__()
        self.down = folded(cast(nn.Sequential, stage.down))
        self.blocks = nn.Sequential(*(FastBlock(cast(Block, block)) for block in stage.blocks))
        self.norm = copy.deepcopy(stage.norm)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.blocks(self.down(x)))  # (B, C, H/2, W/2)


class FastBlock(nn.Module):
    """A block without its norms and layer scales: x·gain + proj_out(MSCA(GELU(proj_in x))), then x + FFN(x).

    With y = g·x + h (the BatchNorm, a channel at a time) and s the layer scale, the first half of a block is
    x + s·(proj_out(z) + y) = (1 + s·g)·x + s·(proj_out(z) + h). The first factor is the gain; s and h move into
    proj_out, g and h into proj_in, which sees y. The second half goes alike.
    """

    gain: Tensor

    def __init__(self, block: Block):
        super().__init__()
        attention, scale, shift = block.attention, *affine(block.norm1)
        self.proj_in = scaled_before(attention.proj_in, scale, shift)
        self.msca = FastMSCA(attention.msca)
        self.proj_out = scaled_after(attention.proj_out, block.scale1, block.scale1 * shift)
        self.register_buffer("gain", (1 + block.scale1 * scale).detach()[:, None, None].clone())
        self.ffn = FastFFN(block)

    def forward(self, x: Tensor) -> Tensor:
        z = self.proj_out(self.msca(F.gelu(self.proj_in(x))))  # (B, C, H, W)
        return self.ffn(z.addcmul_(x, self.gain))  # (B, C, H, W)


class FastMSCA(nn.Module):
    """MSCA whose branches are added up in place: (B, C, H, W) → (B, C, H, W)."""

    def __init__(self, msca: MSCA):
        super().__init__()
        self.local, self.strips, self.mix = copy.deepcopy((msca.local, msca.strips, msca.mix))

    def forward(self, x: Tensor) -> Tensor:
        around = self.local(x)  # (B, C, H, W)
        first, *others = self.strips
        total = first(around)
        for strip in others:
            total += strip(around)
        return self.mix(total.add_(around)).mul_(x)  # (B, C, H, W)


class FastFFN(nn.Module):
    """x + FFN(x), a band of rows at a time, each computed with the row above and the row below that its 3 × 3 sees."""

    def __init__(self, block: Block):
        super().__init__()
        ffn: FFN = block.ffn
        self.widen = scaled_before(ffn.widen, *affine(block.norm2))
        self.neighbours = copy.deepcopy(ffn.neighbours)
        self.narrow = scaled_after(ffn.narrow, block.scale2, torch.zeros_like(block.scale2))

    def forward(self, x: Tensor) -> Tensor:
        height = x.shape[2]
        row = x.shape[0] * x.shape[3] * self.widen.out_channels * x.element_size()  # bytes of the hidden map
        rows = max(1, min(height, CACHE // row))
        out = torch.empty_like(x)
        for top in range(0, height, rows):
            bottom = min(top + rows, height)
            first, last = max(top - 1, 0), min(bottom + 1, height)
            hidden = self.neighbours(self.widen(x[:, :, first:last]))  # (B, e·C, rows + 2, W)
            hidden = F.gelu(hidden[:, :, top - first : bottom - first])  # (B, e·C, rows, W)
            torch.add(x[:, :, top:bottom], self.narrow(hidden), out=out[:, :, top:bottom])
        return out  # (B, C, H, W)


class FastLightHam(nn.Module):
    """The decoder, with each level squeezed at its own size.

    A 1 × 1 convolution of stacked maps is the sum of one for each map, and enlarging commutes with it: both are
    linear, one across channels and one across pixels.
    """

    def __init__(self, decoder: LightHam, widths: Sequence[int]):
        super().__init__()
        squeeze, norm, _ = decoder.squeeze
        parts = cast(nn.Conv2d, squeeze).weight.split(list(widths), dim=1)  # (D, Cᵢ, 1, 1) each
        self.squeeze = nn.ModuleList(conv_like(cast(nn.Conv2d, squeeze), part, None) for part in parts)
        self.norm = copy.deepcopy(norm)
        self.hamburger = copy.deepcopy(decoder.hamburger)
        self.align, self.classify = copy.deepcopy(decoder.align), copy.deepcopy(decoder.classify)

    def forward(self, maps: Sequence[Tensor], bases: Tensor | None = None) -> Tensor:
        x, *others = (squeeze(x) for squeeze, x in zip(self.squeeze, maps))
        for other in others:
            x += resize(other, x.shape[2:])
        x = F.relu_(self.norm(x))  # (B, D, H/8, W/8)
        return self.classify(self.align(self.hamburger(x, bases)))  # (B, K, H/8, W/8)


# ---- Weights, folded


def affine(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """What a BatchNorm does in eval mode, as (scale, shift), (C,) each: y = scale·x + shift."""
    assert norm.running_mean is not None and norm.running_var is not None
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    return scale, norm.bias - scale * norm.running_mean


def scaled_before(conv: nn.Conv2d, scale: Tensor, shift: Tensor) -> nn.Conv2d:
    """The 1 × 1 convolution that gives for x what `conv` gives for scale·x + shift."""
    assert conv.bias is not None
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
    )
    new.load_state_dict({"weight": weight.detach()} | ({} if bias is None else {"bias": bias.detach()}))
    return cast(nn.Conv2d, new)
