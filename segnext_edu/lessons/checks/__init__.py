"""The exercises' checks, one module a notebook: `checks.nb08.segmentation_loss(your_function)` answers in words."""

from segnext_edu.lessons.checks import nb00, nb01, nb02, nb03, nb04, nb05, nb06, nb07, nb08, nb09, nb11

__all__ = ["nb00", "nb01", "nb02", "nb03", "nb04", "nb05", "nb06", "nb07", "nb08", "nb09", "nb11"]
