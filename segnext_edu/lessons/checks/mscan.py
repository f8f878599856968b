"""The checks of notebook 05, an exercise each."""

from segnext_edu.lessons.checks.mscan_block import block
from segnext_edu.lessons.checks.mscan_depth import drop_rates, stochastic_depth
from segnext_edu.lessons.checks.mscan_ledger import map_sizes

__all__ = ["block", "drop_rates", "map_sizes", "stochastic_depth"]
