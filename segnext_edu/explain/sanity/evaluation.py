"""All the maps of one picture, and how each fares: what the notebook does for a few scenes, for a whole data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from segnext_edu.explain.gradients import grad_cam
from segnext_edu.explain.record import attentions, contributions, record, strength
from segnext_edu.explain.sanity.bars import ANGLES, Part, gains, leaning, pictures, preference
from segnext_edu.explain.sanity.baselines import clouds, edges, middle, speckle
from segnext_edu.explain.sanity.perturbation import SHARES, answers, area, class_to_ask, curve, shuffled
from segnext_edu.explain.sanity.statistics import rank_correlation
from segnext_edu.model.segnext import VARIANTS, SegNeXt, resize

TWINS = 5  # untrained networks, for the pictures in turn
DRAWS = 16  # pictures with bars
BRANCHED = 3  # the stage whose branches are shown one by one
LONG, SHORT = 21, 5  # and which of them


@dataclass(frozen=True)
class Fate:
    """How one map of one picture fared: areas under its two curves, and its likeness to maps that know nothing.

    deletion, insertion: (2,), for the class's probability and for the labels kept; a good map has a small and a large.
    alike: rank correlation with the same map from random weights (None for the rivals, which have no weights).
    edges: rank correlation with the edges.
    """

    deletion: list[float]
    insertion: list[float]
    alike: float | None
    edges: float


def network_maps(model: SegNeXt, picture: Tensor, label: int, where: Tensor) -> dict[str, Tensor]:
    """The gate of each stage's last block, two branches, and Grad-CAM, for a picture (3, H, W): name → (H/8, W/8).

    The names count stages only, "gate of stage 2", so that networks of any depth can be compared.

    label, where: the class that Grad-CAM is asked about and the pixels at stride 8, (H/8, W/8) of bool.
    """
    recording = record(model, picture[None])
    maps: dict[str, Tensor] = {}
    for stage, blocks in enumerate(VARIANTS[model.variant].blocks, start=1):
        maps[f"gate of stage {stage}"] = strength(recording.attentions[stage, blocks - 1, "gate"])
    layer = BRANCHED, VARIANTS[model.variant].blocks[BRANCHED - 1] - 1
    parts = contributions(dict(attentions(model))[layer], recording, layer)
    for length in (SHORT, LONG):
        maps[f"branch {length} of stage {BRANCHED}"] = strength(parts[length])
    for stage in (2, 4):
        maps[f"Grad-CAM of stage {stage}"] = grad_cam(model, picture[None], label, stage, where[None])
    return {name: resize(map[:, None], where.shape)[0, 0] for name, map in maps.items()}  # (H/8, W/8) each


def rival_maps(picture: Tensor, size: tuple[int, int], generator: torch.Generator) -> dict[str, Tensor]:
    """The maps that ask no network: name → (h, w)."""
    return {
        "edges": edges(picture, size),
        "middle": middle(size),
        "speckle": speckle(size, generator),
        "clouds": clouds(size, generator),
    }


def fates(model: SegNeXt, twin: SegNeXt, picture: Tensor, seed: int) -> dict[str, Fate] | None:
    """How every map of a picture (3, H, W) fares; None where no class is small enough to ask about.

    twin: a network of the same form with random weights. seed: for the noise.
    """
    with torch.inference_mode():
        logits = model.decode(model.encode(picture[None]))[0]  # (K, h, w)
    labels = logits.argmax(0)  # (h, w)
    label = class_to_ask(labels)
    if label is None:
        return None
    where = labels == label
    ours, theirs = (network_maps(network, picture, label, where) for network in (model, twin))
    others = rival_maps(picture, (labels.shape[0], labels.shape[1]), torch.Generator().manual_seed(seed))
    random = {f"{name}, random weights": theirs[name] for name in ours}
    maps = {**ours, "the class's own probability": logits.softmax(0)[label], **random, **others}
    areas = both_areas(model, picture, label, maps)
    return {
        name: Fate(
            *areas[name],
            alike=rank_correlation(map, theirs[name]) if name in theirs else None,
            edges=rank_correlation(map, others["edges"]),
        )
        for name, map in maps.items()
    }


def both_areas(
    model: SegNeXt, picture: Tensor, label: int, maps: Mapping[str, Tensor]
) -> dict[str, tuple[list[float], list[float]]]:
    """The areas under deletion and insertion for every map (h, w): name → two numbers each, as `answers` gives them."""
    score, cover = answers(model, picture, label), shuffled(picture)
    with torch.inference_mode():
        whole, hidden = score(picture[None]), score(cover[None])  # (1, 2), the ends that all curves share
    table = {}
    for name, map in maps.items():
        falling = torch.cat([whole, curve(score, picture, cover, map, SHARES[1:-1]), hidden])  # (shares, 2)
        rising = torch.cat([hidden, curve(score, cover, picture, map, SHARES[1:-1]), whole])  # (shares, 2)
        table[name] = area(falling).tolist(), area(rising).tolist()
    return table


def turned_bars(model: SegNeXt, draws: int = DRAWS) -> dict[str, dict[str, list[float]]]:
    """What each kind of part prefers, a number a picture with bars, the mean over all the blocks.

    Returns "row 21" and so on → {"lying": …, "straight": …}, from -1 to 1: see `preference` and `leaning`.
    """
    drawn = [gains(model, pictures(torch.Generator().manual_seed(seed))) for seed in range(draws)]
    table: dict[str, dict[str, list[float]]] = {}
    for length, part in sorted({(length, part) for _, length, part in drawn[0]}):
        chosen = [_of_kind(gain, length, part) for gain in drawn]  # draws × (blocks, angles)
        table[f"{part} {length}"] = {
            "lying": [preference(gain[:, 0], gain[:, ANGLES.index(90)]).mean().item() for gain in chosen],
            "straight": [leaning(gain.T).mean().item() for gain in chosen],
        }
    return table


def _of_kind(gain: Mapping[Part, Tensor], length: int, part: str) -> Tensor:
    return torch.stack([value for (_, *kind), value in gain.items() if kind == [length, part]])  # (blocks, angles)
