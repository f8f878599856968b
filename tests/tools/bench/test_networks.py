"""The networks of other families have their papers' sizes and costs."""

from __future__ import annotations

import pytest

from segnext_edu.cost import count_macs, count_parameters
from tools.bench import networks


@pytest.mark.parametrize(("name", "millions"), [("B0", 3.8), ("B1", 13.7), ("B2", 27.5)])
def test_segformer_has_the_papers_parameters(name: str, millions: float) -> None:
    assert count_parameters(networks.segformer(name)) / 1e6 == pytest.approx(millions, abs=0.06)


def test_attention_is_counted() -> None:
    """The paper says 8.4 G at 512 × 512; without attention's products it would be 7.5."""
    counted = count_macs(networks.segformer("B0"), (1, 3, 512, 512))
    assert counted / 1e9 == pytest.approx(8.4, abs=0.15)
