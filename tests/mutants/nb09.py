"""Answers to the exercises of notebook 09: right ones, and misconceptions by the words that must name them."""

from tests.checks.test_nb09 import RIGHT, WRONG

__all__ = ["RIGHT", "WRONG"]
