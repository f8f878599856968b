"""BatchNorm whose batch is spread over several processes; PyTorch's SyncBatchNorm does this on GPUs alone.

With it, two processes with half a batch each make the same step as one process with all of it: on two CPUs, where a
test can hold them side by side, as on two GPUs.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from segnext_edu.training.processes import total


class SumOverProcesses(torch.autograd.Function):
    """Every process gets the sum. What each does with it matters to all, so the gradients are summed as well."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return total(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return total(grads[0])


class SharedBatchNorm(nn.BatchNorm2d):
    """In training the mean and the variance are those of all processes' samples; each must bring as many.

    Shapes: (B, C, H, W) → (B, C, H, W).
    """

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        x = input.float()
        count = x.numel() // x.shape[1] * dist.get_world_size()  # numbers a channel, everywhere together
        mean = SumOverProcesses.apply(x.sum((0, 2, 3))) / count  # (C,)
        centred = x - mean[:, None, None]  # (B, C, H, W)
        variance = SumOverProcesses.apply(centred.square().sum((0, 2, 3))) / count  # (C,)
        self._remember(mean.detach(), variance.detach() * (count / (count - 1)))
        scale = self.weight * torch.rsqrt(variance + self.eps)  # (C,)
        return (centred * scale[:, None, None] + self.bias[:, None, None]).to(input.dtype)

    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        """Move the running statistics, which eval mode uses, a little towards these."""
        assert self.running_mean is not None and self.running_var is not None and self.momentum is not None
        assert self.num_batches_tracked is not None
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)
        self.num_batches_tracked.add_(1)


def share_batch_norms(model: nn.Module) -> None:
    """Turn every BatchNorm of a model into a shared one, in place; parameters and statistics stay what they are."""
    for module in model.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = SharedBatchNorm
