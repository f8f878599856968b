"""Answers to every exercise, one module a notebook; they prove the checks here, and the grading in `course grade`.

RIGHT holds, for each exercise, correct answers that are written differently, WRONG what people believe instead: a
function for each, by the words (a regular expression, or as they stand) that the check's sentence must hold for it.
"""
