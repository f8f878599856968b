"""Which cells of a hand-in a lecturer should look at: those that name what grading depends on, or Python's insides.

Nothing is lost for a name: an answer may have an honest use for it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from IPython.core.inputtransformer2 import TransformerManager

from tools.course.exercises import CHECK

JUDGING = {
    "course", "hand_in", "verdict", "lend", "NotRight", "NBGRADER_EXECUTION", "solutions.json", "builtins",
    "__builtins__", "gc", "ctypes", "_getframe", "__code__", "__defaults__", "__globals__", "__closure__",
}  # fmt: skip
# Lessons use these; an answer that does may be about something else than the exercise.
UNUSUAL = {
    "segnext_edu", "checks", "os", "sys", "environ", "inspect", "importlib", "__import__", "subprocess",
    "multiprocessing", "threading", "atexit", "signal", "socket", "exec", "eval", "compile", "open", "globals", "vars",
    "setattr", "delattr", "__dict__", "__class__", "__subclasses__", "get_ipython", "__eq__", "__ne__",
}  # fmt: skip


def reported(source: str, answer: bool) -> list[str]:
    """The names, sorted, for which somebody should look at a cell: one that answers an exercise, or a lesson's."""
    try:
        tree = ast.parse(TransformerManager().transform_cell(CHECK.sub("", source)))  # without %magic
    except SyntaxError:  # does not run either
        return []
    return sorted(set(names(tree)) & (JUDGING | UNUSUAL if answer else JUDGING))


def names(tree: ast.AST) -> Iterator[str]:
    """All names in a piece of code, also those that are strings, as getattr takes them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Import):
            yield from (part for alias in node.names for part in alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            yield from (node.module or "").split(".")
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
