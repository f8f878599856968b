"""What the atlas shows: one photograph as two networks see it, a trained one and one of random weights.

Notebook 10's interactive figure and the page that `python -m segnext_edu atlas` writes both read their maps here, so
that they show the same. All of it is computed from one recorded forward pass per network; for gradients, from a second
one whose graph is kept (`atlas_graph.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from segnext_edu.checkpoints import card_short_side, load
from segnext_edu.data.images import prepare, to_tensor
from segnext_edu.explain.atlas.graph import Graph
from segnext_edu.explain.record import (
    BRANCHES,
    Layer,
    Recording,
    attentions,
    contributions,
    record,
    segments,
    strength,
)
from segnext_edu.explain.sanity.baselines import randomise
from segnext_edu.files import InputError, repository_data
from segnext_edu.model.segnext import SegNeXt

PARTS = ("gate", *BRANCHES)
LONGEST = 1.5  # times as long as high may a photograph be before it is looked at in less detail
SMALLEST, NARROWEST = 32, 10  # pixels a side; times as long as high
PULLS, HEATS = 4, 32  # receptive fields and class maps kept of a photograph
GRAPH_BYTES = 512 * 2**20  # of a network's graph that may be kept; tiny's takes 200 MB at 256 × 384, 520 at 512 × 512


@dataclass(frozen=True, eq=False)
class Sight:
    """A network and what it made of a photograph: its input (1, 3, H, W), and the recorded forward pass of it."""

    model: SegNeXt
    images: Tensor
    recording: Recording

    @cached_property
    def layers(self) -> list[Layer]:
        return [layer for layer, _ in attentions(self.model)]

    @cached_property
    def probabilities(self) -> Tensor:
        """Of each class at stride 8: (K, h, w)."""
        return self.recording.logits[0].softmax(0)

    @cached_property
    def labels(self) -> Tensor:
        """The most probable class at stride 8: (h, w)."""
        return self.recording.logits[0].argmax(0)

    @cached_property
    def shares(self) -> Tensor:
        """What part of a pixel's features each base of the NMF accounts for: (R, h, w), 1 in sum at every pixel."""
        held = segments(self.recording)[0]  # (R, h, w)
        return held / held.sum(0).clamp(min=1e-12)

    # These two go back through the graph; the last few answers are kept.

    @cached_property
    def kept(self) -> Graph | None:
        """The graph, from the first question on; None where it takes more than GRAPH_BYTES: then each makes its own."""
        graph = Graph.of(self.model, self.images)
        return graph if graph.nbytes <= GRAPH_BYTES else None

    @property
    def graph(self) -> Graph:
        return self.kept or Graph.of(self.model, self.images)

    @cached_property
    def pull(self) -> Callable[[int, int, int], Tensor]:
        """How much each pixel moves a stage's cell (stage, y, x): (H, W)."""
        return lru_cache(PULLS)(lambda stage, y, x: self.graph.pull(stage, y, x))

    @cached_property
    def heat(self) -> Callable[[int, Tensor], Tensor]:
        """Where stage 4 speaks for a class at certain pixels (h, w), by Grad-CAM: a map of stage 4's size."""
        return lru_cache(HEATS)(lambda label, where: self.graph.heat(label, where))

    @property
    def nbytes(self) -> int:
        """What all this takes in memory, at most; the graph counts once it is there."""
        kept, graph = self.recording, vars(self).get("kept")
        tensors = [self.images, *kept.attentions.values(), *kept.stages, kept.bases, kept.coef, kept.logits]
        derived = [self.shares, self.probabilities, self.labels] + PULLS * [self.images[0, 0]]
        derived += HEATS * [kept.stages[-1][0, 0]]
        return sum(tensor.nbytes for tensor in (*tensors, *derived)) + (graph.nbytes if graph else 0)


def look(model: SegNeXt, photo: Image.Image) -> Sight:
    """Send a photograph through a network in eval mode, at the size at which the network learned."""
    images = prepare(to_tensor(photo), seen_side(photo.size, card_short_side(getattr(model, "card", {}))))
    return Sight(model, images, record(model, images))


