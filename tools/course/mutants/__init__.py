"""Answers to the exercises, by notebook: right ones, and misconceptions that a check must name."""
