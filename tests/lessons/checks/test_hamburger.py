"""The bill that notebook 06's check asks for is what the package's module costs."""

from __future__ import annotations

import pytest

from segnext_edu.cost import count_macs
from segnext_edu.model import hamburger
from tools.course.mutants.hamburger import costs


@pytest.mark.parametrize(("d", "side", "r", "steps"), [(32, 8, 4, 7), (20, 5, 3, 2)])
def test_the_bill_is_what_is_counted(d: int, side: int, r: int, steps: int) -> None:
    module = hamburger.NMF(d, r, eval_steps=steps).eval()
    assert count_macs(module, (1, d, side, side)) == costs(d, side * side, r, steps)[1]
