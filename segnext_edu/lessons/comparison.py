"""What the comparison's runs say together: means with intervals over seeds, differences in pairs, curves with bands.

`python -m tools.comparison run` writes a JSON file for each network and seed; everything here is computed from a
folder of them. Notebook 08 prints it.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from segnext_edu.files import InputError
from segnext_edu.metrics import ConfusionMatrix

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean, and how far to either side the 95 % confidence interval reaches."""

    mean: float
    half: float

    def __contains__(self, value: float) -> bool:
        return abs(value - self.mean) <= self.half

    def __str__(self) -> str:
        return f"{self.mean:.3f} ± {self.half:.3f}"


def t_interval(values: Sequence[float]) -> Interval:
    """Student's interval for the mean of a few independent runs: mean ± t · s / √n, s the sample's deviation.

    One run says nothing about how far runs scatter: its interval is infinite. Raises ValueError for none.
    """
    from scipy.special import stdtrit

    if not values:
        raise ValueError("an interval needs at least one value")
    count = len(values)
    if count == 1:
        return Interval(values[0], math.inf)
    t = float(stdtrit(count - 1, (1 + CONFIDENCE) / 2))
    return Interval(statistics.fmean(values), t * statistics.stdev(values) / math.sqrt(count))


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one network, trained from one seed, came to."""

    network: str
    seed: int
    recipe: Mapping[str, Any]
    parameters: int
    macs: int  # multiply-adds for a picture of 512 × 512
    classes: tuple[str, ...]
    steps: tuple[int, ...]  # at which it was scored on the way
    losses: tuple[float, ...]  # mean of the training steps before each
    mious: tuple[float, ...]
    counts: Tensor  # (K, K), the confusion matrix after the last step: (target, prediction)

    @classmethod
    def read(cls, path: Path) -> Outcome:
        """One file. Raises InputError when it is not what the comparison writes."""
        try:
            said = json.loads(path.read_text("utf-8"))
            outcome = cls(
                network=said["network"],
                seed=said["recipe"]["seed"],
                recipe=said["recipe"],
                parameters=said["parameters"],
                macs=said["macs_512"],
                classes=tuple(said["classes"]),
                steps=tuple(said["curve"]["step"]),
                losses=tuple(said["curve"]["loss"]),
                mious=tuple(said["curve"]["miou"]),
                counts=torch.tensor(said["counts"], dtype=torch.long),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{path}: not a file of the comparison ({type(error).__name__}: {error}); "
                "`python -m tools.comparison run` writes one"
            ) from error
        points = {len(outcome.steps), len(outcome.losses), len(outcome.mious)}
        if outcome.counts.shape != (len(outcome.classes),) * 2 or len(points) > 1:
            raise InputError(f"{path}: its curve or its confusion matrix does not fit its steps or its classes")
        return outcome

    @property
    def matrix(self) -> ConfusionMatrix:
        matrix = ConfusionMatrix(len(self.classes))
        matrix.counts = self.counts
        return matrix

    @property
    def miou(self) -> float:
        return self.matrix.miou()

    @property
    def accuracy(self) -> float:
        return self.matrix.pixel_accuracy()


Outcomes = Mapping[str, Sequence[Outcome]]  # by network, the highest mean mIoU first; each by seed


def read_outcomes(folder: Path) -> dict[str, list[Outcome]]:
    """All files of a folder. Raises InputError when there are none, or when they are not runs of one comparison."""
    outcomes = [Outcome.read(path) for path in sorted(folder.glob("*.json"))]
    if not outcomes:
        raise InputError(f"{folder}: holds no JSON files; `python -m tools.comparison run` writes them")
    first, found = outcomes[0], {}
    for outcome in outcomes:
        for name in {*first.recipe, *outcome.recipe} - {"variant", "seed"}:
            if outcome.recipe.get(name) != first.recipe.get(name):
                raise InputError(
                    f"{folder}: {outcome.network} was trained with {name} {outcome.recipe.get(name)}, {first.network} "
                    f"with {first.recipe.get(name)}; compare runs by one recipe"
                )
        if outcome.classes != first.classes or outcome.steps != first.steps:
            raise InputError(f"{folder}: {outcome.network} has other classes or scored steps than {first.network}")
        by_seed = found.setdefault(outcome.network, {})
        if outcome.seed in by_seed:
            raise InputError(f"{folder}: holds {outcome.network} with seed {outcome.seed} twice; remove one")
        by_seed[outcome.seed] = outcome
    networks = {name: [by_seed[seed] for seed in sorted(by_seed)] for name, by_seed in found.items()}
    return dict(sorted(networks.items(), key=lambda item: -statistics.fmean(each.miou for each in item[1])))


def miou(outcome: Outcome) -> float:
    """A measure for `paired_difference`; so is any function of an outcome."""
    return outcome.miou


def paired_difference(
    ours: Sequence[Outcome], theirs: Sequence[Outcome], measure: Callable[[Outcome], float] = miou
) -> Interval:
    """Ours minus theirs, seed by seed: what a seed does to both alike cancels.

    Raises ValueError when no seed is shared.
    """
    there = {outcome.seed: outcome for outcome in theirs}
    return t_interval([measure(mine) - measure(there[mine.seed]) for mine in ours if mine.seed in there])


def verdict(difference: Interval, ours: str, theirs: str) -> str:
    """What an interval of differences allows to say, as a sentence."""
    if 0 in difference:
        return f"{ours} and {theirs}: the interval holds 0, so these runs do not say which is better"
    better, worse = (ours, theirs) if difference.mean > 0 else (theirs, ours)
    return f"{better} is ahead of {worse}: the interval does not hold 0"


def curve(outcomes: Sequence[Outcome], of: str = "mious") -> tuple[list[int], list[Interval]]:
    """The scored steps, and at each the interval over the seeds; of "mious" or "losses"."""
    return list(outcomes[0].steps), [t_interval(values) for values in zip(*(getattr(each, of) for each in outcomes))]


def class_ious(outcomes: Sequence[Outcome]) -> dict[str, Interval]:
    """The IoU of each class over the seeds."""
    rows = zip(*(outcome.matrix.per_class_iou().tolist() for outcome in outcomes))
    return {name: t_interval(values) for name, values in zip(outcomes[0].classes, rows)}


def confusion(outcomes: Sequence[Outcome]) -> Tensor:
    """Of each class's pixels, which share was called what: (K, K), rows add up to 1; all seeds together."""
    counts = torch.stack([outcome.counts for outcome in outcomes]).sum(0).double()
    return counts / counts.sum(1, keepdim=True)


