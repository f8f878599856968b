"""The figure of notebook 05: leaf through the encoder's channels, stage by stage and block by block.

Above: the picture; one channel of a trained encoder; the channel of the same rank in an encoder that has learned
nothing. (Channel 7 of one network has nothing to do with channel 7 of another, so what is compared is the rank: how
much a channel varies over the picture, among those of its stage.) In the middle a film strip: sixteen channels of each,
from the one that varies most to the one that varies least. Below: how bright the two large maps are on the picture's
larger regions. Every map is drawn around its own mean, in units of its own standard deviation, with the same limits.

Four pictures are drawn scenes, looked at by the checkpoint nano_mini, with their true labels as regions. The fifth is
scikit-learn's photograph of a temple, looked at by nano_street, which learned from LabelMeFacade (for non-commercial
research and teaching only); it has no true labels, so its regions are what that network takes them for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from ipywidgets import Dropdown, IntSlider, SelectionSlider, ToggleButtons
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image
from torch import Tensor

from segnext_edu.checkpoints import read
from segnext_edu.data import load_scenes, reduce_zero_label
from segnext_edu.data.images import prepare, to_tensor
from segnext_edu.files import repository_data
from segnext_edu.inference.predict import predict
from segnext_edu.lessons.figures import Explorer
from segnext_edu.model.mscan import MSCAN, Stage
from segnext_edu.model.segnext import VARIANTS, SegNeXt

SCENES = {"a street": 53, "a street at night (scene 8)": 8, "a room": 27, "a lake": 25}  # in the validation split
PHOTOGRAPH = "a photograph"
PLACES = ("the step down", "the first block", "the last block", "the closing norm")
RANKS = 16  # positions of the slider, from the channel that varies most to the one that varies least
REGIONS = 6  # shown at most
SIDE = 320  # the short side that both checkpoints learned at
LIMIT = 2.5  # of the colours, in standard deviations
TRAINED, UNTRAINED = "#0072B2", "#E69F00"
INKS = {"trained": TRAINED, "untrained": "#9C6C00"}  # the second darker than its bars, to be read
COLOURS = colormaps["viridis"](np.arange(256), bytes=True)[:, :3]

WIDTH, HEIGHT = 1040, 600  # of the figure; all lengths are in its pixels, from the upper left corner
LARGE = 336  # the width of the picture and of the two maps
TOP, STRIP, BARS = 58, 344, 528  # where the pictures and the film strip begin; where the bars stand
THUMB = (58, 42)  # width and height of one of the strip's pictures

Maps = dict[tuple[int, str], Tensor]


@dataclass(frozen=True)
class Walk:
    """A picture, and all that two encoders made of it: by stage (from 1) and place, a map (C, h, w)."""

    picture: Image.Image
    labels: Tensor  # (H, W), 0..K-1; 255 where there is none
    classes: Sequence[str]
    true: bool  # whether the labels are the truth, or a network's opinion
    trained: Maps
    untrained: Maps


@torch.no_grad()
def walk(encoder: MSCAN, images: Tensor) -> Maps:
    """The map at every place of every stage, for (1, 3, H, W) normalised images."""
    maps: Maps = {}
    x = images
    for number, stage in enumerate(encoder.stages, start=1):
        assert isinstance(stage, Stage)
        maps[number, PLACES[0]] = x = stage.down(x)  # (1, C, h, w)
        for index, block in enumerate(stage.blocks):
            x = block(x)  # (1, C, h, w)
            if index == 0:
                maps[number, PLACES[1]] = x
        maps[number, PLACES[2]] = x
        maps[number, PLACES[3]] = x = stage.norm(x)  # (1, C, h, w)
    return {index: x[0] for index, x in maps.items()}


def variation(maps: Tensor) -> Tensor:
    """How much each channel varies over the picture, its standard deviation: (C, h, w) → (C,)."""
    return maps.flatten(1).std(1, correction=0)


def standardised(channel: Tensor) -> Tensor:
    """A map around its mean, in units of its standard deviation; zeros where it does not vary: (h, w) → (h, w)."""
    return (channel - channel.mean()) / channel.std(correction=0).clamp(min=1e-12)


def resized(values: Tensor, size: Sequence[int]) -> Tensor:
    """At another size, larger or smaller; each cell takes the value in its middle: (H, W) → (h, w)."""
    rows, columns = ((2 * torch.arange(n) + 1) * side // (2 * n) for n, side in zip(size, values.shape))
    return values[rows][:, columns]


def explained(channel: Tensor, labels: Tensor) -> float:
    """The share of a map's variance that lies between the labels' regions, not within them; 0 to 1.

    It is 1 where the map is even within each region, and 0 where all regions have the same mean. Both (h, w).
    """
    values, regions = channel[labels != 255].double(), labels[labels != 255].long()
    sums = torch.zeros(256, dtype=torch.float64).index_add(0, regions, values)
    counts = regions.bincount(minlength=256)
    means = (sums / counts.clamp(min=1))[regions]
    return ((means - values.mean()).square().sum() / (values - values.mean()).square().sum().clamp(min=1e-12)).item()


def ranked(maps: Maps, stage: int) -> list[int]:
    """The channels at the slider's positions, the one that varies most first.

    Ranks are taken after the closing norm, so that one channel can be followed through all places of a stage.
    """
    order = variation(maps[stage, PLACES[-1]]).argsort(descending=True).tolist()
    return [order[round(index * (len(order) - 1) / (RANKS - 1))] for index in range(RANKS)]


def largest(labels: Tensor) -> list[int]:
    """The labels with the most pixels, largest first."""
    counts = labels[labels != 255].long().bincount()
    return [int(label) for label in counts.argsort(descending=True)[:REGIONS] if counts[label] > 0]


def describe(walks: dict[str, Walk], picture: str, stage: int, after: str, rank: int) -> str:
    """What there is to see, in words."""
    shown = walks[picture]
    channel = ranked(shown.trained, stage)[rank - 1]
    share, control = shares(shown, stage, after, rank)
    return (
        f"{picture}, stage {stage}, after {after}, channel {channel}, {rank} of {RANKS} by how much it varies. "
        f"The regions explain {share:.0%} of its map, and {control:.0%} of an untrained network's."
    )


def shares(shown: Walk, stage: int, after: str, rank: int) -> list[float]:
    """How much of the trained and of the untrained map the regions explain."""
    found = []
    for maps in (shown.trained, shown.untrained):
        channel = maps[stage, after][ranked(maps, stage)[rank - 1]]  # (h, w)
        found.append(explained(channel, resized(shown.labels, channel.shape)))
    return found


def render(walks: dict[str, Walk], picture: str, stage: int, after: str, rank: int) -> Figure:
    """The picture and two maps, the film strip, the regions. One image and one axis: axes are what takes long."""
    shown = walks[picture]
    figure = Figure((WIDTH / 100, HEIGHT / 100), dpi=100)
    axis = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(HEIGHT, 0))
    axis.set_axis_off()
    canvas = np.full((HEIGHT, WIDTH, 3), 255, dtype=np.uint8)
    tall = round(LARGE * shown.picture.height / shown.picture.width)
    paste(canvas, np.asarray(shown.picture.resize((LARGE, tall))), 8, TOP)
    axis.text(8 + LARGE / 2, TOP - 8, picture, ha="center", fontsize=11)
    sides = {"trained": shown.trained, "untrained": shown.untrained}
    pair = []
    for row, ((name, maps), share) in enumerate(zip(sides.items(), shares(shown, stage, after, rank)), start=1):
        channels, now = ranked(maps, stage), maps[stage, after]  # now (C, h, w)
        channel = channels[rank - 1]
        pair.append(standardised(now[channel]))  # (h, w)
        left = 8 + row * (LARGE + 8)
        paste(canvas, painted(pair[-1], (tall, LARGE)), left, TOP)
        title = f"{name}, channel {channel}: regions explain {share:.0%}"
        axis.text(left + LARGE / 2, TOP - 8, title, ha="center", fontsize=11, color=INKS[name])
        top = STRIP + (row - 1) * (THUMB[1] + 6)
        for index, other in enumerate(channels):
            paste(canvas, painted(standardised(now[other]), THUMB[::-1]), 76 + index * (THUMB[0] + 2), top)
        axis.text(70, top + THUMB[1] / 2, name, ha="right", va="center", fontsize=9)
    count, high, wide = shown.trained[stage, after].shape
    title = f"stage {stage}, after {after}: {count} channels of {high} × {wide}"
    axis.text(WIDTH / 2, 24, title, ha="center", fontsize=13)
    key = "the colours: yellow is above a map's mean, dark blue below it"
    axis.text(WIDTH / 2, STRIP - 14, key, ha="center", fontsize=9)
    corner = 74 + (rank - 1) * (THUMB[0] + 2), STRIP - 3
    axis.add_patch(Rectangle(corner, THUMB[0] + 3, 2 * THUMB[1] + 12, fill=False, color="#D55E00", linewidth=3))
    draw_regions(axis, shown, *pair)
    figure.figimage(canvas, origin="upper", zorder=-1)
    return figure


def painted(values: Tensor, size: Sequence[int]) -> np.ndarray:
    """A standardised map in colours, (h, w) → (H, W, 3) uint8."""
    levels = (255 * (values / LIMIT + 1) / 2).round().clamp(0, 255).long()  # (h, w)
    return COLOURS[resized(levels, size).numpy()]


def paste(canvas: np.ndarray, image: np.ndarray, left: int, top: int) -> None:
    canvas[top : top + image.shape[0], left : left + image.shape[1]] = image


def draw_regions(axis: Axes, shown: Walk, trained: Tensor, untrained: Tensor) -> None:
    """The mean of both maps over each of the larger regions, as bars up and down from a line."""
    labels = resized(shown.labels, trained.shape)  # (h, w)
    whose = "each region" if shown.true else "what nano_street takes for …"
    axis.text(WIDTH / 2, 464, f"mean over {whose}, in standard deviations", ha="center", fontsize=11)
    for left, name in ((76, "trained"), (146, "untrained")):
        axis.text(left, 464, f"■ {name}", fontsize=9, color=INKS[name])
    axis.plot([76, WIDTH - 12], [BARS, BARS], color="0.5", linewidth=0.8)
    for line in (-1, 1):
        axis.plot([76, WIDTH - 12], [BARS - 25 * line] * 2, ":", color="0.7", linewidth=0.8)
        axis.text(70, BARS - 25 * line, f"{line:+}", ha="right", va="center", fontsize=9)
    for index, region in enumerate(largest(labels)):
        middle = 150 + index * 156
        axis.text(middle, HEIGHT - 8, shown.classes[region].split(",")[0], ha="center", fontsize=10)
        for shift, values, colour in ((-32, trained, TRAINED), (0, untrained, UNTRAINED)):
            mean = values[labels == region].mean().item()
            axis.add_patch(Rectangle((middle + shift, BARS), 30, -25 * max(-2, min(2, mean)), color=colour))


def untrained_encoder() -> MSCAN:
    """A nano encoder with fresh weights, always the same; the global generator stays as it was."""
    size = VARIANTS["nano"]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return MSCAN(size.channels, size.depths, size.mlp_ratios, size.drop_path).eval()


def look(model: SegNeXt, control: MSCAN, picture: Image.Image, labels: Tensor | None) -> Walk:
    """All maps of one picture; without labels, the model's own are taken."""
    pixels = to_tensor(picture)  # (3, H, W)
    images = prepare(pixels, SIDE)  # (1, 3, h, w)
    regions = predict(model, pixels, SIDE) if labels is None else labels
    return Walk(picture, regions, model.classes, labels is not None, walk(model.encoder, images), walk(control, images))


def explorer() -> Explorer:
    """The figure, on four drawn scenes and a photograph. Needs scikit-learn for the photograph."""
    from sklearn.datasets import load_sample_image

    control, folder = untrained_encoder(), repository_data() / "checkpoints"
    scenes, model = load_scenes("mini", "val"), read(folder / "nano_mini.safetensors")
    walks = {}
    for name, index in SCENES.items():
        scene = scenes[index]
        labels = reduce_zero_label(torch.from_numpy(np.array(scene["mask"])))  # (H, W)
        walks[name] = look(model, control, scene["image"], labels)
    temple = Image.fromarray(load_sample_image("china.jpg"))
    walks[PHOTOGRAPH] = look(read(folder / "nano_street.safetensors"), control, temple, None)
    return Explorer(
        partial(render, walks),
        alt=partial(describe, walks),
        picture=Dropdown(options=list(walks), description="picture"),
        stage=ToggleButtons(options=[1, 2, 3, 4], value=3, description="stage"),
        after=SelectionSlider(options=PLACES, value=PLACES[-1], description="after"),
        rank=IntSlider(1, 1, RANKS, description="channel"),
    )
