"""Weights in and out: safetensors files with the variant, the class names and the training card in their metadata."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from segnext_edu.files import InputError, appears_whole, printable, repository_data
from segnext_edu.model.segnext import VARIANTS, SegNeXt
from segnext_edu.official_names import from_official as from_official  # published weights under our names

FREE = "Apache-2.0"  # the terms of what its card lays no others on
MOST_CLASSES = 254  # masks are bytes: 0 is "other", and 255 is ignored
SHORT_SIDES = (32, 4096)  # pixels, both ends included


@dataclass(frozen=True)
class Available:
    """A checkpoint that ships with the project: where it lies, what it is, and on what terms."""

    path: Path
    variant: str
    classes: tuple[str, ...]
    learned_from: str  # the data set
    miou: float  # on that data set's validation split
    terms: str


def save(model: SegNeXt, path: str | Path, classes: Sequence[str], card: Mapping[str, Any], half: bool = False) -> None:
    """Write a model as safetensors, whole or not at all; variant, class names and training card go into its metadata.

    Args:
        classes: the K class names, in the order of the logits.
        card: what a reader should know: data, recipe, steps, scores; anything JSON can hold. "terms" are what its users
            must keep to, and `load` says them.
        half: in float16, half as large; `load` gives float32 again.

    Raises InputError, and writes nothing, where a weight is NaN or infinite.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    if half:
        tensors = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
    bad = not_finite(tensors)
    if bad:
        raise InputError(f"{path}: not written, because {bad} holds NaN or infinity{' in float16' if half else ''}")
    metadata = {"variant": model.variant, "classes": json.dumps(list(classes)), "card": json.dumps(dict(card))}
    with appears_whole(path) as part:
        part.write_bytes(to_bytes(tensors, metadata))


def load(path: str | Path) -> SegNeXt:
    """Read a model written by `save`, in eval mode and channels_last; its class names and card are `model.classes`,
    `model.card`. Where its card names terms of use, they are printed.

    Args:
        path: a file, or the name of a checkpoint that ships with the project, such as "tiny_street" (`available`).

    Raises InputError when the file is missing, is not such a checkpoint, does not fit its own description, or holds
    weights that no photograph can be labelled with.
    """
    model = read(path)
    if "terms" in model.card:
        print(f"{printable(Path(path).name)}: {model.card['terms']}")
    return model


def read(path: str | Path) -> SegNeXt:
    """`load` without a word, for figures that state the terms themselves."""
    path = Path(path)
    if not os.path.isfile(path):  # unlike Path's, it says no to names that no file can have
        shipped = available()
        if str(path) not in shipped:
            raise InputError(
                f"{path}: no such checkpoint; `python -m segnext_edu train` writes one, and the project ships "
                f"{', '.join(shipped)}"
            )
        path = shipped[str(path)].path
    try:
        with safe_open(path, framework="pt") as file:
            variant, classes, card = described(file.metadata() or {})
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        model = SegNeXt(variant, len(classes))
        for name, mine in model.state_dict().items():
            if name in tensors and tensors[name].is_floating_point() != mine.is_floating_point():
                raise ValueError(f"{name} is of {tensors[name].dtype}")
        model.load_state_dict(tensors)  # whatever their precision, the model's is float32
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise InputError(
            f"{path}: not a checkpoint of this package ({first_line(error)}); "
            "expected a .safetensors file written by segnext_edu.checkpoints.save"
        ) from error
    problem = unusable(model)
    if problem:
        raise InputError(f"{path}: {problem}, so that it cannot label anything; train or download it again")
    model.classes, model.card = classes, card
    return model.eval().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def described(metadata: Mapping[str, str]) -> tuple[str, tuple[str, ...], dict[str, Any]]:
    """Variant, class names and training card, from a file's metadata. Raises ValueError where one cannot be so."""
    try:
        variant, classes, card = metadata["variant"], json.loads(metadata["classes"]), json.loads(metadata["card"])
        json.dumps([classes, card], ensure_ascii=False).encode()  # half a character could not be printed
    except (KeyError, ValueError, RecursionError) as error:
        raise ValueError("its metadata lacks or garbles variant, classes or card") from error
    if variant not in VARIANTS:
        raise ValueError(f"there is no variant {variant!r}")
    named = isinstance(classes, list) and all(isinstance(name, str) and name for name in classes)
    if not named or not 0 < len(set(classes)) == len(classes) <= MOST_CLASSES:
        raise ValueError(f"its classes are not 1 to {MOST_CLASSES} different names")
    card: dict[str, Any] = card if isinstance(card, dict) else {"recipe": None}
    for name, kind in {"recipe": dict, "score": dict, "terms": str}.items():
        if not isinstance(card.get(name, kind()), kind):
            raise ValueError(f"its card is no training card: {name!r} is not what it should be")
    side = card_short_side(card)
    if type(side) is not int or not SHORT_SIDES[0] <= side <= SHORT_SIDES[1]:
        raise ValueError(f"its card says short_side {side!r}; {SHORT_SIDES[0]} to {SHORT_SIDES[1]} pixels can be")
    if "terms" in card:
        card = {**card, "terms": printable(card["terms"])}
    return variant, tuple(map(printable, classes)), card


def not_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """The name of the first tensor that holds NaN or infinity; None where none does."""
    return next((name for name, tensor in tensors.items() if not tensor.isfinite().all()), None)


def unusable(model: SegNeXt) -> str | None:
    """Why a model's answers would mean nothing; None where they may mean something."""
    bad = not_finite(model.state_dict())
    if bad:
        return f"{bad} holds NaN or infinity"
    return None if model.decoder.classify.weight.any() else "the weights of its classifier are all 0"


def available() -> dict[str, Available]:
    """The checkpoints that ship with the project, by name."""
    found = {}
    for path in sorted((repository_data() / "checkpoints").glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            variant, classes, card = described(file.metadata())
        learned_from, miou = card["recipe"]["data"], card["score"]["miou"]
        found[path.stem] = Available(path, variant, classes, learned_from, miou, card.get("terms", FREE))
    return found


def card_short_side(card: dict[str, Any]) -> int:
    """The short side a checkpoint was trained at, in pixels; the paper's 512 where its card does not say."""
    return card.get("recipe", {}).get("short_side", 512)


def begin_with(model: nn.Module, path: str | Path, classes: Sequence[str]) -> dict[str, Any]:
    """Give a model the weights of a checkpoint, in place; but the classifier keeps its own where the classes differ.

    Args:
        classes: the K names of the model's classes, in the order of its logits.

    Returns: the checkpoint's card. Raises InputError when the checkpoint is of another variant.
    """
    start = read(path)
    mine, theirs = model.state_dict(), start.state_dict()
    classifier = {"decoder.classify.weight", "decoder.classify.bias"}
    other = {name for name in mine if name not in theirs or mine[name].shape != theirs[name].shape}
    if mine.keys() != theirs.keys() or not other <= classifier:
        raise InputError(f"{path}: a {start.variant!r} cannot begin another network; give the --variant it was made as")
    kept = set() if start.classes == tuple(classes) else classifier
    model.load_state_dict({name: tensor for name, tensor in theirs.items() if name not in kept}, strict=False)
    return start.card


def first_line(error: Exception) -> str:
    """An error in a line, for another message to quote."""
    return next(iter(str(error).splitlines()), type(error).__name__)
