"""Notebook 03's figure: a strip pair of any length, set by hand to find poles, on an image that can be turned.

From the left: the image with the pair's receptive field and its two strips; the pair's response; how strong that
response is as the image turns; what the pair costs beside square kernels.
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

SCENE = 59  # of the drawn validation scenes: the street with wooden poles
MIDDLE = (142, 119)  # column and row, among them
SIZE = 127  # of the square that is shown
LONGEST = 41
SIDE = SIZE + LONGEST - 1  # with what the longest strips reach beyond it, so that no border is ever seen
REACH = 119  # from the middle to the corners of that
TURNS = range(0, 91, 5)  # degrees
CHANNELS = 32  # that the costs are counted for
COLOURS = {"dense": "#D55E00", "depthwise": "#E69F00", "strip pair": "#0072B2"}

Images = dict[str, Tensor]  # each (turns, H, W), 0 to 1


def bar(angle: float, size: int = 21, thick: int = 3) -> Tensor:
    """A white bar through the middle of a black square, (size, size); angle in degrees from horizontal."""
    across = torch.arange(size, dtype=torch.float64) - size // 2
    y, x = torch.meshgrid(-across, across, indexing="ij")  # y points up
    turn = torch.deg2rad(torch.tensor(angle, dtype=torch.float64))
    return ((x * turn.sin() - y * turn.cos()).abs() < thick / 2).double()


def pole_finder(length: int) -> StripConv:
    """A strip pair that responds with 1 to a vertical bar, three pixels wide and at least `length` long."""
    strip = StripConv(1, length).requires_grad_(False)
    row = torch.full((length,), -1 / (length - 3))
    row[length // 2 - 1 : length // 2 + 2] = 1 / 3  # sums to 0: no response to flat areas
    for parameter in strip.parameters():
        parameter.zero_()
    strip.horizontal.weight.copy_(row.expand_as(strip.horizontal.weight))
    strip.vertical.weight.fill_(1 / length)
    return strip


def turned(image: Image.Image) -> Tensor:
    """The middle of a square image turned by each of `TURNS`, with what the longest strips reach: (turns, H, W)."""
    margin = (image.width - SIDE) // 2
    box = (margin, margin, margin + SIDE, margin + SIDE)
    views = [np.array(image.rotate(-turn, Image.Resampling.BICUBIC).crop(box)) for turn in TURNS]
    return torch.from_numpy(np.stack(views)).float() / 255


def load_images() -> Images:
    """The drawn street in grey, and a bar, each in all its turns."""
    x, y = MIDDLE
    around = (x - REACH, y - REACH, x + REACH, y + REACH)
    street = load_scenes("mini", "val")[SCENE]["image"].convert("L").crop(around)
    bars = torch.stack([bar(90 - turn, SIDE) for turn in TURNS]).float()  # (turns, H, W)
    return {"the street": turned(street), "a bar": bars}


def responses(images: Tensor, length: int) -> Tensor:
    """The pole finder's response, without sign, where its strips lie within the image: (n, H, W) → (n, SIZE, SIZE)."""
    margin = LONGEST // 2
    response = pole_finder(length)(images[:, None])[:, 0].abs()  # (n, H, W)
    return response[:, margin:-margin, margin:-margin]