def read_speeds(path: Path) -> dict[str, dict[str, float]]:
    """Images per second in "training" and "prediction", by network, from `bench_training`'s JSON. Raises InputError."""
    try:
        rows = json.loads(path.read_text("utf-8"))["rows"]
        return {what: {row["network"]: float(row[what]) for row in rows} for what in ("training", "prediction")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: no speeds ({type(error).__name__}: {error}); `python -m tools.bench training` measures them"
        ) from error


def table(outcomes: Outcomes, base: str, speeds: Mapping[str, Mapping[str, float]] | None = None) -> str:
    """One line per network: cost, mIoU, accuracy, the paired difference of the mIoU to `base`, and how fast it is.

    A star marks a difference whose interval does not hold 0.

    speeds: for each column its name and pictures a second by network, measured in one run on one machine; shown as
    multiples of `base`.
    """
    rows = [["", "M params", "G mult-adds", "mIoU", "accuracy", f"mIoU minus {base}  ", *(speeds or {})]]
    for network, runs in outcomes.items():
        measures = t_interval([run.miou for run in runs]), t_interval([run.accuracy for run in runs])
        row = [network, f"{runs[0].parameters / 1e6:.2f}", f"{runs[0].macs / 1e9:.2f}", *map(str, measures), "·  "]
        if network != base:
            difference = paired_difference(runs, outcomes[base])
            row[-1] = f"{difference.mean:+.3f} ± {difference.half:.3f} {' ' if 0 in difference else '*'}"
        for speed in (speeds or {}).values():
            row.append(f"{speed[network] / speed[base]:.2f}×" if network in speed else "·")
        rows.append(row)
    widths = [max(map(len, column)) for column in zip(*rows)]
    return "\n".join("  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows)
