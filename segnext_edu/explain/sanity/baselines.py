"""Maps that a network's maps must beat: they know nothing of it, or nothing of what it has learned.

The edges and the random weights are the two of "Sanity Checks for Saliency Maps" (Adebayo et al., NeurIPS 2018). The
middle is where photographers put things. Noise comes twice, since a speckled mask spoils more of an image than one of
the same area in pieces: fine, and as coarse as a map of stage 4.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from segnext_edu.model.segnext import SegNeXt, resize


def edges(image: Tensor, size: tuple[int, int]) -> Tensor:
    """How much the brightness changes, by Sobel's two kernels: (3, H, W) → (h, w), the mean over each cell."""
    grey = F.pad(image.mean(0)[None, None], (1, 1, 1, 1), mode="replicate")  # (1, 1, H + 2, W + 2)
    across = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]], device=image.device)
    both = F.conv2d(grey, torch.stack([across, across.T])[:, None])  # (1, 2, H, W)
    return F.adaptive_avg_pool2d(both.norm(dim=1), size)[0]  # (h, w)


def middle(size: tuple[int, int]) -> Tensor:
    """Highest in the middle of the image, falling towards its sides: (h, w) ≤ 0."""
    y, x = (torch.linspace(-1, 1, side) for side in size)
    return -(y[:, None] ** 2 + x**2).sqrt()


def noise(size: tuple[int, int], generator: torch.Generator) -> Tensor:
    """A number for each cell, drawn by itself: (h, w)."""
    return torch.rand(size, generator=generator)


def smooth_noise(size: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Noise as coarse as a map of stage 4, a quarter of the decoder's: (h, w)."""
    coarse = [-(-side // 4) for side in size]
    return resize(torch.rand(1, 1, *coarse, generator=generator), size)[0, 0]


def randomise(model: SegNeXt, seed: int = 0) -> SegNeXt:
    """A network of the same form that has learned nothing; the global generator stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SegNeXt(model.variant, model.num_classes).eval()
