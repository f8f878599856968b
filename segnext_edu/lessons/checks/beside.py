"""Where the shapes agree and the numbers do not: a picture of the map that is expected, beside the one that came."""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch import Tensor

from segnext_edu.figures import Picture, show


def beside(came: Any, right: Any) -> None:
    """Show both in a notebook, where there is something to see; elsewhere, and without a map (…, H, W), nothing."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if hasattr(shell, "kernel") and (picture := expected_and_yours(came, right)):
        from IPython.display import display

        display(picture)


def expected_and_yours(came: Any, right: Any) -> Picture | None:
    """Of two tensors of one shape (…, H, W) the map that differs most, as two panels with one colour scale; of several
    tensors, the first that differ. None where there is no map.
    """
    if isinstance(right, tuple | list) and isinstance(came, tuple | list):
        return next(filter(None, map(expected_and_yours, came, right)), None)
    if not isinstance(came, Tensor) or not isinstance(right, Tensor) or came.shape != right.shape:
        return None
    if right.ndim < 2 or min(right.shape[-2:]) < 2:
        return None
    came, right = (
        x.detach().cpu().double().flatten(0, -3) if x.ndim > 2 else x.detach().cpu().double()[None]
        for x in (came, right)
    )
    off = (came - right).abs().nan_to_num(torch.inf).amax((1, 2))  # (maps,)
    if off.max() == 0:
        return None
    from matplotlib.figure import Figure  # takes its time, and only notebooks need it

    index = int(off.argmax())
    low, high = right[index].min().item(), right[index].max().item()
    figure = Figure((4.2, 1.9), layout="constrained", facecolor="white")
    panels = figure.subplots(1, 2)
    for panel, title, one in zip(panels, ("expected", "yours"), (right[index], came[index])):
        image = panel.imshow(one.numpy(), vmin=low, vmax=high, interpolation="nearest")
        panel.set(xticks=[], yticks=[])
        panel.set_title(title, fontsize=9)
    figure.colorbar(image, ax=panels).ax.tick_params(labelsize=8)
    return show(figure, f"Two maps of {' × '.join(map(str, right.shape[1:]))}: the expected one, and yours.")
