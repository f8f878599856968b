"""The checks of notebook 02, an exercise each."""

from segnext_edu.lessons.checks.metrics_iou import class_iou
from segnext_edu.lessons.checks.metrics_matrix import confusion_matrix
from segnext_edu.lessons.checks.metrics_mean import dataset_miou

__all__ = ["class_iou", "confusion_matrix", "dataset_miou"]
