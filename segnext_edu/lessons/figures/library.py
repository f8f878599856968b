"""The photographs that the atlas can show, and what two networks saw in them, in a bounded amount of memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from PIL import Image

from segnext_edu.explain.atlas.maps import look
from segnext_edu.lessons.figures.atlas_panels import Scene
from segnext_edu.model.segnext import SegNeXt

CACHE_BYTES = 768 * 2**20  # of forward passes; a photograph of 256 × 384 takes tiny 450 MB, nearly all for the graphs
UPLOADS = 4  # of one's own that are kept to choose from


class Library:
    """Photographs by name, and two networks' sights of them, made when first asked for.

    The sights looked at longest ago go when together they would take more than `most` bytes; the last one stays.
    """

    def __init__(
        self, models: tuple[SegNeXt, SegNeXt], photographs: Mapping[str, Image.Image], most: int = CACHE_BYTES
    ):
        self.models, self.photographs, self.most = models, dict(photographs), most
        self.kept: OrderedDict[str, Scene] = OrderedDict()
        self.added: list[str] = []  # names ever taken in

    def scene(self, name: str) -> Scene:
        if name not in self.kept:
            photo = self.photographs[name]
            self.kept[name] = Scene(name, photo, *(look(model, photo) for model in self.models))
        self.kept.move_to_end(name)
        while len(self.kept) > 1 and self.nbytes > self.most:
            self.kept.popitem(last=False)
        return self.kept[name]

    @property
    def nbytes(self) -> int:
        return sum(scene.trained.nbytes + scene.randomised.nbytes for scene in self.kept.values())

    def add(self, name: str, photo: Image.Image) -> str:
        """Take one more photograph in; of those added the last four stay. Returns the name that it goes by."""
        self.added.append(f"yours {len(self.added) + 1}: {name}")
        self.photographs[self.added[-1]] = photo
        for old in self.added[:-UPLOADS]:
            self.photographs.pop(old, None)
            self.kept.pop(old, None)
        return self.added[-1]
