"""The checks of notebook 01, an exercise each."""

from segnext_edu.lessons.checks.scenes_crop import crop_flip
from segnext_edu.lessons.checks.scenes_labels import reduce_zero_label
from segnext_edu.lessons.checks.scenes_varied import first_varied

__all__ = ["crop_flip", "first_varied", "reduce_zero_label"]
