"""Hamburger: global context as a low-rank factorisation, computed by non-negative matrix factorisation (NMF).

"Is Attention Better Than Matrix Decomposition?" (Geng et al., ICLR 2021), as used in SegNeXt's decoder (Fig. 3(c)).
Notebook 06 builds these functions and modules.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPSILON = 1e-6


def update_coef(x: Tensor, bases: Tensor, coef: Tensor) -> Tensor:
    """One multiplicative update of the coefficients: ‖x − bases·coefᵀ‖² does not rise.

    Nothing turns negative. (EPSILON, which keeps the quotient finite, may cost a millionth or so.)

    Shapes: x (B, D, N), bases (B, D, R), coef (B, N, R) → (B, N, R).
    """
    return coef * (x.mT @ bases) / (coef @ (bases.mT @ bases) + EPSILON)  # (B, N, R)


def update_bases(x: Tensor, bases: Tensor, coef: Tensor) -> Tensor:
    """One multiplicative update of the bases: ‖x − bases·coefᵀ‖² does not rise.

    Nothing turns negative. (EPSILON, which keeps the quotient finite, may cost a millionth or so.)

    Shapes: x (B, D, N), bases (B, D, R), coef (B, N, R) → (B, D, R).
    """
    return bases * (x @ coef) / (bases @ (coef.mT @ coef) + EPSILON)  # (B, D, R)


def nmf(x: Tensor, bases: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Factorise a non-negative x ≈ bases·coefᵀ by multiplicative updates (Lee and Seung, 2001).

    The coefficients start as a soft assignment of each pixel to the bases; a last update of them closes, so that they
    fit the final bases. Gradients flow through every step.

    Shapes: x (B, D, N) ≥ 0, starting bases (B, D, R) ≥ 0 → bases (B, D, R), coef (B, N, R).
    """
    bases = F.normalize(bases, dim=1)  # (B, D, R)
    coef = torch.softmax(x.mT @ bases, dim=-1)  # (B, N, R)
    for _ in range(steps):
        coef = update_coef(x, bases, coef)  # (B, N, R)
        bases = update_bases(x, bases, coef)  # (B, D, R)
    return bases, update_coef(x, bases, coef)


class NMF(nn.Module):
    """Replaces a non-negative feature map by a rank-R approximation: R bases, and how much of each a pixel holds.

    The reference draws new starting bases at every call, so that one photograph has two predictions. Here eval mode
    always starts from the same ones, for every image of a batch; training draws them from the global generator. The
    computation is in float32 at least: in float16 it overflows.

    Args:
        channels: D. rank: R, the number of bases. train_steps, eval_steps: updates in the two modes.

    Shapes: (B, D, H, W) ≥ 0, bases (B, D, R) ≥ 0 or None → (B, D, H, W).
    """

    eval_bases: Tensor

    def __init__(self, channels: int, rank: int, train_steps: int = 6, eval_steps: int = 7):
        super().__init__()
        self.train_steps = train_steps
        self.eval_steps = eval_steps
        start = torch.rand(1, channels, rank, generator=torch.Generator().manual_seed(0), device="cpu")
        self.register_buffer("eval_bases", start, persistent=False)  # moves with the model, stays out of checkpoints

    def start(self, batch: int) -> Tensor:
        """The bases to start from: (B, D, R), drawn anew in training, always the same in eval mode."""
        if self.training:
            return torch.rand(batch, *self.eval_bases.shape[1:], device=self.eval_bases.device)
        return self.eval_bases.expand(batch, -1, -1)

    def forward(self, x: Tensor, bases: Tensor | None = None) -> Tensor:
        if bases is None:
            bases = self.start(x.shape[0])
        exact = torch.promote_types(x.dtype, torch.float32)
        with torch.autocast(x.device.type, enabled=False):
            pixels = x.flatten(2).to(exact)  # (B, D, N)
            steps = self.train_steps if self.training else self.eval_steps
            bases, coef = nmf(pixels, bases.to(pixels), steps)
            low_rank = (coef @ bases.mT).mT  # (B, D, N)
        return low_rank.unflatten(-1, x.shape[2:]).to(x.dtype)  # (B, D, H, W)


class Hamburger(nn.Module):
    """Bread, ham, bread: a 1 × 1 convolution and ReLU, the NMF, a 1 × 1 convolution and GroupNorm, a sum, a ReLU.

    The first ReLU is what makes the factorisation legal: NMF needs non-negative numbers.

    Shapes: (B, D, H, W) → (B, D, H, W).
    """

    def __init__(self, channels: int, rank: int):
        super().__init__()
        self.ham_in = nn.Conv2d(channels, channels, 1)
        self.nmf = NMF(channels, rank)
        self.ham_out = nn.Conv2d(channels, channels, 1, bias=False)
        self.norm = nn.GroupNorm(32, channels)

    def forward(self, x: Tensor, bases: Tensor | None = None) -> Tensor:
        context = self.nmf(F.relu(self.ham_in(x)), bases)  # (B, D, H, W)
        return F.relu(x + self.norm(self.ham_out(context)))  # (B, D, H, W)
