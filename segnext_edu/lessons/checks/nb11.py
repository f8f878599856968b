"""The checks of notebook 11, an exercise each."""

from segnext_edu.lessons.checks.nb11_bands import in_bands
from segnext_edu.lessons.checks.nb11_bound import least_seconds
from segnext_edu.lessons.checks.nb11_fold import fold
from segnext_edu.lessons.checks.nb11_squeeze import squeeze_first

__all__ = ["fold", "in_bands", "least_seconds", "squeeze_first"]
