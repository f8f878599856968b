"""MSCAN, the encoder: four stages, each half as wide and high as the one before and richer in channels.

SegNeXt (Guo et al., NeurIPS 2022), section 3.1, Fig. 2(a) and Tab. 2. Notebook 05 builds these modules.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from segnext_edu.model.msca import Attention


class StochasticDepth(nn.Module):
    """Drops a whole branch for a whole sample with probability `rate`, and scales the survivors up to make up for it.

    Only in training; in eval mode it is the identity. Not `nn.Dropout`: that would drop single numbers.

    Shapes: (B, C, H, W) → (B, C, H, W).
    """

    def __init__(self, rate: float):
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return x
        keep = torch.rand(x.shape[0], 1, 1, 1, device=x.device) >= self.rate  # (B, 1, 1, 1)
        return x * keep.to(x.dtype) / (1 - self.rate)  # (B, C, H, W)


class FFN(nn.Module):
    """The block's second half: fc1 widens, a 3 × 3 depthwise convolution mixes neighbours, GELU, fc2 narrows.

    Shapes: (B, C, H, W) → (B, C, H, W), with `mlp_ratio`·C channels in between.
    """

    def __init__(self, channels: int, mlp_ratio: int):
        super().__init__()
        hidden = mlp_ratio * channels
        self.fc1 = nn.Conv2d(channels, hidden, 1)
        self.dwconv = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)
        self.act = nn.GELU()
        self.fc2 = nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(self.act(self.dwconv(self.fc1(x))))  # (B, C, H, W)


class Block(nn.Module):
    """Attention, then FFN; each normalised before, scaled per channel after, and added to its input (Fig. 2(a)).

    The scales start at 0.01, so a fresh block is almost the identity.

    Shapes: (B, C, H, W) → (B, C, H, W).
    """

    def __init__(self, channels: int, mlp_ratio: int, drop_path: float = 0.0):
        super().__init__()
        self.norm1 = nn.BatchNorm2d(channels)
        self.attention = Attention(channels)
        self.layer_scale_1 = nn.Parameter(torch.full((channels,), 0.01))
        self.norm2 = nn.BatchNorm2d(channels)
        self.ffn = FFN(channels, mlp_ratio)
        self.layer_scale_2 = nn.Parameter(torch.full((channels,), 0.01))
        self.drop_path = StochasticDepth(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.drop_path(self.layer_scale_1[:, None, None] * self.attention(self.norm1(x)))  # (B, C, H, W)
        return x + self.drop_path(self.layer_scale_2[:, None, None] * self.ffn(self.norm2(x)))  # (B, C, H, W)


class Stem(nn.Sequential):
    """From an image to stage 1: two 3 × 3 convolutions with stride 2, (B, 3, H, W) → (B, C, H/4, W/4), rounded up."""

    def __init__(self, channels: int):
        super().__init__(
            nn.Conv2d(3, channels // 2, 3, stride=2, padding=1),
            nn.BatchNorm2d(channels // 2),
            nn.GELU(),
            nn.Conv2d(channels // 2, channels, 3, stride=2, padding=1),
            nn.BatchNorm2d(channels),
        )


class Downsample(nn.Sequential):
    """Between stages: one overlapping 3 × 3 convolution with stride 2, (B, C, H, W) → (B, C', H/2, W/2), rounded up."""

    def __init__(self, channels: int, out_channels: int):
        super().__init__(
            nn.Conv2d(channels, out_channels, 3, stride=2, padding=1),
            nn.BatchNorm2d(out_channels),
        )


class ChannelNorm(nn.LayerNorm):
    """LayerNorm over the channels of each pixel.

    The permutes only relabel axes: a map in channels_last memory is not moved.

    Shapes: (B, C, H, W) → (B, C, H, W).
    """

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)  # (B, C, H, W)


class Stage(nn.Module):
    """One level of the pyramid: downsampling (by 4 in the stem, by 2 in the others), blocks, LayerNorm.

    Shapes: (B, C_before, H, W) → (B, C, H/2, W/2), rounded up.
    """

    def __init__(self, down: nn.Module, channels: int, mlp_ratio: int, drop_paths: Sequence[float]):
        super().__init__()
        self.down = down
        self.blocks = nn.Sequential(*(Block(channels, mlp_ratio, rate) for rate in drop_paths))
        self.norm = ChannelNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.blocks(self.down(x)))  # (B, C, H/2, W/2)


class MSCAN(nn.Module):
    """The whole encoder. A stage's *normalised* output is both what it returns and what the next stage sees.

    Args:
        channels, blocks, mlp_ratios: one number per stage (Tab. 2).
        drop_path: stochastic depth of the last block; the others grow linearly towards it from 0.

    Shapes: (B, 3, H, W) → four maps (B, Cᵢ, H/s, W/s) for s = 4, 8, 16, 32, rounded up. `feature_info` describes them
    as timm does: a dict for each, with its channels, its stride and the module that it comes from.
    """

    def __init__(self, channels: Sequence[int], depths: Sequence[int], mlp_ratios: Sequence[int], drop_path: float):
        super().__init__()
        last = sum(depths) - 1
        rates = iter([drop_path * index / last for index in range(last + 1)])
        downs = [Stem(channels[0]), *(Downsample(before, after) for before, after in zip(channels, channels[1:]))]
        self.stages = nn.ModuleList(
            Stage(down, width, mlp_ratio, [next(rates) for _ in range(count)])
            for down, width, count, mlp_ratio in zip(downs, channels, depths, mlp_ratios)
        )
        self.feature_info = [
            {"num_chs": width, "reduction": 4 * 2**index, "module": f"stages.{index}"}
            for index, width in enumerate(channels)
        ]
        self.apply(init_conv)

    def forward(self, images: Tensor) -> list[Tensor]:
        maps = []
        x = images
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps


def init_conv(module: nn.Module) -> None:
    """Draw a convolution's weights from N(0, √(2 / fan_out)), with fan_out = kh · kw · outputs / groups; biases 0."""
    if isinstance(module, nn.Conv2d):
        fan_out = math.prod(module.kernel_size) * module.out_channels // module.groups
        nn.init.normal_(module.weight, 0, math.sqrt(2 / fan_out))
        if module.bias is not None:
            nn.init.zeros_(module.bias)
