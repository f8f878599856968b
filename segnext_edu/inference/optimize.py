"""The same answers in less time: a trained model rewritten for inference.

Nothing is approximated. What is constant once training is over is multiplied into the weights beforehand; sums are made
where their first part already lies; what is linear is done where there is least of it, before a map is enlarged or
multiplied out; and the FFN's wide hidden map is made some rows at a time, in memory already there (notebook 12).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segnext_edu.inference.bfloat16 import strips_in_float32
from segnext_edu.inference.folding import affine, conv_like, folded, scaled_after, scaled_before
from segnext_edu.model.hamburger import Hamburger, nmf
from segnext_edu.model.msca import MSCA
from segnext_edu.model.mscan import Block, Stage
from segnext_edu.model.segnext import VARIANTS, LightHam, SegNeXt, resize

CACHE = 4 * 2**20  # bytes that a band of the FFN's hidden map may fill; found by measuring


def optimize(model: SegNeXt, dtype: torch.dtype = torch.float32, compile: bool = False) -> FastSegNeXt:
    """A faster module with the model's `encode`, `decode` and call; the model itself is left as it was.

    For inference only: no gradients, as in eval mode. In float32 a trained network's logits differ by 1e-6 or so.

    Args:
        dtype: torch.bfloat16 is coarser, and faster where the processor has it. The NMF stays in float32, and nano's
            first horizontal strips compute in it (`strips_in_float32`).
        compile: hand the parts to torch.compile: it needs a C++ compiler, and a minute or two per size of image.
    """
    fast = FastSegNeXt(model).to(device=next(model.parameters()).device, dtype=dtype)
    fast.decoder.hamburger.nmf = copy.deepcopy(model.decoder.hamburger.nmf).eval()  # its bases stay unrounded
    strips_in_float32(fast)  # nano's in bfloat16, which PyTorch would not come back from
    if compile:
        for part in (*fast.stages, fast.decoder):
            part.compile()
    return fast


class FastSegNeXt(nn.Module):
    """SegNeXt for inference: images (B, 3, H, W), H, W ≥ 32, or ValueError → logits (B, K, H, W)."""

    def __init__(self, model: SegNeXt):
        super().__init__()
        self.variant, self.num_classes = model.variant, model.num_classes
        self.classes, self.card = getattr(model, "classes", ()), getattr(model, "card", {})
        self.stages = nn.ModuleList(FastStage(cast(Stage, stage)) for stage in model.encoder.stages)
        self.decoder = FastLightHam(model.decoder, VARIANTS[model.variant].channels[1:])
        self.requires_grad_(False).eval()
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    @property
    def dtype(self) -> torch.dtype:
        return self.decoder.classify.weight.dtype

    @torch.inference_mode()
    def encode(self, images: Tensor) -> list[Tensor]:
        if images.dim() != 4 or images.shape[1] != 3 or min(images.shape[2:]) < 32:
            raise ValueError(f"images must be (B, 3, H, W) with H, W ≥ 32, but came as {tuple(images.shape)}")
        x = images.to(dtype=self.dtype, memory_format=torch.channels_last)
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps

    @torch.inference_mode()
    def decode(self, feats: Sequence[Tensor], bases: Tensor | None = None) -> Tensor:
        logits = self.decoder([x.to(self.dtype) for x in feats[1:]], bases)  # (B, K, H/8, W/8)
        return logits.to(torch.promote_types(self.dtype, torch.float32))

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

    With y = g·x + h (the BatchNorm) and s the layer scale, a block's first half is x + s·(proj_out(z) + y) =
    (1 + s·g)·x + s·(proj_out(z) + h): the first factor is the gain, s and h go into proj_out, g and h into proj_in.
    """

    gain: Tensor

    def __init__(self, block: Block):
        super().__init__()
        attention, scale, shift = block.attention, *affine(block.norm1)
        self.proj_in = scaled_before(attention.proj_in, scale, shift)
        self.msca = FastMSCA(attention.msca)
        self.proj_out = scaled_after(attention.proj_out, block.layer_scale_1, block.layer_scale_1 * shift)
        self.register_buffer("gain", (1 + block.layer_scale_1 * scale).detach()[:, None, None].clone())
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
        self.fc1 = scaled_before(block.ffn.fc1, *affine(block.norm2))
        self.dwconv = copy.deepcopy(block.ffn.dwconv)
        self.fc2 = scaled_after(block.ffn.fc2, block.layer_scale_2, torch.zeros_like(block.layer_scale_2))

    def forward(self, x: Tensor) -> Tensor:
        height = x.shape[2]
        row = x.shape[0] * x.shape[3] * self.fc1.out_channels * x.element_size()  # bytes of the hidden map
        rows = height if x.is_cuda else math.ceil(height / math.ceil(height * row / CACHE))  # bands suit a CPU's cache
        out = torch.empty_like(x)
        for top in range(0, height, rows):
            bottom = min(top + rows, height)
            first, last = max(top - 1, 0), min(bottom + 1, height)
            hidden = self.dwconv(self.fc1(x[:, :, first:last]))  # (B, e·C, rows + 2, W)
            hidden = F.gelu(hidden[:, :, top - first : bottom - first])  # (B, e·C, rows, W)
            torch.add(x[:, :, top:bottom], self.fc2(hidden), out=out[:, :, top:bottom])
        return out  # (B, C, H, W)


