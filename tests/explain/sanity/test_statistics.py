"""Correlations against scikit-learn's kin, intervals against what statistics knows of a mean."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from segnext_edu.explain.sanity.statistics import interval, rank_correlation


@pytest.mark.parametrize("decimals", [6, 1, 0])
def test_rank_correlation_is_spearmans(decimals: int):
    a, b = np.random.default_rng(0).normal(size=(2, 9, 11)).round(decimals)
    assert rank_correlation(a, a + b) == pytest.approx(spearmanr(a.ravel(), (a + b).ravel()).statistic)
    assert rank_correlation(a, np.exp(a)) == pytest.approx(1) and rank_correlation(a, -a) == pytest.approx(-1)


def test_a_flat_map_is_like_nothing():
    assert rank_correlation(np.zeros(5), np.arange(5)) == 0


def test_the_interval_is_about_two_standard_errors_each_way():
    values = np.random.default_rng(1).normal(3, 2, size=400)
    mean, low, high = interval(values)
    error = values.std(ddof=1) / 20
    assert mean == pytest.approx(values.mean())
    assert (mean - low, high - mean) == pytest.approx((1.96 * error, 1.96 * error), rel=0.1)
    assert interval(values) == (mean, low, high) and interval([2.0, 2.0]) == (2, 2, 2)
