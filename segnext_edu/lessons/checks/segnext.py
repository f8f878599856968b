"""The checks of notebook 07, an exercise each."""

from segnext_edu.lessons.checks.segnext_bill import decoder_parameters
from segnext_edu.lessons.checks.segnext_fold import fold
from segnext_edu.lessons.checks.segnext_gather import gather
from segnext_edu.lessons.checks.segnext_names import official_block

__all__ = ["decoder_parameters", "fold", "gather", "official_block"]
