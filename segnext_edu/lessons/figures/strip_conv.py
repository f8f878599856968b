"""Notebook 03's figure: a pair of strips of any length, set to find posts, on a picture that can be turned.

From the left: the picture with the square of pixels that reach its middle, and the two strips in it; the pair's answer
at every place; how loud that answer is as the picture turns; what the pair costs beside the square kernels.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from ipywidgets import Dropdown, IntSlider
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image
from torch import Tensor

from segnext_edu.data import load_scenes
from segnext_edu.lessons.figures import Explorer
from segnext_edu.model.strip_conv import StripConv

SCENE = 59  # of the drawn validation scenes: a street with wooden poles
MIDDLE = (142, 119)  # column and row, among them
SIZE = 127  # of the square that is shown
LONGEST = 41
SIDE = SIZE + LONGEST - 1  # with what the longest strips reach beyond it, so that no border is ever seen
REACH = 119  # from the middle to the corners of that
TURNS = range(0, 91, 5)  # degrees
CHANNELS = 32  # that the costs are counted for
COLOURS = {"dense": "#D55E00", "depthwise": "#E69F00", "strip pair": "#0072B2"}

Pictures = dict[str, Tensor]  # each (turns, H, W), 0 to 1


def bar(angle: float, size: int = 21, thick: int = 3) -> Tensor:
    """A white bar through the middle of a black square, (size, size). 0° lies, 90° stands."""
    across = torch.arange(size, dtype=torch.float64) - size // 2
    y, x = torch.meshgrid(-across, across, indexing="ij")  # y points up
    turn = torch.deg2rad(torch.tensor(angle, dtype=torch.float64))
    return ((x * turn.sin() - y * turn.cos()).abs() < thick / 2).double()


def post_finder(length: int) -> StripConv:
    """A strip pair that answers to vertical bars three pixels wide: with 1, where one stands free and long."""
    strip = StripConv(1, length).requires_grad_(False)
    row = torch.full((length,), -1 / (length - 3))
    row[length // 2 - 1 : length // 2 + 2] = 1 / 3  # sums to 0: flat areas say nothing
    for parameter in strip.parameters():
        parameter.zero_()
    strip.horizontal.weight.copy_(row.expand_as(strip.horizontal.weight))
    strip.vertical.weight.fill_(1 / length)
    return strip


def turned(picture: Image.Image) -> Tensor:
    """The middle of a square picture turned by each of `TURNS`, with what the longest strips reach: (turns, H, W)."""
    margin = (picture.width - SIDE) // 2
    box = (margin, margin, margin + SIDE, margin + SIDE)
    views = [np.array(picture.rotate(-turn, Image.Resampling.BICUBIC).crop(box)) for turn in TURNS]
    return torch.from_numpy(np.stack(views)).float() / 255


def load_pictures() -> Pictures:
    """A drawn street in grey, and a bar, each in all its turns."""
    x, y = MIDDLE
    around = (x - REACH, y - REACH, x + REACH, y + REACH)
    street = load_scenes("mini", "val")[SCENE]["image"].convert("L").crop(around)
    bars = torch.stack([bar(90 - turn, SIDE) for turn in TURNS]).float()  # (turns, H, W)
    return {"a drawn street": turned(street), "a bar": bars}


def answers(pictures: Tensor, length: int) -> Tensor:
    """What the post finder says, without sign, where its strips lie within the picture: (n, H, W) → (n, SIZE, SIZE)."""
    margin = LONGEST // 2
    heard = post_finder(length)(pictures[:, None])[:, 0].abs()  # (n, H, W)
    return heard[:, margin:-margin, margin:-margin]


def response_strength(heard: Tensor) -> Tensor:
    """How loud the loudest hundredth of the places is, on average: (n, H, W) → (n,)."""
    places = heard.flatten(1)  # (n, H · W)
    return places.topk(places.shape[1] // 100).values.mean(1)


def costs(length: int) -> dict[str, int]:
    """Multiply-adds a pixel of three convolutions that reach equally far."""
    dense, depthwise = CHANNELS**2 * length**2, CHANNELS * length**2
    return {"dense": dense, "depthwise": depthwise, "strip pair": 2 * CHANNELS * length}


def draw(pictures: Pictures, length: int, picture: str, turn: int) -> Figure:
    """The picture as `turn` degrees leave it, with the answer and the price of a pair of this length."""
    at = TURNS.index(turn)
    margin = LONGEST // 2
    shown = pictures[picture][at, margin:-margin, margin:-margin]  # (SIZE, SIZE)
    heard = answers(pictures[picture], length)  # (turns, SIZE, SIZE)
    price = costs(length)
    figure = Figure((11.4, 3.5))
    saved = price["dense"] / price["strip pair"]
    reach = f"Strips of {length}: {length**2:,} pixels reach the middle"
    figure.suptitle(f"{reach}, for 1/{saved:.0f} of the dense square's price")
    draw_reach(figure.add_axes((0.01, 0.03, 0.25, 0.8)), shown, length)
    right = figure.add_axes((0.275, 0.03, 0.25, 0.8), xticks=[], yticks=[])
    right.imshow(heard[at].numpy(), cmap="cividis", vmin=0, vmax=largest_response(picture))
    right.set_title("the pair's answer", fontsize=11)
    draw_turns(figure.add_axes((0.59, 0.19, 0.17, 0.62)), response_strength(heard), at, largest_response(picture))
    draw_costs(figure.add_axes((0.79, 0.1, 0.2, 0.71)), price)
    return figure


def largest_response(picture: str) -> float:
    """The end of the answer's scale, the same for all lengths and turns: a bar is white on black, a street is not."""
    return 1.0 if picture == "a bar" else 0.4


