"""Answers to the exercises of notebook 00: right ones, and misconceptions by the words that must name them."""

from __future__ import annotations

import numpy as np
import torch


def reference(labels, count):
    labelled = labels[labels != 255]
    return np.bincount(labelled, minlength=count) / labelled.size


def counted_in_place(labels, count):
    labels[labels == 255] = 0
    return reference(labels, count)


RIGHT = {
    "class_shares": [
        reference,
        lambda labels, count: np.array([(labels[labels < 255] == k).mean() for k in range(count)]),
        lambda labels, count: torch.tensor(reference(labels, count)),
        lambda labels, count: np.bincount(labels.ravel(), minlength=256)[:count] / (labels != 255).sum(),
    ]
}
WRONG = {
    "class_shares": {
        "These are the counts": lambda labels, count: reference(labels, count) * (labels != 255).sum(),
        "You divided by all pixels": lambda labels, count: reference(labels, count) * (labels != 255).mean(),
        "set the ignored pixels aside": lambda labels, count: np.bincount(labels.ravel()) / labels.size,
        "These are per cent": lambda labels, count: 100 * reference(labels, count),
        "divided by the number of classes": lambda labels, count: (
            np.bincount(labels[labels != 255], minlength=count) / count
        ),
        "bincount has `minlength`": lambda labels, count: np.bincount(labels[labels != 255]) / (labels != 255).sum(),
        "Expected an array of 4 shares, but got one of shape": lambda labels, count: labels / count,
        "counts the rows": lambda labels, count: reference(labels, count) * (labels != 255).sum() / len(labels),
        "sum of the labels": lambda labels, count: (
            np.bincount(labels[labels != 255], minlength=count) / max(labels.sum(), 1)
        ),
        "counted as class 0": lambda labels, count: reference(np.where(labels == 255, 0, labels), count),
        "`//` drops": lambda labels, count: np.bincount(labels[labels != 255], minlength=count) // labels.size,
        "rounded": lambda labels, count: reference(labels, count).round(2),
        "a dictionary of 4": lambda labels, count: {c: (labels == c).mean() for c in range(count)},
        "go on with an array": lambda labels, count: [
            float((labels == k).sum() / (labels != 255).sum()) for k in range(count)
        ],
        "a generator, which has computed nothing": lambda labels, count: ((labels == c).mean() for c in range(count)),
        "changed the labels in place": counted_in_place,
        "one flat row of numbers": lambda labels, count: np.bincount(labels, minlength=count) / labels.size,
        "returned None": lambda labels, count: None,
        "your function stopped": lambda labels, count: np.bincount(labels),
    }
}
