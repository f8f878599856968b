"""The checks of notebook 03, an exercise each."""

from segnext_edu.lessons.checks.strip_conv_cost import multiply_adds
from segnext_edu.lessons.checks.strip_conv_factors import strip_factors
from segnext_edu.lessons.checks.strip_conv_pair import strip_pair

__all__ = ["multiply_adds", "strip_factors", "strip_pair"]
