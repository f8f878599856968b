"""What a trained network attends to: recorded maps, gradients, sanity checks, and the atlas that shows them."""

from segnext_edu.explain.record import attention_maps

__all__ = ["attention_maps"]
