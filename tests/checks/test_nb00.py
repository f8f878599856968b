import numpy as np
import pytest

from segnext_edu.checks import nb00


def said(capsys, answer) -> str:
    nb00.class_shares(answer)
    return capsys.readouterr().out


def reference(labels, count):
    labelled = labels[labels != 255]
    return np.bincount(labelled, minlength=count) / labelled.size


RIGHT = {
    "reference": reference,
    "means of comparisons": lambda labels, count: np.array([(labels[labels < 255] == k).mean() for k in range(count)]),
    "a list": lambda labels, count: [float((labels == k).sum() / (labels != 255).sum()) for k in range(count)],
    "cut off": lambda labels, count: np.bincount(labels.ravel(), minlength=256)[:count] / (labels != 255).sum(),
}
WRONG = {
    "counts": (lambda labels, count: reference(labels, count) * (labels != 255).sum(), "These are the counts"),
    "ignored in the divisor": (
        lambda labels, count: np.bincount(labels[labels != 255], minlength=count) / labels.size,
        "You divided by all pixels",
    ),
    "ignored counted": (
        lambda labels, count: np.bincount(labels.ravel()) / labels.size,
        "set the ignored pixels aside",
    ),
    "per cent": (lambda labels, count: 100 * reference(labels, count), "These are per cent"),
    "divided by classes": (
        lambda labels, count: np.bincount(labels[labels != 255], minlength=count) / count,
        "divided by the number of classes",
    ),
    "no minlength": (
        lambda labels, count: np.bincount(labels[labels != 255]) / (labels != 255).sum(),
        "bincount has `minlength`",
    ),
    "not flat": (lambda labels, count: labels / count, "Expected an array of 4 shares, but got one of shape"),
    "nothing returned": (lambda labels, count: None, "returned None"),
    "an exception": (lambda labels, count: np.bincount(labels), "your function stopped"),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_answers_are_accepted(name, capsys):
    assert said(capsys, RIGHT[name]).count("✓") == 3


@pytest.mark.parametrize("name", WRONG)
def test_each_misconception_is_named(name, capsys):
    answer, words = WRONG[name]
    out = said(capsys, answer)
    assert "✗" in out and words in out
