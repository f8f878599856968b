"""load_scenes, class_names and reduce_zero_label: what everything else in the package starts from."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import datasets
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from segnext_edu.data import class_names, load_scenes, reduce_zero_label
from segnext_edu.data.ade20k import write_subset
from segnext_edu.files import InputError


@pytest.mark.parametrize("split", ["train", "val"])
def test_mini_has_the_promised_columns(split: str):
    scenes = load_scenes("mini", split)
    row, names = scenes[0], class_names(scenes)
    assert set(scenes.column_names) >= {"image", "mask", "name", "classes"}
    assert row["image"].mode == "RGB" and row["mask"].mode == "L" and row["image"].size == row["mask"].size
    present = set(np.unique(reduce_zero_label(np.asarray(row["mask"]))).tolist()) - {255}
    assert set(row["classes"]) == present <= set(range(len(names)))


def test_ade20k_is_found_where_the_command_writes_it(official_zip: Path, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_subset(official_zip, "data/ade20k_mini", train=3, val=2)
    assert len(load_scenes("ade20k")) == 3 and len(load_scenes("ade20k", "val")) == 2


def test_ade20k_that_is_not_there_names_the_command(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("segnext_edu.data.repository_data", lambda: tmp_path / "shipped")
    with pytest.raises(InputError, match="python -m segnext_edu data ade20k --source .* --out data/ade20k_mini"):
        load_scenes("ade20k")


def test_unknown_split_and_source_say_what_is_possible(tmp_path: Path):
    with pytest.raises(InputError, match='"test".*"train" or "val"'):
        load_scenes("mini", "test")
    with pytest.raises(InputError, match='nowhere.*"mini", "ade20k", or the path'):
        load_scenes(tmp_path / "nowhere")


@pytest.mark.parametrize("spoiled", [{"image": ["a.jpg"]}, {"mask": [1]}, {"classes": [[1]]}, {"classes": [["cat"]]}])
def test_a_parquet_file_of_other_things_is_refused(spoiled: dict, tmp_path: Path):
    row = {"image": [Image.new("RGB", (8, 8))], "mask": [Image.new("L", (8, 8))], "name": ["a"], "classes": [[0]]}
    form = {"image": datasets.Image(), "mask": datasets.Image(), "name": datasets.Value("string")}
    form["classes"] = datasets.List(datasets.ClassLabel(names=["cat"]))
    kept = datasets.Features({name: kind for name, kind in form.items() if name not in spoiled})
    good = datasets.Dataset.from_dict({name: row[name] for name in kept}, features=kept)
    table = good.add_column(*next(iter(spoiled.items()))) if spoiled else good
    table.to_parquet(tmp_path / "train.parquet")
    with pytest.raises(InputError, match=r"train\.parquet: its columns hold something else than images, masks"):
        load_scenes(tmp_path)


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", None], ids=["cut", "empty", "gone"])
def test_a_damaged_parquet_file_is_named(damage, official_zip: Path, tmp_path: Path):
    write_subset(official_zip, tmp_path / "small", train=3, val=2)
    file = tmp_path / "small" / "train.parquet"
    content = file.read_bytes()
    file.unlink() if damage is None else file.write_bytes(damage(content))
    with pytest.raises(InputError, match="train.parquet: .*again"):
        load_scenes(tmp_path / "small")
    assert len(load_scenes(tmp_path / "small", "val")) == 2


@given(st.lists(st.integers(0, 255), min_size=1), st.sampled_from([torch.uint8, torch.int64]))
def test_reduce_zero_label_by_its_definition(labels: list[int], dtype: torch.dtype):
    expected = [255 if label in (0, 255) else label - 1 for label in labels]
    tensor = torch.tensor(labels, dtype=dtype)
    reduced, from_array = reduce_zero_label(tensor), reduce_zero_label(tensor.numpy())
    assert reduced.tolist() == expected and from_array.tolist() == expected
    assert isinstance(reduced, torch.Tensor) and reduced.dtype == dtype
    assert isinstance(from_array, np.ndarray) and from_array.dtype == tensor.numpy().dtype
    assert tensor.tolist() == labels, "the mask handed in has changed"


def test_importing_the_data_package_does_not_load_datasets():
    code = "import segnext_edu.data, sys; assert not {'datasets', 'pyarrow', 'matplotlib'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_class_names_cannot_give_a_terminal_orders(own_folder: Path) -> None:
    (own_folder / "classes.txt").write_bytes(b"cat\n\x1b[2Jdog\nc\x07ow\n")
    assert class_names(load_scenes(own_folder)) == ["cat", r"\x1b[2Jdog", r"c\x07ow"]
