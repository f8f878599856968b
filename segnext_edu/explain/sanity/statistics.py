"""How sure a mean over images is."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

DRAWS = 2000


def rank_correlation(a: ArrayLike, b: ArrayLike) -> float:
    """Whether two maps rank the same places high (Spearman): 1 for the same order, 0 for none in common.

    Equal values share the mean of their ranks. 0 where one of the maps is flat.
    """

    def ranks(values: ArrayLike) -> np.ndarray:
        _, place, counts = np.unique(np.asarray(values).ravel(), return_inverse=True, return_counts=True)
        return (counts.cumsum() - (counts - 1) / 2)[place]

    a, b = ranks(a), ranks(b)
    return float(np.corrcoef(a, b)[0, 1]) if np.ptp(a) and np.ptp(b) else 0.0


def interval(values: ArrayLike) -> tuple[float, float, float]:
    """The mean of n values, and where it lies in 95 of 100 samples drawn from them with replacement (bootstrap)."""
    values = np.asarray(values, dtype=float)
    drawn = np.random.default_rng(0).integers(len(values), size=(DRAWS, len(values)))
    low, high = np.quantile(values[drawn].mean(1), (0.025, 0.975))
    return float(values.mean()), float(low), float(high)
