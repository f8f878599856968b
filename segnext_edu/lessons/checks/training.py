"""The checks of notebook 08, an exercise each."""

from segnext_edu.lessons.checks.training_loss import segmentation_loss
from segnext_edu.lessons.checks.training_order import batch_indices
from segnext_edu.lessons.checks.training_schedule import lr_factor
from segnext_edu.lessons.checks.training_step import training_step

__all__ = ["batch_indices", "lr_factor", "segmentation_loss", "training_step"]
