"""The checks of notebook 12, an exercise each."""

from segnext_edu.lessons.checks.speed_bands import in_bands
from segnext_edu.lessons.checks.speed_bound import least_seconds
from segnext_edu.lessons.checks.speed_fold import fold
from segnext_edu.lessons.checks.speed_squeeze import squeeze_first

__all__ = ["fold", "in_bands", "least_seconds", "squeeze_first"]
