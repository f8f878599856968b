"""The checks of notebook 04, an exercise each."""

from segnext_edu.lessons.checks.msca_cost import attention_bills
from segnext_edu.lessons.checks.msca_gate import attend
from segnext_edu.lessons.checks.msca_scales import scales

__all__ = ["attend", "attention_bills", "scales"]
