"""Answers to the exercises of notebook 08: right ones, and misconceptions by the words that must name them."""

from tests.checks.test_nb08 import RIGHT, WRONG

__all__ = ["RIGHT", "WRONG"]
