"""Scenes to train on: the drawn ones that ship with the project, the ADE20K subset, or a folder of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from segnext_edu.files import InputError, repository_data

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["IGNORE", "SPLITS", "class_names", "load_scenes", "reduce_zero_label"]

SPLITS = ("train", "val")
IGNORE = 255  # the label of a pixel that is neither learned from nor scored

Labels = TypeVar("Labels")  # torch.Tensor or numpy.ndarray


def load_scenes(source: str | Path, split: str = "train") -> Dataset:
    """Photographs (or drawings) with their masks, ready to index.

    source: "mini" — the drawn scenes that ship with the project;
        "ade20k" — the subset that `python -m segnext_edu data ade20k` wrote to data/ade20k_mini, here or in the
        project;
        a path — a folder with such parquet files, a folder of one's own (see `folder.py`), or the official ADE20K
        folder or zip. A folder that happens to be called mini is reached as "./mini".
    split: "train" or "val".

    Each row: image (PIL, RGB), mask (PIL, "L": 0 = other, 1..K = classes), name (the file's stem) and classes (which of
    the labels 0..K-1 occur, as `reduce_zero_label` numbers them). The names of the K classes: `class_names(dataset)`.
    Every pair of a folder or zip is opened and checked before this returns. Raises InputError.
    """
    from segnext_edu.data import folder

    if split not in SPLITS:
        raise InputError(f'There is no split "{split}". Ask for "train" or "val".')
    if source == "mini":
        return folder.read_parquet(repository_data() / "mini", split)
    if source == "ade20k":
        return folder.read_parquet(_ade20k_subset(), split)
    return folder.read_place(Path(source), split)


def class_names(dataset: Dataset) -> list[str]:
    """The K class names; the one at index k is what label k means after `reduce_zero_label`."""
    return dataset.features["classes"].feature.names


def reduce_zero_label(mask: Labels) -> Labels:
    """From labels as files hold them to labels as the model counts them: 0 ("other") → 255 (ignored), k → k-1.

    255 stays 255, so what is ignored already remains so.

    mask: a tensor or an array of whole numbers, of any shape; a new one of the same kind, shape and type comes back.
    """
    reduced = mask - 1  # pyright: ignore[reportOperatorIssue]
    reduced[(mask == 0) | (mask == 255)] = 255
    return reduced


def _ade20k_subset() -> Path:
    places = (Path("data/ade20k_mini"), repository_data() / "ade20k_mini")
    for place in places:
        if place.is_dir():
            return place
    raise InputError(
        f"The ADE20K subset is not at {places[0]} yet. Make it (from a zip, an unpacked folder, or a 923 MB download): "
        "python -m segnext_edu data ade20k "
        "--source http://data.csail.mit.edu/places/ADEchallenge/ADEChallengeData2016.zip --out data/ade20k_mini"
    )
