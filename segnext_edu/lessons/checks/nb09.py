"""The checks of notebook 09, an exercise each."""

from segnext_edu.lessons.checks.nb09_cam import cam
from segnext_edu.lessons.checks.nb09_replaced import replaced
from segnext_edu.lessons.checks.nb09_winners import winners

__all__ = ["cam", "replaced", "winners"]
