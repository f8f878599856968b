"""A small ADE20K: some images of the official archive, spread over its scene categories, as two parquet files."""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from collections.abc import Iterable
from itertools import chain, zip_longest
from pathlib import Path
from urllib.parse import urlparse

from segnext_edu.data.download import fetch
from segnext_edu.data.folder import is_official, lines, official_pairs, opened
from segnext_edu.data.pairs import Pair, Place, checked_dataset, shown
from segnext_edu.data.palette import ADE20K_NAMES
from segnext_edu.files import InputError, appears_whole, printable

OFFICIAL_URL = "http://data.csail.mit.edu/places/ADEchallenge/ADEChallengeData2016.zip"
# As recorded for this address in datasets/scene_parse_150/dataset_infos.json of github.com/huggingface/datasets.
OFFICIAL_SIZE = 967_382_037
OFFICIAL_SHA256 = "7ff1be44964418441f542a7cc1e1a650e7dc0fc275f5d23252bc9bbdbc977b29"

TERMS = "For non-commercial research and teaching only: https://ade20k.csail.mit.edu/terms"
FILES = {"train.parquet", "val.parquet", "README.md"}


def write_subset(
    source: str | Path, out: str | Path, train: int = 2000, val: int = 200, seed: int = 0, sha256: str | None = None
) -> None:
    """Choose `train` and `val` pairs of the official ADE20K, check them, and write them to the folder `out`.

    source: the official zip, the folder it unpacks to, or the zip's web address (downloaded beside `out`, and kept).
    sha256: what the zip must be, in hex; known for the official address.
    The files in `out` (train.parquet, val.parquet, README.md) appear together or not at all. They hold the original
    JPEG and PNG bytes, and are the same, byte for byte, whenever the seed and the archive are. Raises InputError.
    """
    from datasets import disable_progress_bars, enable_progress_bars

    out = Path(out)
    if min(train, val) < 1:
        raise InputError(f"Asked for {train} train and {val} validation images; expected at least 1 of each.")
    if not out.name or (out.is_dir() and {file.name for file in out.iterdir()} - FILES):
        raise InputError(f"{out}: is the folder we are in, or holds other things. Name a new folder.")

    place = _on_disk(str(source), out, sha256)
    subset, facts = {}, []
    with opened(place) as root:
        if not is_official(root):
            raise InputError(f"{shown(root)}: has no images/training; expected the official ADEChallengeData2016.")
        scenes = _scene_categories(root / "sceneCategories.txt")
        for split, wanted in (("train", train), ("val", val)):
            pairs = official_pairs(root, split)
            chosen = spread(pairs, scenes, wanted, seed=f"{seed} {split}")
            subset[split] = checked_dataset(chosen, ADE20K_NAMES, embed=True)
            categories = len({scenes.get(pair.name) for pair in chosen})
            facts.append(
                f"{split}: {len(chosen):,} of {len(pairs):,} images, from {categories:,} scene categories"
                + (f" (all there are; {wanted:,} were asked for)" if wanted > len(pairs) else "")
            )

    with appears_whole(out) as part:
        part.mkdir()
        disable_progress_bars()  # those of datasets, over in a blink
        for split, dataset in subset.items():
            dataset.to_parquet(part / f"{split}.parquet")
        enable_progress_bars()
        sums = {f"{split}.parquet": _sha256(part / f"{split}.parquet") for split in subset}
        (part / "README.md").write_text(_card(place.name, seed, facts, sums), encoding="utf-8")

    print(f"A small ADE20K from {printable(place)}, seed {seed}, is in {printable(out)}", *facts, TERMS, sep="\n  ")


def spread(pairs: Iterable[Pair], scenes: dict[str, str], count: int, seed: str) -> list[Pair]:
    """`count` pairs, or all where there are fewer: one of every scene category in turn, until there are enough.

    scenes: the category of each pair by its name. The order of the categories, and of the pairs within each, is drawn
    from the seed. A smaller count gives the beginning of a larger one.
    """
    generator = random.Random(seed)
    by_scene: defaultdict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        by_scene[scenes.get(pair.name, "")].append(pair)
    decks = [generator.sample(deck, len(deck)) for _, deck in sorted(by_scene.items())]
    generator.shuffle(decks)
    rounds = chain.from_iterable(zip_longest(*decks))
    return [pair for pair in rounds if pair is not None][:count]


def _on_disk(source: str, out: Path, sha256: str | None) -> Path:
    """The zip or folder itself, downloaded first where `source` is a web address."""
    if urlparse(source).scheme in ("http", "https"):
        archive = out.parent / (Path(urlparse(source).path).name or "ade20k.zip")
        size = None
        if source == OFFICIAL_URL:
            size, sha256 = OFFICIAL_SIZE, sha256 or OFFICIAL_SHA256
        kept = archive.exists()
        fetch(source, archive, size, sha256)
        state = "already here" if kept else "downloaded"
        print(f"{printable(archive)}: {state}; keep it for another subset, or delete it.")
        return archive
    place = Path(source)
    if sha256 is not None and not (place.is_file() and _sha256(place) == sha256.lower()):
        raise InputError(f"{place}: is not a file with the SHA-256 {sha256}. Download it again, or leave the sum out.")
    return place


def _scene_categories(path: Place) -> dict[str, str]:
    """sceneCategories.txt: an image's name and its scene on each line. Without the file all count as one scene."""
    if not path.is_file():
        print(f"{printable(shown(path))}: not there, so the images are not spread over scene categories.")
        return {}
    return dict(line.split(maxsplit=1) for line in lines(path) if " " in line)


def _sha256(file: Path) -> str:
    with open(file, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _card(source: str, seed: int, facts: list[str], sums: dict[str, str]) -> str:
    return "\n".join(
        [
            "# A small ADE20K",
            "",
            f"Photographs and masks (0 = other, 1 to 150 = the classes of SceneParse150) from `{source}`,",
            f"chosen with seed {seed} and spread over the scene categories; the files' bytes are unchanged.",
            "",
            *(f"- {fact}" for fact in facts),
            "",
            f"{TERMS}. The photographs belong to their owners; do not pass them on.",
            "Zhou et al., Scene Parsing through ADE20K Dataset, CVPR 2017.",
            "",
            *(f"    {digest}  {name}" for name, digest in sums.items()),
            "",
        ]
    )