def seen_side(size: tuple[int, int], short_side: int) -> int:
    """The short side at which a photograph of this size is looked at.

    It is `short_side`; for a panorama less, so that it has no more pixels than a photograph of 2 : 3.

    Raises InputError for a photograph that is too small, or a mere strip.
    """
    ratio = max(size) / min(size)
    if min(size) < SMALLEST or ratio > NARROWEST:
        raise InputError(
            f"the photograph is {size[0]} × {size[1]} pixels; expected at least {SMALLEST} each way and a shape of at "
            f"most 1 : {NARROWEST}. Choose a larger one, or cut a piece out."
        )
    return max(32, round(short_side * min(1, math.sqrt(LONGEST / ratio))))


def default_checkpoint() -> Path:
    """The checkpoint for photographs that ships: the larger one, where it is there."""
    folder = repository_data() / "checkpoints"
    tiny = folder / "tiny_street.safetensors"
    return tiny if tiny.exists() else folder / "nano_street.safetensors"


def load_pair(checkpoint: Path) -> tuple[SegNeXt, SegNeXt]:
    """A trained network and its control: the same in all but its weights, which are random (seed 0)."""
    with torch.random.fork_rng(devices=[]):  # whoever draws random numbers meanwhile goes on as before
        trained = load(checkpoint)
    randomised = randomise(trained)
    randomised.classes, randomised.card = trained.classes, trained.card
    for parameter in (*trained.parameters(), *randomised.parameters()):
        parameter.requires_grad_(False)  # only images are asked for gradients here
    return trained, randomised


def attention_map(sight: Sight, layer: Layer, part: str | int, reading: str, channel: int = 0) -> Tensor:
    """One map of the atlas: (h, w).

    part is "gate", or a branch, 5, 7, 11 or 21: what that branch adds to the gate.
    reading: "strength", how far from zero it is over all channels, in units of its mean over the image;
    "mean", the channels' mean with its sign, or "channel", one of them; both in units of their root mean square.
    """
    maps = layer_maps(sight, layer)[part]  # (C, h, w)
    if reading == "strength":
        strong = strength(maps[None])[0]  # (h, w)
        return strong / strong.mean().clamp(min=1e-12)
    signed = maps.mean(0) if reading == "mean" else maps[channel]  # (h, w)
    return signed / signed.square().mean().sqrt().clamp(min=1e-12)


def layer_maps(sight: Sight, layer: Layer) -> dict[str | int, Tensor]:
    """The gate of a layer and what each branch adds to it: part → (C, h, w)."""
    added = contributions(dict(attentions(sight.model))[layer], sight.recording, layer)
    gate = sight.recording.attentions[*layer, "gate"][0]  # (C, h, w)
    return {"gate": gate, **{length: maps[0] for length, maps in added.items()}}


def by_spread(sight: Sight, layer: Layer, part: str | int) -> list[int]:
    """The channels of a map, those that vary most over the photograph first."""
    spread = layer_maps(sight, layer)[part].flatten(1).std(1)  # (C,)
    return spread.argsort(descending=True, stable=True).tolist()


def dominant_map(sight: Sight, layer: Layer) -> Tensor:
    """Which branch adds most to the gate at each place: (h, w), of branch lengths."""
    maps = layer_maps(sight, layer)
    strongest = torch.stack([strength(maps[length][None])[0] for length in BRANCHES]).argmax(0)  # (h, w)
    return torch.tensor(BRANCHES)[strongest]


def best_classes(sight: Sight, y: int, x: int, count: int = 4) -> list[tuple[str, float]]:
    """The most probable classes of a pixel at stride 8 by name, the most probable first."""
    values, classes = sight.probabilities[:, y, x].topk(min(count, len(sight.probabilities)))
    names = short_names(sight.model.classes)
    return [(names[index], value) for index, value in zip(classes.tolist(), values.tolist())]


def short_names(classes: Sequence[str]) -> list[str]:
    """The first synonym of each: "car, auto, automobile" → "car"."""
    return [name.split(",")[0] for name in classes]
