"""The checks of notebook 10, an exercise each."""

from segnext_edu.lessons.checks.atlas_cam import cam
from segnext_edu.lessons.checks.atlas_replaced import replaced
from segnext_edu.lessons.checks.atlas_winners import winners

__all__ = ["cam", "replaced", "winners"]
