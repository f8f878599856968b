"""The checks of notebook 01, an exercise each."""

from segnext_edu.lessons.checks.nb01_crop import crop_flip
from segnext_edu.lessons.checks.nb01_labels import reduce_zero_label
from segnext_edu.lessons.checks.nb01_varied import first_varied

__all__ = ["crop_flip", "first_varied", "reduce_zero_label"]
