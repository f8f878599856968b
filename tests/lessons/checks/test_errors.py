"""What errors mean: each saying belongs to an error that PyTorch or Python really raises, and is found for it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from segnext_edu.lessons.checks.errors import MEANINGS, meaning
from segnext_edu.lessons.checks.exercise import Wrong, call

X = torch.ones(2, 3, 5, 8)
strips = [F.relu]
LABELS = torch.tensor([[0, 255]])


def itself() -> Any:
    return itself()


RAISED: dict[str, Callable[[], Any]] = {
    "cannot ask it one question": lambda: 1 if X == 0 else 2,
    "`.mT` turns the last two only": lambda: torch.ones(4, 5, 2).T @ torch.ones(4, 2, 5),
    "In a batch, `.mT`": lambda: torch.ones(2, 3, 4).t(),
    "there 5 met 4": lambda: torch.ones(3, 5) + torch.ones(3, 4),
    "cat puts things end to end": lambda: torch.cat([torch.ones(2), torch.ones(2)]) + torch.ones(3),
    "`@` multiplies matrices": lambda: torch.ones(2, 3) @ torch.ones(2, 3),
    "why are there 120": lambda: torch.ones(120).view(7, 7),
    "use .reshape": lambda: torch.ones(3, 4).mT.view(12),
    "Depthwise: groups=C": lambda: F.conv2d(X, torch.ones(3, 1, 1, 3)),
    "no half zeros": lambda: F.conv2d(X, torch.ones(3, 3, 1, 5), padding=(0, 5 / 2)),  # pyright: ignore
    "Use .flip(-1)": lambda: X[..., ::-1],
    "larger labels than one_hot": lambda: F.one_hot(torch.tensor([4]), 3),
    "has room": lambda: torch.ones(1, dtype=torch.int8).fill_(255),
    "without a dim looks through": lambda: torch.arange(3)[torch.arange(9).flip(0).argmin()],
    "torch.tensor(…)[…]": lambda: [5, 7][torch.tensor([0, 1])],  # pyright: ignore
    "There are not so many": lambda: [1][1],
    "an axis more, or one less": lambda: (lambda shape: [shape for a, b in [shape]])(X.shape),
    "marks pixels without a label": lambda: F.cross_entropy(torch.ones(1, 2, 2), LABELS),
    "The order is cross_entropy": lambda: F.cross_entropy(torch.ones(1, 2, 2), LABELS.float(), ignore_index=255),
    "not on True and False": lambda: F.interpolate(X > 0, size=(3, 3)),
    "`mask > 0` makes": lambda: torch.where(X, X, X),
    "size the last two axes": lambda: F.interpolate(X, size=X.shape, mode="bilinear"),  # pyright: ignore
    'it is "bilinear"': lambda: F.interpolate(X, size=(3, 3), mode="linear"),
    "the batch, unless it is told": lambda: torch.cat([X, X[:, :2]]),
    "stack lays equal tensors": lambda: torch.stack([X, X[:1]]),
    "cat takes one list": lambda: torch.cat(X, X, dim=1),  # pyright: ignore
    "torch.sum wants one tensor": lambda: torch.sum([X, X]),  # pyright: ignore
    ".float() first": lambda: LABELS.mean(),
    "Make a list of it first": lambda: torch.tensor({5: 1}.keys()),
    "NumPy knows nothing of gradients": lambda: X.clone().requires_grad_().numpy(),
    "changed in place": lambda: torch.ones(2).requires_grad_().mul_(2),
    "cut off on the way": lambda: X.sum().backward(),
    "not made from this tensor": lambda: torch.autograd.grad(torch.ones(1).requires_grad_().sum(), X.requires_grad_()),
    "first what is derived": lambda: torch.autograd.grad(X.clone().requires_grad_() * 2, X),
    "forgotten where it came from": lambda: X.sum().item().backward(),  # pyright: ignore
    "Take them apart": lambda: (X,).square(),  # pyright: ignore
    "None. backward() returns nothing": lambda: X.detach().grad.square(),  # pyright: ignore
    "gives its keys": lambda: [part.square() for part in {5: X}],  # pyright: ignore
    "one by one, in a loop": lambda: strips(X),  # pyright: ignore
    "A module is called": lambda: torch.nn.Conv2d(3, 3, 1) * X,  # pyright: ignore
    "int(…) makes a number": lambda: "1" + 1,  # pyright: ignore
    "became 0": lambda: 1 / (X.shape[0] - 2),
    "same number type|dtype=x.dtype": lambda: torch.ones(2, 2) @ torch.ones(2, 2).double(),
    "The function calls itself": itself,
    "Did you mean `sqrt`": lambda: math.sqr(2),  # pyright: ignore
    "Did you mean `LABELS`": lambda: LABLES,  # noqa: F821  # pyright: ignore
    "Nothing has that name here": lambda: qqqqqqq,  # noqa: F821  # pyright: ignore
}


@pytest.mark.parametrize("words", RAISED)
def test_an_error_gets_its_meaning(words: str) -> None:
    with pytest.raises(Wrong) as wrong:
        call(RAISED[words])
    said = str(wrong.value)
    assert "your function stopped" in said and "Python says: " in said
    assert any(option in said.rpartition("Python says: ")[2] for option in words.split("|")), said
    assert ".." not in said.replace("...", "") and "\n" not in said


def test_an_unknown_error_is_left_alone() -> None:
    assert meaning(ValueError("the moon is full"), "moon()") == ""


def test_the_wrong_number_of_arguments_is_named() -> None:
    with pytest.raises(Wrong, match="Leave the line with `def` as it was"):
        call(lambda: 1, X)


def test_sentences_end() -> None:
    assert all(sentence.rstrip(")").endswith((".", "?", "…", "]")) for sentence in MEANINGS.values())
