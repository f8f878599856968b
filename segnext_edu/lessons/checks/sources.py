"""What the lines of an answer give away without being run: that there are none yet, or that one does nothing."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

CALLED_FOR_THEIR_EFFECT = ("backward", "step", "zero_grad")
CALLED_FOR_THEIR_RESULT = (
    "flip", "normalize", "float", "long", "view", "reshape", "sum", "mean", "clone", "relu", "permute", "transpose",
    "softmax", "clamp", "masked_fill", "where", "replace", "pad", "flatten", "detach",
)  # fmt: skip


def body(answer: Callable[..., Any]) -> list[ast.stmt] | None:
    """The statements of a function, its docstring aside; None where its source cannot be had, as of a lambda."""
    try:
        (function,) = ast.parse(textwrap.dedent(inspect.getsource(answer))).body
    except (OSError, TypeError, ValueError, SyntaxError):
        return None
    if not isinstance(function, ast.FunctionDef):
        return None
    return function.body[ast.get_docstring(function) is not None :]


def is_empty(answer: Callable[..., Any]) -> bool:
    """Whether nothing stands below the description, or no more than `...` or `pass`."""
    lines = body(answer)
    return lines is not None and all(
        isinstance(line, ast.Pass) or (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))
        for line in lines
    )


def prints(answer: Callable[..., Any]) -> bool:
    return any(
        isinstance(node, ast.Name) and node.id == "print" for line in body(answer) or () for node in ast.walk(line)
    )


def oddity(answer: Callable[..., Any]) -> str:
    """A line that cannot do what it was written for, as a sentence after a blank; nothing where there is none."""
    for line in body(answer) or ():
        for node in ast.walk(line):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor):
                return " In Python ^ is no power: x**2 is x squared."
            if isinstance(node, ast.Expr):
                said = wasted(node.value)
                if said:
                    return said
    return ""


def wasted(value: ast.expr) -> str:
    """What is wrong with a line that is nothing but this expression."""
    text = ast.unparse(value)
    if isinstance(value, ast.Attribute) and value.attr in CALLED_FOR_THEIR_EFFECT:
        return f" `{text}` only names it; `{text}()` calls it."
    called = value.func if isinstance(value, ast.Call) else None
    without_effect = isinstance(called, ast.Attribute) and called.attr in CALLED_FOR_THEIR_RESULT
    if without_effect or isinstance(value, ast.BinOp | ast.Subscript | ast.Compare | ast.Attribute | ast.Name):
        return f" The line `{text}` makes something new and drops it: give it a name, or return it."
    return ""