class FastHamburger(nn.Module):
    """The Hamburger with its upper bread spread on the bases instead of on every pixel.

    The NMF answers bases·coefᵀ, and W·(bases·coefᵀ) = (W·bases)·coefᵀ: R columns go through W in place of N.
    (B, D, H, W) → (B, D, H, W); x is overwritten.
    """

    def __init__(self, hamburger: Hamburger):
        super().__init__()
        self.ham_in, self.nmf = copy.deepcopy((hamburger.ham_in, hamburger.nmf))
        self.ham_out, self.norm = copy.deepcopy((hamburger.ham_out, hamburger.norm))

    def forward(self, x: Tensor, bases: Tensor | None = None) -> Tensor:
        start = self.nmf.start(len(x)) if bases is None else bases  # (B, D, R)
        exact = torch.promote_types(x.dtype, torch.float32)
        pixels = F.relu(self.ham_in(x), inplace=True).flatten(2).to(exact)  # (B, D, N)
        found, coef = nmf(pixels, start.to(pixels), self.nmf.eval_steps)  # (B, D, R), (B, N, R)
        spread = self.ham_out.weight[:, :, 0, 0].to(exact) @ found  # (B, D, R)
        context = (coef @ spread.mT).mT.unflatten(-1, x.shape[2:]).to(x.dtype)  # (B, D, H, W)
        return x.add_(self.norm(context)).relu_()  # (B, D, H, W)


class FastLightHam(nn.Module):
    """The decoder, with each level squeezed at its own size.

    A 1 × 1 convolution of stacked maps is the sum of one for each. It mixes channels, enlarging mixes pixels: either
    may come first.
    """

    def __init__(self, decoder: LightHam, widths: Sequence[int]):
        super().__init__()
        squeeze = cast(nn.Conv2d, decoder.squeeze[0])
        parts = squeeze.weight.split(list(widths), dim=1)  # (D, Cᵢ, 1, 1) each
        self.squeeze = nn.ModuleList(conv_like(squeeze, part, None) for part in parts)
        self.norm = copy.deepcopy(decoder.squeeze[1])
        self.hamburger = FastHamburger(decoder.hamburger)
        self.align, self.classify = copy.deepcopy(decoder.align), copy.deepcopy(decoder.classify)

    def forward(self, maps: Sequence[Tensor], bases: Tensor | None = None) -> Tensor:
        x, *others = (squeeze(x) for squeeze, x in zip(self.squeeze, maps))
        for other in others:
            x += resize(other, x.shape[2:])
        x = F.relu(self.norm(x), inplace=True)  # (B, D, H/8, W/8)
        return self.classify(self.align(self.hamburger(x, bases)))  # (B, K, H/8, W/8)
