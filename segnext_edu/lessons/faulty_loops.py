"""A sound training step, and three with one fault each that no error message betrays.

Notebook 08 shows what their curves look like before it shows their code. Each takes a batch as it comes from the files:

    model, optimizer: as anywhere. images: (B, 3, h, w), normalised.
    files: (B, H, W) uint8, masks as files hold them, 0 = no label and k = class k-1, larger than the images.

and returns the loss before the step.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer

from segnext_edu.data import reduce_zero_label
from segnext_edu.training.recipe import segmentation_loss


def sound_loop(model: nn.Module, optimizer: Optimizer, images: Tensor, files: Tensor) -> float:
    """The step as it should be."""
    small = F.interpolate(files[:, None], size=images.shape[2:], mode="nearest-exact")[:, 0]  # (B, h, w)
    masks = reduce_zero_label(small).long()
    loss = segmentation_loss(model(images), masks)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def loop_a(model: nn.Module, optimizer: Optimizer, images: Tensor, files: Tensor) -> float:
    """Trains on what has no label, too, as if it were of class 0."""
    small = F.interpolate(files[:, None], size=images.shape[2:], mode="nearest-exact")[:, 0]  # (B, h, w)
    masks = (small.long() - 1).clamp(min=0)
    loss = segmentation_loss(model(images), masks)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def loop_b(model: nn.Module, optimizer: Optimizer, images: Tensor, files: Tensor) -> float:
    """Steps along the sum of all gradients since the first."""
    small = F.interpolate(files[:, None], size=images.shape[2:], mode="nearest-exact")[:, 0]  # (B, h, w)
    masks = reduce_zero_label(small).long()
    loss = segmentation_loss(model(images), masks)
    loss.backward()
    optimizer.step()
    return loss.item()


def loop_c(model: nn.Module, optimizer: Optimizer, images: Tensor, files: Tensor) -> float:
    """Resizes masks as if they were pictures, and so invents classes wherever two meet."""
    small = F.interpolate(files[:, None].cpu(), size=images.shape[2:], mode="bilinear", antialias=True)[:, 0].to(files)
    masks = reduce_zero_label(small).long()
    loss = segmentation_loss(model(images), masks)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
