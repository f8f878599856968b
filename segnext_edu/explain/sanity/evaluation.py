"""All the maps of one image, and how each fares: what the notebook does for a few scenes, for a whole data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from segnext_edu.explain.gradients import grad_cam
from segnext_edu.explain.record import attentions, contributions, record, strength
from segnext_edu.explain.sanity.bars import ANGLES, Part, gains, images_with_bars, leaning, preference
from segnext_edu.explain.sanity.baselines import edges, middle, noise, smooth_noise
from segnext_edu.explain.sanity.perturbation import SHARES, auc, class_scores, class_to_ask, curve, shuffled
from segnext_edu.explain.sanity.statistics import rank_correlation
from segnext_edu.model.segnext import VARIANTS, SegNeXt, resize

RANDOMISED = 5  # untrained networks, for the images in turn
DRAWS = 16  # images with bars
BRANCHED = 3  # the stage whose branches are shown one by one
LONG, SHORT = 21, 5  # and which of them


@dataclass(frozen=True)
class MapScores:
    """The scores of one map of one image: the areas under its two curves, and its likeness to the baselines.

    deletion, insertion: (2,), for the class's probability and for the labels kept; a good map has a small and a large.
    alike: rank correlation with the same map from random weights (None for the baselines, which have no weights).
    edges: rank correlation with the edges.
    """

    deletion: list[float]
    insertion: list[float]
    alike: float | None
    edges: float


def network_maps(model: SegNeXt, image: Tensor, label: int, where: Tensor) -> dict[str, Tensor]:
    """The gate of each stage's last block, two branches, and Grad-CAM, for an image (3, H, W): name → (H/8, W/8).

    The names count stages only, "gate of stage 2", so that networks of any depth can be compared.

    label, where: the class that Grad-CAM is asked about and the pixels at stride 8, (H/8, W/8) of bool.
    """
    recording = record(model, image[None])
    maps: dict[str, Tensor] = {}
    for stage, blocks in enumerate(VARIANTS[model.variant].depths, start=1):
        maps[f"gate of stage {stage}"] = strength(recording.attentions[stage, blocks - 1, "gate"])
    layer = BRANCHED, VARIANTS[model.variant].depths[BRANCHED - 1] - 1
    parts = contributions(dict(attentions(model))[layer], recording, layer)
    for length in (SHORT, LONG):
        maps[f"branch {length} of stage {BRANCHED}"] = strength(parts[length])
    for stage in (2, 4):
        maps[f"Grad-CAM of stage {stage}"] = grad_cam(model, image[None], label, stage, where[None])
    return {name: resize(map[:, None], where.shape)[0, 0] for name, map in maps.items()}  # (H/8, W/8) each


def baseline_maps(image: Tensor, size: tuple[int, int], generator: torch.Generator) -> dict[str, Tensor]:
    """The maps that ask no network: name → (h, w)."""
    return {
        "edges": edges(image, size),
        "middle": middle(size),
        "noise": noise(size, generator),
        "smooth noise": smooth_noise(size, generator),
    }


def map_scores(model: SegNeXt, randomised: SegNeXt, image: Tensor, seed: int) -> dict[str, MapScores] | None:
    """How every map of an image (3, H, W) fares; None where no class is small enough to ask about.

    randomised: a network of the same form with random weights. seed: for the noise.
    """
    with torch.inference_mode():
        logits = model.decode(model.encode(image[None]))[0]  # (K, h, w)
    labels = logits.argmax(0)  # (h, w)
    label = class_to_ask(labels)
    if label is None:
        return None
    where = labels == label
    ours, theirs = (network_maps(network, image, label, where) for network in (model, randomised))
    others = baseline_maps(image, (labels.shape[0], labels.shape[1]), torch.Generator().manual_seed(seed))
    random = {f"{name}, random weights": theirs[name] for name in ours}
    maps = {**ours, "the class's own probability": logits.softmax(0)[label], **random, **others}
    aucs = deletion_insertion(model, image, label, maps)
    return {
        name: MapScores(
            *aucs[name],
            alike=rank_correlation(map, theirs[name]) if name in theirs else None,
            edges=rank_correlation(map, others["edges"]),
        )
        for name, map in maps.items()
    }


def deletion_insertion(
    model: SegNeXt, image: Tensor, label: int, maps: Mapping[str, Tensor]
) -> dict[str, tuple[list[float], list[float]]]:
    """The AUC of deletion and of insertion for every map (h, w): name → two numbers each (see `class_scores`)."""
    score, cover = class_scores(model, image, label), shuffled(image)
    with torch.inference_mode():
        whole, hidden = score(image[None]), score(cover[None])  # (1, 2), the ends that all curves share
    table = {}
    for name, map in maps.items():
        falling = torch.cat([whole, curve(score, image, cover, map, SHARES[1:-1]), hidden])  # (shares, 2)
        rising = torch.cat([hidden, curve(score, cover, image, map, SHARES[1:-1]), whole])  # (shares, 2)
        table[name] = auc(falling).tolist(), auc(rising).tolist()
    return table


def turned_bars(model: SegNeXt, draws: int = DRAWS) -> dict[str, dict[str, list[float]]]:
    """What each kind of part prefers, a number per image with bars, the mean over all the blocks.

    Returns "horizontal 21" and so on → {"horizontal": …, "straight": …}, from -1 to 1: see `preference` and `leaning`.
    """
    drawn = [gains(model, images_with_bars(torch.Generator().manual_seed(seed))) for seed in range(draws)]
    table: dict[str, dict[str, list[float]]] = {}
    for length, part in sorted({(length, part) for _, length, part in drawn[0]}):
        chosen = [_of_kind(gain, length, part) for gain in drawn]  # draws × (blocks, angles)
        table[f"{part} {length}"] = {
            "horizontal": [preference(gain[:, 0], gain[:, ANGLES.index(90)]).mean().item() for gain in chosen],
            "straight": [leaning(gain.T).mean().item() for gain in chosen],
        }
    return table


def _of_kind(gain: Mapping[Part, Tensor], length: int, part: str) -> Tensor:
    return torch.stack([value for (_, *kind), value in gain.items() if kind == [length, part]])  # (blocks, angles)
