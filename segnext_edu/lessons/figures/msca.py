"""Notebook 04's figure: four sliders mix the branches 5, 7, 11 and 21 of an attention, and the gate follows.

Each branch is recorded once per picture. Eq. 1 is linear in the branches up to the product, so a mix is their weighted
sum, sent through the block's own 1 × 1 convolution. Below the trained network stands its control, one with random
weights. A branch that is off still feeds the others: the strips read the 5 × 5's answer, whether or not it is added.
The figure opens where one branch makes the gate: in stage 2, block 0 of the trained network, with the 21 turned off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from ipywidgets import Dropdown, FloatSlider, SelectionSlider
from matplotlib.figure import Figure
from PIL import Image
from sklearn.datasets import load_sample_image
from torch import Tensor

from segnext_edu.checkpoints import card_short_side, read
from segnext_edu.data import load_scenes
from segnext_edu.data.images import prepare, to_tensor
from segnext_edu.explain.record import BRANCHES, Layer, attention_maps, attentions
from segnext_edu.files import repository_data
from segnext_edu.lessons.figures import Explorer
from segnext_edu.model.msca import MSCA
from segnext_edu.model.segnext import SegNeXt

STRONGEST = 2.5  # the end of the colour scale, in means over the picture
DRAWN_SCENE = 59  # of the mini data set's validation split: street lamps, poles, a fence
WIDTH, HEIGHT = 1000, 510  # of the figure, in pixels; the places below are in pixels, too
PANEL = 228  # the width of a picture or a map
COLUMNS = {"gate as it is": 286, "your mix": 526, "new gate": 766}  # left edges
ROWS = {"trained": 74, "untrained": 274}  # upper edges
KEY = 474  # the upper edge of the colour key
BLUE = "#0072B2"


@dataclass(frozen=True)
class Looks:
    """One network's attentions in front of one picture: its modules, and what their branches said."""

    attentions: dict[Layer, MSCA]
    branches: dict[Layer, dict[int, Tensor]]  # by kernel length, each (1, C, h, w)


def mixed_gate(msca: MSCA, branches: Mapping[int, Tensor], strengths: Mapping[int, float]) -> Tensor:
    """Eq. 1 with a strength for every branch; with ones, the gate as it is. Branches (B, C, H, W) → (B, C, H, W)."""
    return msca.mix(sum(strengths[length] * branch for length, branch in branches.items()))


def strength(maps: Tensor) -> Tensor:
    """How far from zero a map is at each place, over its channels, in means: (1, C, h, w) → (h, w)."""
    size = maps[0].square().mean(0).sqrt()
    return size / size.mean().clamp_min(1e-12)  # all zero where all the branches are off


def record(model: SegNeXt, images: Tensor) -> Looks:
    """What every attention's branches say to (1, 3, H, W) normalised images."""
    maps = attention_maps(model, images)
    modules = dict(attentions(model))
    branches = {layer: {length: maps[*layer, length] for length in BRANCHES} for layer in modules}
    return Looks(modules, branches)


@torch.no_grad()
def panels(looks: Looks, layer: Layer, strengths: Mapping[int, float]) -> tuple[Tensor, Tensor, Tensor]:
    """The strengths (h, w) of the gate as it is, of the mixed branches, and of the gate that this mix makes."""
    msca, branches = looks.attentions[layer], looks.branches[layer]
    untouched = mixed_gate(msca, branches, dict.fromkeys(BRANCHES, 1.0))
    mix = sum((strengths[length] * branch for length, branch in branches.items()), torch.zeros(()))
    return strength(untouched), strength(mix), strength(mixed_gate(msca, branches, strengths))


def likeness(a: Tensor, b: Tensor) -> float:
    """The correlation of two maps; 0 where one of them is flat."""
    together = torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1].item()
    return together if np.isfinite(together) else 0.0


