"""Notebook 06's interactive figure: a picture explained by a few bases, step by step.

Either a photograph, whose features are its colours, so that a base is a colour that one can look at. Or what the
decoder of a trained network hands to its NMF, and, as a control, an untrained one's. Rank, steps and the seed of the
starting bases can be moved. Shown are the strongest bases as maps, what they make of the picture, and the error beside
the least that any matrix of this rank can have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from ipywidgets import Dropdown, IntSlider, SelectionSlider
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from segnext_edu.checkpoints import card_short_side, load
from segnext_edu.data import class_names, load_scenes, reduce_zero_label
from segnext_edu.data.images import prepare, to_tensor
from segnext_edu.data.palette import colours
from segnext_edu.files import repository_data
from segnext_edu.lessons.figures import Explorer
from segnext_edu.model.hamburger import update_bases, update_coef
from segnext_edu.model.segnext import SegNeXt

MOST_STEPS = 20
RANKS = (1, 2, 3, 4, 6, 8, 12, 16)
LINES = ("#0072B2", "#D55E00")
LEVELS = torch.tensor([0.0, 1 / 3, 2 / 3, 1.0])
PAINTS = torch.cartesian_prod(LEVELS, LEVELS, LEVELS)  # (64, 3): all mixtures of four reds, four greens, four blues


def colour_features(picture: Tensor) -> Tensor:
    """A picture (3, H, W) in 0…1 as shares of the 64 paints, (1, 64, H, W): not negative, and they add up to 1.

    A colour is shared between its (up to 8) nearest paints so that their mixture, `shares.T @ PAINTS`, is the colour.
    """
    near = (1 - 3 * (picture[..., None] - LEVELS).abs()).clamp(min=0)  # (3, H, W, 4)
    return torch.einsum("hwr,hwg,hwb->rgbhw", *near).flatten(0, 2)[None]  # (1, 64, H, W)


def mixed(shares: Tensor) -> Tensor:
    """The colour of each column of shares (64, N), which need not add up to 1: (N, 3)."""
    return (shares / shares.sum(0).clamp(min=1e-9)).T @ PAINTS


@torch.no_grad()
def nmf_input(model: SegNeXt, images: Tensor) -> Tensor:
    """What the decoder hands to its NMF: normalised images (B, 3, H, W) → (B, D, H/8, W/8), nowhere negative."""
    seen: list[Tensor] = []
    hook = model.decoder.hamburger.nmf.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    model.decode(model.encode(images))
    hook.remove()
    return seen[0].contiguous()  # (B, D, H/8, W/8)


def trajectory(x: Tensor, bases: Tensor, steps: int) -> list[tuple[Tensor, Tensor]]:
    """What `nmf` answers after 0, 1, … `steps` steps: x (B, D, N), bases (B, D, R) → pairs (B, D, R), (B, N, R)."""
    bases = F.normalize(bases, dim=1)  # (B, D, R)
    coef = torch.softmax(x.mT @ bases, dim=-1)  # (B, N, R)
    answers = []
    for _ in range(steps + 1):
        coef = update_coef(x, bases, coef)  # (B, N, R)
        answers.append((bases, coef))
        bases = update_bases(x, bases, coef)  # (B, D, R)
    return answers


def relative_error(x: Tensor, bases: Tensor, coef: Tensor) -> float:
    """‖x − bases·coefᵀ‖ / ‖x‖: 0 for a perfect copy, 1 for nothing at all."""
    return ((x - bases @ coef.mT).norm() / x.norm()).item()


def least_error(x: Tensor, rank: int) -> float:
    """The least relative error of any matrix of this rank, whatever its signs (the SVD's): x (D, N)."""
    squares = torch.linalg.eigvalsh((x @ x.mT).double()).flip(0)  # (D,), the largest first
    return (squares[rank:].sum() / squares.sum()).clamp(min=0).sqrt().item()


def base_maps(features: Tensor, bases: Tensor, coef: Tensor) -> tuple[Tensor, Tensor]:
    """How much of each base every pixel holds, (R, h, w), the strongest base first; and the bases' order, (R,).

    The unit is the length that a pixel's features, (1, D, h, w), have on average.
    """
    amount = coef[0] * bases[0].norm(dim=0)  # (N, R)
    order = amount.sum(0).argsort(descending=True)  # (R,)
    maps = amount[:, order].mT / features.flatten(2).norm(dim=1).mean()  # (R, N)
    return maps.unflatten(1, features.shape[2:]), order  # (R, h, w), (R,)


def mostly(amount: Tensor, labels: Tensor, count: int) -> tuple[int, float]:
    """The class, of `count`, that holds most of a map's weight, and its share; maps (h, w), label 255 is left out.

    The share is a percentage of the map's sum, not of its pixels.
    """
    counted = labels != 255
    weight = torch.bincount(labels[counted], amount[counted], minlength=count)  # (K,)
    best = int(weight.argmax())
    return best, (weight[best] / weight.sum()).item()


def painted(maps: Tensor, picture: np.ndarray) -> np.ndarray:
    """Every pixel in the mean colour of the pixels with the same strongest base: (R, h, w), (H, W, 3) → (h, w, 3)."""
    small = F.interpolate(torch.from_numpy(picture).permute(2, 0, 1)[None] / 255, size=maps.shape[1:], mode="area")[0]
    owner = maps.argmax(0)  # (h, w)
    means = torch.stack([small[:, owner == base].mean(1) for base in range(len(maps))])  # (R, 3)
    return means[owner].numpy()  # (h, w, 3)


@dataclass(frozen=True, eq=False)
class Subject:
    """What is factorised, features (1, D, h, w) by name, and the picture (H, W, 3) that they come from.

    Labels (h, w), class names and the labels in colours (h, w, 3) belong to networks' features. Without labels the
    features are the picture's colours.
    """

    features: dict[str, Tensor]
    picture: np.ndarray
    labels: Tensor | None = None
    names: Sequence[str] = ()
    truth: np.ndarray | None = None


@lru_cache(maxsize=64)  # the explorer's seed 0 at every rank, and some more
def solved(features: Tensor, rank: int, seed: int) -> tuple[list[tuple[Tensor, Tensor]], list[float], float]:
    """The factorisation after each step from this seed's bases, the error of each, and the least for this rank."""
    x = features.flatten(2)  # (1, D, N)
    start = torch.rand(1, x.shape[1], rank, generator=torch.Generator().manual_seed(seed))
    answers = trajectory(x, start, MOST_STEPS)
    return answers, [relative_error(x, *answer) for answer in answers], least_error(x[0], rank)


Tile = tuple[np.ndarray, str]  # a picture (h, w, 3) and the words on it


def colour_tiles(features: Tensor, bases: Tensor, coef: Tensor) -> list[Tile]:
    """The strongest bases of a picture's colours as maps, each with its colour in a corner."""
    maps, order = base_maps(features, bases, coef)
    tiles = [heat(amount) for amount in maps[:12]]
    for tile, colour in zip(tiles, mixed(bases[0][:, order]).numpy()):
        tile[-13:, :13] = 1
        tile[-12:, :12] = colour
    return [(tile, "") for tile in tiles]


def segment_tiles(subject: Subject, name: str, bases: Tensor, coef: Tensor) -> list[Tile]:
    """The segments of a network's bases, painted, and five maps, each with the class that holds most of it."""
    maps, _ = base_maps(subject.features[name], bases, coef)
    tiles = [(painted(maps, subject.picture), name), *((heat(amount), "") for amount in maps[:5])]
    if subject.labels is not None:
        best = [mostly(amount, subject.labels, len(subject.names)) for amount in maps[:5]]
        tiles[1:] = [(tile, f"{subject.names[k]} {share:.0%}") for (tile, _), (k, share) in zip(tiles[1:], best)]
    return tiles + [(np.ones_like(tiles[0][0]), "")] * (6 - len(tiles))


def heat(amount: Tensor) -> np.ndarray:
    """A map (h, w) in colours from 0 to 1, (h, w, 3)."""
    return colormaps["cividis"](amount.numpy())[..., :3]


def put_tiles(axis: Axes, tiles: Sequence[Tile], title: str, columns: int = 3) -> None:
    """Tiles side by side, row after row, as one picture: it is drawn sooner than many."""
    height, width = (side + 2 for side in tiles[0][0].shape[:2])
    sheet = np.ones((-(-len(tiles) // columns) * height, columns * width, 3))
    for index, (tile, words) in enumerate(tiles):
        y, x = index // columns * height, index % columns * width
        sheet[y : y + height - 2, x : x + width - 2] = tile
        if words:
            sheet[y : y + 8, x : x + width - 2] *= 0.35  # a dark band, so that white words can be read
            axis.text(x + 1, y + 4, words, color="white", fontsize=8, va="center")
    draw_picture(axis, sheet, title)
    axis.set_anchor("N")


def draw_picture(axis: Axes, picture: np.ndarray, title: str) -> None:
    axis.imshow(picture, interpolation="nearest")
    axis.set_title(title, fontsize=9, y=1)  # told where, matplotlib need not look for room, which takes it long
    axis.set(xticks=[], yticks=[])
    axis.set_axis_off()


def draw(subject: Subject, rank: int, steps: int, seed: int) -> Figure:
    """The figure for one setting of the controls."""
    figure = Figure((10, 4.6))
    boxes = ((0.01, 0.45, 0.26, 0.38), (0.01, 0.0, 0.26, 0.38), (0.285, 0.0, 0.465, 0.83), (0.8, 0.13, 0.19, 0.62))
    above, below, maps, curve = (figure.add_axes(box) for box in boxes)
    tiles: list[Tile] = []
    for colour, (name, features) in zip(LINES, subject.features.items()):
        answers, errors, least = solved(features, rank, seed)
        bases, coef = answers[steps]
        if subject.truth is not None:
            tiles += segment_tiles(subject, name, bases, coef)
            draw_picture(below, subject.truth, "its labels")
        else:
            tiles += colour_tiles(features, bases, coef)
            copy = mixed((bases @ coef.mT)[0]).unflatten(0, features.shape[2:])  # (h, w, 3)
            draw_picture(below, copy.numpy(), "mixed from the bases")
        curve.plot(errors, color=colour, label=name)
        curve.plot(steps, errors[steps], "o", color=colour)
        curve.axhline(least, color=colour, linestyle=":")
    draw_picture(above, subject.picture, "the picture")
    title = "the strongest bases: how much of each a pixel holds" + (", and its main class" if subject.names else "")
    put_tiles(maps, tiles, title)
    curve.set(xlabel="steps", ylim=(0, 1), xlim=(-1, MOST_STEPS + 1), xticks=(0, 10, 20), yticks=(0, 0.5, 1))
    curve.set_title("relative error; dotted, the\nleast that this rank can have", fontsize=9, y=1)
    if len(subject.features) > 1:
        curve.legend(frameon=False, fontsize=8)
    figure.suptitle(describe(subject, rank, steps, seed), fontsize=12)
    return figure


def describe(subject: Subject, rank: int, steps: int, seed: int) -> str:
    """The figure's claim with its numbers: the share of the features' squares that the bases hold."""
    shares = [1 - solved(features, rank, seed)[1][steps] ** 2 for features in subject.features.values()]
    held = ", ".join(f"{share:.0%} of the {name}" for share, name in zip(shares, subject.features))
    return f"Rank {rank}, {steps} steps, seed {seed}: the bases hold {held}"


def photograph() -> Subject:
    """scikit-learn's temple, 56 × 84 pixels."""
    from sklearn.datasets import load_sample_image

    picture = np.asarray(Image.fromarray(load_sample_image("china.jpg")).resize((84, 56), Image.Resampling.BOX))
    return Subject({"colours": colour_features(torch.from_numpy(picture / 255).float().permute(2, 0, 1))}, picture)


def drawn_scene(index: int, models: dict[str, SegNeXt]) -> Subject:
    """A scene of the shipped validation set, as the decoders of these networks see it; the first has a card."""
    scenes = load_scenes("mini", "val")
    picture = scenes[index]["image"]
    images = prepare(to_tensor(picture), card_short_side(next(iter(models.values())).card))  # (1, 3, H, W)
    features = {f"{name} features": nmf_input(model, images) for name, model in models.items()}
    labels = torch.from_numpy(reduce_zero_label(np.array(scenes[index]["mask"]))).float()[None, None]  # (1, 1, H, W)
    size = [side // 8 for side in images.shape[2:]]
    labels = F.interpolate(labels, size=size, mode="nearest-exact")[0, 0].long()  # (h, w)
    palette = np.zeros((256, 3), dtype=np.uint8)  # 255, no class, stays black
    palette[: len(class_names(scenes))] = colours(class_names(scenes))
    names = [name.split(",")[0] for name in class_names(scenes)]
    return Subject(features, np.array(picture), labels, names, palette[labels])


def explorer() -> Explorer:
    """The figure with its controls. The trained network is the shipped checkpoint nano_mini."""
    models = {"trained": load(repository_data() / "checkpoints" / "nano_mini.safetensors")}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        models["untrained"] = SegNeXt("nano", models["trained"].num_classes).eval()
    subjects = {
        "a drawn street": drawn_scene(5, models),
        "a drawn room": drawn_scene(12, models),
        "a photograph's colours": photograph(),
    }
    for features in (features for subject in subjects.values() for features in subject.features.values()):
        for rank in RANKS:
            solved(features, rank, 0)  # now, so that no slider has to wait for it
    return Explorer(
        lambda subject, **values: draw(subjects[subject], **values),
        alt=lambda subject, **values: f"{subject}. {describe(subjects[subject], **values)}.".capitalize(),
        subject=Dropdown(options=list(subjects), description="picture"),
        rank=SelectionSlider(options=RANKS, value=8, description="rank R"),
        steps=IntSlider(7, 0, MOST_STEPS, description="steps"),
        seed=IntSlider(0, 0, 9, description="seed"),
    )
