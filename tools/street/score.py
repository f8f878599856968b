"""How good is it, on each set, by what that set names?"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from segnext_edu import checkpoints
from segnext_edu.data import IGNORE
from segnext_edu.files import appears_whole
from segnext_edu.inference.evaluate import evaluate
from segnext_edu.model.segnext import SegNeXt
from tools.street import photos
from tools.street.labels import CAMVID, FACADE, INSIDE_BUILDING, ROWS

SILENT = -1e4  # a logit that never wins; of -inf, interpolation makes NaN


def score(model: SegNeXt, taken: Sequence[photos.Photo], short_side: int | None = None) -> dict[str, Any]:
    """mIoU, accuracy and IoU by class on photographs of one set; short_side None is the checkpoint's own.

    "strict": the network may say any of its classes, and one that the set does not name is a mistake. "named": it may
    only say what the set names. Either way a CamVid building may be called window or door.
    """
    source = taken[0].source
    named = [name for name in (FACADE if source == "labelmefacade" else CAMVID) if name in model.classes]
    sayable = [*named, *(INSIDE_BUILDING if source == "camvid" else ())]
    side = short_side or checkpoints.card_short_side(model.card)
    result: dict[str, Any] = {"source": source, "photos": len(taken), "short_side": side}
    for way, network in (("strict", model), ("named", only(model, sayable))):
        counts = evaluate(network, scenes(taken, model.classes), side).counts
        if source == "camvid":
            counts = folded(counts, model.classes)
        result[way] = figures(counts, named, model.classes)
    return result


def finish(run: Path, data: Path, out: Path) -> dict[str, Any]:
    """From a run's folder to one that `tools.publish` takes: its average with its scores in the card and in the log.

    The card's mIoU is the strict one on LabelMeFacade's validation photographs.
    """
    model = checkpoints.read(run / "average.safetensors")
    step = model.card["score"]["step"]
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text("utf-8").splitlines()[:step]]
    scores = {name: score(model, photos.read(data / name, photos.split(data / name, "val"))) for name in photos.SOURCES}
    lines[-1] |= {key: scores["labelmefacade"]["strict"][key] for key in ("miou", "accuracy")} | {"scores": scores}
    checkpoints.save(model, out / "best.safetensors", model.classes, model.card | {"score": lines[-1]})
    with appears_whole(out / "log.jsonl") as part:
        part.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return lines[-1]


def scenes(taken: Sequence[photos.Photo], classes: Sequence[str]) -> Iterable[tuple[Tensor, Tensor]]:
    """Images and their labels in the order of `classes`; 255 for what is not among them."""
    order = torch.full((IGNORE + 1,), IGNORE)
    for row, (_, name) in enumerate(ROWS):
        if name in classes:
            order[row] = classes.index(name)
    for photo in taken:
        yield photo.image, order[photo.rows.long()]


def only(model: SegNeXt, sayable: Sequence[str]) -> SegNeXt:
    """The same network, which never says a class that is not `sayable`."""
    model = copy.deepcopy(model)
    silent = [index for index, name in enumerate(model.classes) if name not in sayable]
    with torch.no_grad():
        model.decoder.classify.bias[silent] = SILENT  # pyright: ignore[reportOptionalSubscript]
    return model


def folded(counts: Tensor, classes: Sequence[str]) -> Tensor:
    """A confusion matrix (K, K) in which a predicted window or door counts as building, as CamVid has it."""
    counts, building = counts.clone(), classes.index("building")
    for part in (classes.index(name) for name in INSIDE_BUILDING if name in classes):
        counts[:, building] += counts[:, part]
        counts[:, part] = 0
    return counts


def figures(counts: Tensor, named: Sequence[str], classes: Sequence[str]) -> dict[str, Any]:
    """The mean is over the named classes that occur; whatever else was said stays a miss of theirs."""
    union = counts.sum(0) + counts.sum(1) - counts.diag()
    occurring = {name: classes.index(name) for name in named if union[classes.index(name)]}
    iou = {name: (counts.diag() / union)[index].item() for name, index in occurring.items()}
    accuracy = (counts.diag().sum() / counts.sum()).item()
    return {"miou": sum(iou.values()) / len(iou), "accuracy": accuracy, "iou": iou}