def draw(picture: Image.Image, looks: Mapping[str, Looks], layer: Layer, strengths: Mapping[int, float]) -> Figure:
    """The picture and the strengths; three maps of the trained network above three of its control, on one scale."""
    figure = Figure((WIDTH / 100, HEIGHT / 100))
    axis = figure.add_axes((0, 0, 1, 1))  # one for all: seven of them take three times as long
    axis.set_axis_off()
    tall = PANEL * picture.height // picture.width

    def put(image: Image.Image | np.ndarray, left: float, top: float, height: float = tall) -> None:
        extent = (left, left + PANEL, top + height, top)
        axis.imshow(image, cmap="magma", vmin=0, vmax=STRONGEST, extent=extent, aspect="auto", zorder=0)

    put(picture, 10, ROWS["trained"])
    axis.text(10 + PANEL / 2, ROWS["untrained"] - 8, "strength of each branch", ha="center")
    for row, (length, value) in enumerate(strengths.items()):
        y = ROWS["untrained"] + 24 + 34 * row
        axis.text(60, y, f"{length}", ha="right", va="center")
        axis.barh(y, 70 * value, 20, 70, color=BLUE)
        axis.text(76 + 70 * value, y, f"× {value:g}", va="center", color=BLUE)
    alike = {}
    for name, top in ROWS.items():
        maps = panels(looks[name], layer, strengths)
        alike[name] = likeness(maps[0], maps[2])
        axis.text(272, top + tall / 2, name, rotation=90, ha="center", va="center", weight="bold")
        for left, values in zip(COLUMNS.values(), maps):
            put(values.numpy(), left, top)
    for title, left in {"the picture": 10, **COLUMNS}.items():
        axis.text(left + PANEL / 2, ROWS["trained"] - 8, title, ha="center")
    put(np.linspace(0, STRONGEST, 100)[None], COLUMNS["your mix"], KEY, 10)
    for value, label in {0: "0", 1: "the map's mean", STRONGEST: f"{STRONGEST} means"}.items():
        x = COLUMNS["your mix"] + PANEL * value / STRONGEST
        axis.plot((x, x), (KEY + 10, KEY + 14), color="0.3", lw=1)
        axis.text(x, KEY + 16, label, ha="center", va="top", size=8.5)
    axis.text(
        COLUMNS["your mix"] - 12, KEY + 5, "how far from zero, over all channels", ha="right", va="center", size=8.5
    )
    same = ", ".join(f"{name} {value:.2f}" for name, value in alike.items())
    axis.text(WIDTH / 2, 26, f"New gate against the gate as it is: correlation {same}", ha="center", size=12.5)
    axis.set(xlim=(0, WIDTH), ylim=(HEIGHT, 0))
    return figure


def describe(name: str, layer: Layer, strengths: Mapping[int, float]) -> str:
    """The picture in words, for those who do not see it."""
    mix = ", ".join(f"{length} at {strengths[length]:g}" for length in BRANCHES)
    return (
        f"{name}, stage {layer[0]}, block {layer[1]}: the gate as it is, the branches {mix}, and the new gate that "
        "they make; trained above, untrained below."
    )


def look_at(model: SegNeXt, picture: Image.Image) -> dict[str, Looks]:
    """A trained network and its control, the same architecture with random weights, in front of a picture."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        control = SegNeXt(model.variant, len(model.classes)).eval()
    images = prepare(to_tensor(picture), card_short_side(model.card))
    return {"trained": record(model, images), "untrained": record(control, images)}


def explorer() -> Explorer:
    """The figure with a drawn street and scikit-learn's photograph of a temple, each with a network of its kind."""
    checkpoints = repository_data() / "checkpoints"
    pictures = {
        "a drawn street": load_scenes("mini", "val")[DRAWN_SCENE]["image"],
        "a photograph": Image.fromarray(load_sample_image("china.jpg")),
    }
    networks = {"a drawn street": "nano_mini.safetensors", "a photograph": "nano_street.safetensors"}
    looks = {name: look_at(read(checkpoints / networks[name]), picture) for name, picture in pictures.items()}
    small = {name: picture.resize((320, 320 * picture.height // picture.width)) for name, picture in pictures.items()}
    layers = list(looks["a photograph"]["trained"].attentions)

    def render(picture: str, layer: Layer, **by_name: float) -> Figure:
        return draw(small[picture], looks[picture], layer, _lengths(by_name))

    def words(picture: str, layer: Layer, **by_name: float) -> str:
        return describe(picture, layer, _lengths(by_name))

    return Explorer(
        render,
        words,
        picture=Dropdown(options=list(pictures), description="picture"),
        layer=SelectionSlider(
            options=[(f"{stage} · {block}", (stage, block)) for stage, block in layers],
            value=(2, 0),
            description="stage · block",
        ),
        **{
            f"k{length}": FloatSlider(float(length != 21), min=0, max=2, step=0.5, description=f"{length}")
            for length in BRANCHES
        },
    )


def _lengths(by_name: Mapping[str, float]) -> dict[int, float]:
    return {length: by_name[f"k{length}"] for length in BRANCHES}
