"""Drawn scenes with exact labels: the data set `mini`, made from seeds.

A scene is a pure function of its seed, so the pixels in `data/mini` can be drawn again anywhere, to the bit:
`python -m tools.scenes.mini --out data/mini`. Every third seed is a street, a room, a landscape.
"""

from __future__ import annotations

import argparse
import hashlib
import io
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from segnext_edu.files import appears_whole
from tools.scenes.canvas import CLASSES, Canvas, Dice
from tools.scenes.landscapes import draw_landscape
from tools.scenes.rooms import draw_room
from tools.scenes.streets import draw_street

KINDS = {"street": draw_street, "room": draw_room, "landscape": draw_landscape}
SIZE = (240, 320)  # height, width
SPLITS = {"train": range(0, 320), "val": range(1_000_000, 1_000_064)}


class Scene(NamedTuple):
    image: np.ndarray  # (H, W, 3) uint8
    mask: np.ndarray  # (H, W) uint8: 0 = other, 1..K = CLASSES


def kind_of(seed: int) -> str:
    return tuple(KINDS)[seed % len(KINDS)]


def draw_scene(seed: int, size: tuple[int, int] = SIZE) -> Scene:
    """The scene of a seed, and its label map, at `size` = (height, width)."""
    canvas = Canvas(*size)
    KINDS[kind_of(seed)](canvas, Dice(seed))
    return Scene(canvas.picture(), canvas.mask())


def encode(scene: Scene) -> tuple[bytes, bytes]:
    """The scene's two files, without loss: the image as WebP, the mask as PNG."""
    image, mask = io.BytesIO(), io.BytesIO()
    Image.fromarray(scene.image).save(image, "WEBP", lossless=True, quality=75, method=4)
    Image.fromarray(scene.mask).save(mask, "PNG", optimize=True)
    return image.getvalue(), mask.getvalue()


def rows(seeds: range) -> dict[str, list[Any]]:
    """A data set's columns, as `segnext_edu.data.load_scenes` gives them back; `classes` counts from 0."""
    table: dict[str, list[Any]] = {"image": [], "mask": [], "name": [], "classes": [], "kind": []}
    for seed in seeds:
        scene, name = draw_scene(seed), f"{kind_of(seed)}_{seed:07d}"
        image, mask = encode(scene)
        table["image"].append({"bytes": image, "path": f"{name}.webp"})
        table["mask"].append({"bytes": mask, "path": f"{name}.png"})
        table["name"].append(name)
        table["classes"].append([int(label) - 1 for label in np.unique(scene.mask) if label > 0])
        table["kind"].append(kind_of(seed))
    return table


def write_mini(folder: str | Path) -> None:
    """Write train.parquet, val.parquet and SHA256SUMS into `folder`."""
    from datasets import ClassLabel, Dataset, Features, List, Value
    from datasets import Image as ImageFeature

    features = Features(
        image=ImageFeature(),
        mask=ImageFeature(),
        name=Value("string"),
        classes=List(ClassLabel(names=list(CLASSES))),
        kind=Value("string"),
    )
    folder, sums = Path(folder), []
    for split, seeds in SPLITS.items():
        with appears_whole(folder / f"{split}.parquet") as part:
            Dataset.from_dict(rows(seeds), features=features).to_parquet(str(part))
        digest = hashlib.sha256((folder / f"{split}.parquet").read_bytes()).hexdigest()
        sums.append(f"{digest}  {split}.parquet\n")
    with appears_whole(folder / "SHA256SUMS") as part:
        part.write_text("".join(sums), "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw the data set `mini` again from its seeds.")
    parser.add_argument("--out", type=Path, required=True, help="folder for train.parquet, val.parquet, SHA256SUMS")
    write_mini(parser.parse_args().out)


if __name__ == "__main__":
    main()
