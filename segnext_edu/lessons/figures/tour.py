"""Notebook 00's figure: where a gate is strong, stage by stage and block by block, beside its control.

Left a drawn scene; in the middle a trained network's gate, its strength over all channels in units of its mean over the
picture; right the same gate of a network of the same form that has learned nothing. Both share one scale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from ipywidgets import SelectionSlider
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from segnext_edu.checkpoints import card_short_side, load
from segnext_edu.data import load_scenes
from segnext_edu.data.images import prepare, to_tensor
from segnext_edu.explain.record import attention_maps
from segnext_edu.files import repository_data
from segnext_edu.lessons.figures import Explorer
from segnext_edu.model.segnext import SegNeXt

if TYPE_CHECKING:
    from datasets import Dataset

SCENES = (*range(18), 59)  # of the drawn validation scenes: streets, roads and rooms
MOST = 2.5  # times its mean: the end of the scale

Layer = tuple[int, int]  # stage from 1, block from 0
Gates = dict[Layer, Tensor]  # (h, w) each
Compared = Mapping[int, tuple[Image.Image, Gates, Gates]]  # scene → the picture, its gates trained and untrained


def strength(x: Tensor) -> Tensor:
    """How far from zero, over all channels: (1, C, h, w) → (h, w)."""
    return x[0].square().mean(0).sqrt()


def gates(model: SegNeXt, picture: Image.Image, short_side: int) -> Gates:
    """The strength of every gate in units of its mean over the picture, by stage and block."""
    maps = attention_maps(model, prepare(to_tensor(picture), short_side))
    strong = {(stage, block): strength(x) for (stage, block, part), x in maps.items() if part == "gate"}
    return {layer: x / x.mean() for layer, x in strong.items()}


def compare(
    trained: SegNeXt, untrained: SegNeXt, scenes: Dataset, short_side: int, indices: Sequence[int] = SCENES
) -> Compared:
    """All that the figure can show: two passes through a network for each scene."""
    pictures = {index: scenes[index]["image"] for index in indices}
    return {
        index: (photo, gates(trained, photo, short_side), gates(untrained, photo, short_side))
        for index, photo in pictures.items()
    }


def draw(compared: Compared, scene: int, layer: Layer) -> Figure:
    """The scene and one gate of it, trained and untrained, on one scale."""
    picture, *both = compared[scene]
    maps = [gate[layer] for gate in both]  # 2 × (h, w)
    figure = Figure((11.6, 3.2))
    peaks = [gate.max().item() for gate in maps]
    where = f"stage {layer[0]}, block {layer[1]}"
    figure.suptitle(
        f"The gate of {where}, where it is strongest: {peaks[0]:.1f} × its mean; untrained {peaks[1]:.1f} ×"
    )
    titles = "the picture", "trained", "untrained: the control"
    for left, title in zip((0.005, 0.322, 0.639), titles):
        axis = figure.add_axes((left, 0.02, 0.312, 0.8), xticks=[], yticks=[])
        axis.set_title(title, fontsize=11)
        if title == "the picture":
            axis.imshow(picture)
        else:
            frame = (0, picture.width, picture.height, 0)
            axis.imshow(maps.pop(0).numpy(), cmap="magma", vmin=0, vmax=MOST, extent=frame, interpolation="nearest")
    scale = figure.add_axes((0.955, 0.02, 0.012, 0.8), xticks=[], ylim=(0, MOST))
    scale.imshow(np.linspace(0, 1, 64)[:, None], cmap="magma", extent=(0, 1, 0, MOST), origin="lower", aspect="auto")
    scale.yaxis.tick_right()
    scale.set_title("× mean", fontsize=10, x=1.2)
    return figure


def describe(compared: Compared, scene: int, layer: Layer) -> str:
    """The picture of the same arguments in a sentence."""
    trained, untrained = (gate[layer].max().item() for gate in compared[scene][1:])
    where = f"Scene {scene} and the gate of stage {layer[0]}, block {layer[1]}"
    return f"{where}: at most {trained:.1f} times its mean in the trained network, {untrained:.1f} in the untrained."


def shipped() -> Compared:
    """The drawn scenes in the eyes of the checkpoint that ships, and of its untrained twin."""
    with torch.random.fork_rng(devices=[]):  # the notebook's random numbers go on as they were
        trained = load(repository_data() / "checkpoints" / "nano_mini.safetensors")
        torch.manual_seed(0)
        untrained = SegNeXt(trained.variant, trained.num_classes).eval()
    return compare(trained, untrained, load_scenes("mini", "val"), card_short_side(trained.card))


def explorer(compared: Compared | None = None, scene: int = SCENES[-1], layer: Layer = (2, 1)) -> Explorer:
    """The figure, opened at this scene and layer; without `compared` on what ships."""
    compared = shipped() if compared is None else compared
    layers = {f"{stage} · {block}": (stage, block) for stage, block in compared[scene][1]}
    return Explorer(
        partial(draw, compared),
        partial(describe, compared),
        scene=SelectionSlider(options=list(compared), value=scene, description="scene"),
        layer=SelectionSlider(options=layers, value=layer, description="stage · block"),
    )
