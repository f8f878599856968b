"""Two small sets in the layout of LabelMeFacade and CamVid."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tools.street.labels import FACADE

CAMVID = ("sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist")


def write(folder: Path, classes: tuple[str, ...], stems: dict[str, list[str]]) -> None:
    """Images of 80 × 64 in vertical stripes, a grey for every class; the last stripe is not labelled."""
    for part in ("images", "annotations"):
        (folder / part).mkdir(parents=True)
    (folder / "classes.txt").write_text("".join(f"{name}\n" for name in classes))
    for part, names in stems.items():
        (folder / f"{part}.txt").write_text("".join(f"{stem}\n" for stem in names))
        for index, stem in enumerate(names):
            stripes = np.resize(np.roll(np.arange(1, len(classes) + 1), index), 10)
            stripes[-1] = 0
            mask = np.repeat(np.tile(stripes, (64, 1)), 8, axis=1).astype(np.uint8)
            Image.fromarray(np.stack([mask * 20] * 3, axis=-1)).save(folder / "images" / f"{stem}.jpg", quality=95)
            Image.fromarray(mask).save(folder / "annotations" / f"{stem}.png")


@pytest.fixture(scope="session")
def streets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that holds both."""
    place = tmp_path_factory.mktemp("streets")
    cities = [f"{city}__{index}" for city in ("davis", "palma", "boston", "gerona", "bath", "bern") for index in (1, 2)]
    frames = [f"0001TP_{index:03}" for index in range(10)]
    write(place / "labelmefacade", FACADE, {"train": cities, "val": ["york__1", "york__2"]})
    write(place / "camvid", CAMVID, {"train": frames, "val": ["0016E5_001", "0016E5_002"]})
    return place
