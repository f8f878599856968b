"""The checks of notebook 07, an exercise each."""

from segnext_edu.lessons.checks.nb07_bill import decoder_parameters
from segnext_edu.lessons.checks.nb07_fold import fold
from segnext_edu.lessons.checks.nb07_gather import gather
from segnext_edu.lessons.checks.nb07_names import official_block

__all__ = ["decoder_parameters", "fold", "gather", "official_block"]