def strongest(response: Tensor) -> Tensor:
    """The mean over the strongest 1 % of the pixels: (n, H, W) → (n,)."""
    pixels = response.flatten(1)  # (n, H · W)
    return pixels.topk(pixels.shape[1] // 100).values.mean(1)


def costs(length: int) -> dict[str, int]:
    """Multiply-adds per pixel of three convolutions with the same receptive field."""
    dense, depthwise = CHANNELS**2 * length**2, CHANNELS * length**2
    return {"dense": dense, "depthwise": depthwise, "strip pair": 2 * CHANNELS * length}


def scale_end(image: str) -> float:
    """Where the colour scale ends, for all lengths and turns: a bar is white on black, a street is not."""
    return 1.0 if image == "a bar" else 0.4


def draw(images: Images, length: int, image: str, turn: int) -> Figure:
    """The image turned by `turn` degrees, with the response and the cost of a pair of this length."""
    at, margin = TURNS.index(turn), LONGEST // 2
    response, cost = responses(images[image], length), costs(length)  # (turns, SIZE, SIZE)
    figure = Figure((11.4, 3.6))
    saved = cost["dense"] / cost["strip pair"]
    figure.suptitle(
        f"Strips of {length}: a receptive field of {length**2:,} pixels at 1/{saved:.0f} of the dense kernel's cost"
    )
    shown = images[image][at, margin:-margin, margin:-margin]  # (SIZE, SIZE)
    draw_field(figure.add_axes((0.01, 0.05, 0.24, 0.76)), shown, length)
    axis = figure.add_axes((0.265, 0.05, 0.24, 0.76), xticks=[], yticks=[])
    drawn = axis.imshow(response[at].numpy(), cmap="cividis", vmin=0, vmax=scale_end(image))
    axis.set_title("response of the pair", fontsize=11)
    figure.colorbar(
        drawn, cax=figure.add_axes((0.512, 0.05, 0.01, 0.76)), ticks=(0, scale_end(image) / 2, scale_end(image))
    )
    draw_turns(figure.add_axes((0.6, 0.19, 0.16, 0.62)), strongest(response), at, scale_end(image))
    draw_costs(figure.add_axes((0.79, 0.12, 0.2, 0.69)), cost)
    return figure


def draw_field(axis: Axes, shown: Tensor, length: int) -> None:
    """The image, the receptive field of its middle pixel, and the two strips."""
    middle = SIZE // 2
    axis.imshow(shown.numpy(), cmap="gray", vmin=0, vmax=1)
    low = middle - length / 2
    for x, y, wide, high in ((low, middle - 0.5, length, 1), (middle - 0.5, low, 1, length)):
        axis.add_patch(Rectangle((x, y), wide, high, color=COLOURS["strip pair"], linewidth=1))
    axis.add_patch(Rectangle((low, low), length, length, fill=False, color=COLOURS["depthwise"], linewidth=2))
    axis.set(xticks=[], yticks=[])
    axis.set_title(f"receptive field, {length} × {length}", fontsize=11)


def draw_turns(axis: Axes, strengths: Tensor, at: int, most: float) -> None:
    """How strong the response is at every turn, and where we are."""
    axis.plot(TURNS, strengths.numpy(), color=COLOURS["strip pair"])
    axis.plot(TURNS[at], strengths[at].item(), "o", color=COLOURS["dense"], markersize=9)
    axis.set(xlim=(-4, 94), ylim=(0, 1.05 * most), xticks=(0, 45, 90), yticks=(0, most / 2, most))
    axis.set_xlabel("image turned by, degrees")
    axis.set_title(f"strongest 1 %: {strengths[at]:.2f}", fontsize=11)
    axis.spines[["top", "right"]].set_visible(False)


def draw_costs(axis: Axes, cost: dict[str, int]) -> None:
    """What the three convolutions cost, on a logarithmic scale."""
    for place, (name, value) in enumerate(cost.items()):
        axis.barh(place, np.log10(value), 0.42, color=COLOURS[name])
        axis.text(0, place - 0.32, f"{name}: {value:,}", va="center", fontsize=10)
    axis.set(xlim=(0, np.log10(costs(LONGEST)["dense"])), ylim=(2.4, -0.6), yticks=[], xticks=range(0, 7, 2))
    axis.set_xticklabels(["1", "100", "10⁴", "10⁶"])
    axis.set_title(f"multiply-adds per pixel,\n{CHANNELS} channels", fontsize=11)
    axis.spines[["top", "right", "left"]].set_visible(False)


def describe(images: Images, length: int, image: str, turn: int) -> str:
    """The figure of the same arguments in a sentence."""
    at = TURNS.index(turn)
    strength = strongest(responses(images[image][at : at + 1], length)).item()
    saved = costs(length)["dense"] / costs(length)["strip pair"]
    return (
        f"{image.capitalize()}, turned by {turn}°, and a strip pair with a receptive field of {length} × {length} "
        f"pixels: its strongest responses are {strength:.2f}; it costs 1/{saved:.0f} of the dense kernel."
    )


def explorer(length: int = 21) -> Explorer:
    """The figure, opened with strips of this length, on the upright street."""
    images = load_images()
    return Explorer(
        partial(draw, images),
        partial(describe, images),
        length=IntSlider(length, 5, LONGEST, 2, description="kernel size"),
        image=Dropdown(options=list(images), description="image"),
        turn=IntSlider(TURNS[0], TURNS[0], TURNS[-1], TURNS.step, description="turned by, °"),
    )
