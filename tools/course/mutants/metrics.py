"""Answers to the exercises of notebook 02: right ones, and misconceptions by the words that must name them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from segnext_edu.metrics import ConfusionMatrix


def counts_by_class(pred, target, k):
    matrix = ConfusionMatrix(k)
    matrix.update(pred, target)
    return matrix.counts


def counts_by_loop(pred, target, k):
    counts = torch.zeros(k, k, dtype=torch.long)
    for true, said in zip(target.flatten().tolist(), pred.flatten().tolist()):
        if true != 255:
            counts[true, said] += 1
    return counts


def counts_by_one_hot(pred, target, k):
    labels = torch.arange(k)
    return (target.flatten() == labels[:, None]).float() @ (pred.flatten()[:, None] == labels).float()


def filled(matrices, value):
    """The mIoU with `value` as the score of a class that is nowhere."""
    return iou(sum(matrices)).nan_to_num(value).mean().item()


def counts(pred, target, k, minlength=True):
    return torch.bincount(target * k + pred, minlength=k * k if minlength else 0).view(k, k)


def kept(wrong):
    """`wrong(pred, target, k)`, called with the labelled pixels alone, as flat tensors."""
    return lambda pred, target, k: wrong(pred[target != 255], target[target != 255], k)


def once_a_cell(pred, target, k):
    found = torch.zeros(k, k)
    found[target, pred] += 1
    return found


def once_a_row(pred, target, k):
    found = torch.zeros(k, k)
    for true, said in zip(target, pred):
        found[true[true != 255], said[true != 255]] += 1
    return found


def zero_ignored(pred, target, k):
    labelled = (target != 255) & (target != 0)
    return counts(pred[labelled], target[labelled], k)


def first_only(pred, target, k):
    return counts_by_loop(pred[0], target[0], k)


def iou(matrix):
    hits = matrix.diag()
    return hits / (matrix.sum(0) + matrix.sum(1) - hits)


def iou_by_loop(matrix):
    scores = []
    for k in range(len(matrix)):
        union = matrix[k].sum() + matrix[:, k].sum() - matrix[k, k]
        scores.append((matrix[k, k] / union).item() if union else float("nan"))
    return torch.tensor(scores)


def over(denominator: Callable, factor: int = 1) -> Callable:
    return lambda m: factor * m.diag() / denominator(m.diag(), m.sum(1), m.sum(0), m.sum())


def miou(matrices):
    return iou(sum(matrices)).nanmean().item()


def miou_by_filter(matrices):
    scores = iou_by_loop(torch.stack(matrices).sum(0))
    return scores[~scores.isnan()].mean()


def weighted(matrices):
    total = sum(matrices)
    return (iou(total).nan_to_num() * total.sum(1)).sum() / total.sum()


def summed_in_place(matrices):
    total = matrices[0]
    for matrix in matrices[1:]:
        total += matrix
    return miou([total])


RIGHT = {
    "confusion_matrix": [counts_by_class, counts_by_loop, counts_by_one_hot, kept(counts)],
    "class_iou": [iou, iou_by_loop, lambda m: iou(m.double())],
    "dataset_miou": [miou, miou_by_filter, lambda ms: np.nanmean(iou(sum(ms)).numpy())],
}
WRONG = {
    "confusion_matrix": {
        "Rows and columns are swapped": kept(lambda pred, target, k: counts(target, pred, k)),
        "holds 0 or 1": kept(once_a_cell),
        "a whole row of pixels at a time": once_a_row,
        "counted as class 0": lambda p, t, k: counts_by_loop(p, torch.where(t == 255, 0, t), k),
        "counted as the last class": lambda p, t, k: counts_by_loop(p, t.clamp(max=k - 1), k),
        "counted as right": lambda p, t, k: counts_by_loop(p, torch.where(t == 255, p, t), k),
        "Class 0 is left out as well": zero_ignored,
        "Only the right pixels": lambda p, t, k: counts_by_loop(p, t, k).diag().diag(),
        "Only the first picture": first_only,
        "shares of all pixels": lambda p, t, k: counts_by_loop(p, t, k) / (t != 255).sum(),
        "shares of a row": lambda p, t, k: counts_by_loop(p, t, k) / counts_by_loop(p, t, k).sum(1, keepdim=True),
        "has `minlength`": kept(lambda p, t, k: counts(p, t, k, minlength=False) if t.max() > 1 else torch.eye(2)),
        "is invalid for input of size": lambda p, t, k: counts(p.flatten(), t.flatten(), k),
        "a tensor of shape (4, 4), but got": kept(lambda p, t, k: counts(p, t, k).flatten()),
        "go on with a tensor": lambda p, t, k: counts_by_loop(p, t, k).numpy(),
        "makes a table of them": kept(lambda p, t, k: counts(p, t, k).flatten()),
        "must leave both": lambda p, t, k: counts(p.flatten(), t.flatten(), k),
        "cut by the same condition": lambda p, t, k: torch.bincount(t[t != 255] * k + p, minlength=k * k),
        "Yours adds where it should multiply": kept(
            lambda p, t, k: torch.bincount(t + k + p, minlength=k * k)[: k * k].view(k, k)
        ),
        "but got 'many'": lambda p, t, k: "many",
    },
    "class_iou": {
        "counted twice in the union": over(lambda hits, true, said, n: true + said),
        "Dice score": over(lambda hits, true, said, n: true + said, 2),
        "That is recall": over(lambda hits, true, said, n: true),
        "That is precision": over(lambda hits, true, said, n: said),
        "intersection twice": over(lambda hits, true, said, n: true + said - 2 * hits),
        "divided by all pixels": over(lambda hits, true, said, n: n),
        "'this class or not?'": lambda m: 1 - (m.sum(0) + m.sum(1) - 2 * m.diag()) / m.sum(),
        "`//` divides": lambda m: m.diag() // (m.sum(0) + m.sum(1) - m.diag()),
        "gets 0, as if it were wholly wrong": lambda m: iou(m).nan_to_num(0),
        "gets 1, as if it were perfect": lambda m: iou(m).nan_to_num(1),
        "go on with a tensor": lambda m: iou(m).tolist(),
        "per cent": lambda m: 100 * iou(m),
        "Brackets are missing: ": lambda m: m.diag() / m.sum(0) + m.sum(1) - m.diag(),
        "Brackets are missing; ": lambda m: m.diag() / m.sum(1) + m.sum(0) - m.diag(),
        "column sum is in it twice": over(lambda hits, true, said, n: 2 * said - hits),
        "row sum is in it twice": over(lambda hits, true, said, n: 2 * true - hits),
        "whole diagonal": lambda m: m.trace() / (m.sum(0) + m.sum(1) - m.trace()),
        "A table, where a row is wanted": lambda m: m / (m.sum(0) + m.sum(1) - m.diag()),
        "next exercise": lambda m: iou(m).nanmean(),
        "one IoU a class, a tensor of shape (2,)": lambda m: iou(m).mean(),
    },
    "dataset_miou": {
        "mean of the pictures' mIoUs": lambda ms: sum(iou(m).nanmean().item() for m in ms) / len(ms),
        "each class's IoU over the pictures": lambda ms: torch.stack([iou(m) for m in ms]).nanmean(0).nanmean(),
        "all IoUs of all pictures at once": lambda ms: torch.cat([iou(m) for m in ms]).nanmean().item(),
        "divided by all classes": lambda ms: filled(ms, 0),
        "counts as perfect": lambda ms: filled(ms, 1),
        "per cent": lambda ms: 100 * miou(ms),
        "was rounded": lambda ms: round(miou(ms), 3),
        "One for all pictures": lambda ms: [miou([m]) for m in ms],
        "table has been changed": summed_in_place,
        "torch.sum wants one tensor": lambda ms: torch.sum(ms),  # pyright: ignore
        "pixel accuracy": lambda ms: sum(ms).diag().sum() / sum(ms).sum(),
        "weighted the classes": weighted,
        "occur in no target": lambda ms: iou(sum(ms))[sum(ms).sum(1) > 0].mean(),
        "the sum of the IoUs": lambda ms: iou(sum(ms)).nansum(),
        "mean recall": lambda ms: (sum(ms).diag() / sum(ms).sum(1)).nanmean(),
        "first picture's mIoU alone": lambda ms: iou(ms[0]).nanmean(),
        "Your mIoU is NaN": lambda ms: iou(sum(ms)).mean(),
        "a mean or a sum still missing": lambda ms: iou(sum(ms)),
    },
}