def draw_reach(axis: Axes, shown: Tensor, length: int) -> None:
    """The picture, the square that reaches its middle, and the two strips."""
    middle = SIZE // 2
    axis.imshow(shown.numpy(), cmap="gray", vmin=0, vmax=1)
    low = middle - length / 2
    for x, y, wide, high in ((low, middle - 0.5, length, 1), (middle - 0.5, low, 1, length)):
        axis.add_patch(Rectangle((x, y), wide, high, color=COLOURS["strip pair"], linewidth=1))
    axis.add_patch(Rectangle((low, low), length, length, fill=False, color=COLOURS["depthwise"], linewidth=2))
    axis.set(xticks=[], yticks=[])
    axis.set_title(f"{length} × {length} pixels in reach", fontsize=11)


def draw_turns(axis: Axes, loud: Tensor, at: int, most: float) -> None:
    """How loud the answer is at every turn, and where we are."""
    axis.plot(TURNS, loud.numpy(), color=COLOURS["strip pair"])
    axis.plot(TURNS[at], loud[at].item(), "o", color=COLOURS["dense"], markersize=9)
    axis.set(xlim=(-4, 94), ylim=(0, 1.05 * most), xticks=(0, 45, 90), yticks=(0, most / 2, most))
    axis.set_xlabel("turned by, degrees")
    axis.set_title(f"its loudest 1%: {loud[at]:.2f}", fontsize=11)
    axis.spines[["top", "right"]].set_visible(False)


def draw_costs(axis: Axes, price: dict[str, int]) -> None:
    """What the three convolutions cost, on a scale of powers of ten."""
    for place, (name, value) in enumerate(price.items()):
        axis.barh(place, np.log10(value), 0.42, color=COLOURS[name])
        axis.text(0, place - 0.32, f"{name}: {value:,}", va="center", fontsize=10)
    axis.set(xlim=(0, np.log10(costs(LONGEST)["dense"])), ylim=(2.4, -0.6), yticks=[], xticks=range(0, 7, 2))
    axis.set_xticklabels(["1", "100", "10⁴", "10⁶"])
    axis.set_title(f"multiply-adds per pixel,\n{CHANNELS} channels", fontsize=11)
    axis.spines[["top", "right", "left"]].set_visible(False)


def describe(pictures: Pictures, length: int, picture: str, turn: int) -> str:
    """The picture of the same arguments in a sentence."""
    at = TURNS.index(turn)
    loud = response_strength(answers(pictures[picture][at : at + 1], length)).item()
    price = costs(length)
    what = f"{picture.capitalize()}, turned by {turn}°; {length} × {length} pixels reach its middle"
    saved = price["dense"] / price["strip pair"]
    return f"{what}. Where it is loudest, the pair answers {loud:.2f}; it costs 1/{saved:.0f} of the dense square."


def explorer(length: int = 21) -> Explorer:
    """The figure, opened with strips of this length, on the street as it stands."""
    pictures = load_pictures()
    return Explorer(
        partial(draw, pictures),
        partial(describe, pictures),
        length=IntSlider(length, 5, LONGEST, 2, description="kernel size"),
        picture=Dropdown(options=list(pictures), description="picture"),
        turn=IntSlider(TURNS[0], TURNS[0], TURNS[-1], TURNS.step, description="turned by, °"),
    )
