"""Notebook 10's figure: the attention atlas. Pick a photograph, a view of it, and a pixel.

`atlas_views.py` says what the six views show. Only the controls that the view has a use for are to be seen. One forward
pass a network is recorded for each photograph, and kept within a bound (`library.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any

from ipywidgets import (
    HTML,
    Button,
    Dropdown,
    FloatSlider,
    HBox,
    IntSlider,
    SelectionSlider,
    ToggleButtons,
    VBox,
)
from PIL import Image

from segnext_edu.data import load_scenes
from segnext_edu.explain.atlas.maps import PARTS, default_checkpoint, load_pair, short_names
from segnext_edu.explain.atlas.sheet import Sheet
from segnext_edu.explain.record import Layer
from segnext_edu.files import InputError, appears_whole
from segnext_edu.lessons.figures import Explorer
from segnext_edu.lessons.figures.atlas_views import THUMBS, attention, bases, cam, compare, path, receptive
from segnext_edu.lessons.figures.library import Library
from segnext_edu.lessons.figures.picker import PixelPicker
from segnext_edu.lessons.figures.upload import PhotoUpload, read_photo
from segnext_edu.machine import keep_freed_memory

SCENES = {"street": 59, "room": 51, "landscape": 34}  # of the drawn validation scenes
CHANNELS = 16  # to choose from, those that vary most: as many as the smallest layer has
START = (55, 42)  # row and column, per cent
USES = {
    "attention": ("layer", "part", "reading", "channel", "opacity"),
    "compare": ("layer", "part_a", "layer_b", "part_b", "reading", "channel", "opacity"),
    "bases": ("base", "opacity"),
    "receptive field": ("stage", "opacity"),
    "Grad-CAM": ("label", "opacity"),
    "path": (),
}
ALWAYS = ("photograph", "view", "row", "column")
BACKWARD = ("receptive field", "Grad-CAM")  # views that may need a backward pass for each place or class


def draw(library: Library, view: str, photograph: str, row: int, column: int, **values: Any) -> Sheet:
    """The sheet for the controls' values, of which a view takes what it uses."""
    views = attention, compare, bases, receptive, cam, path
    makers = dict(zip(USES, views))
    return makers[view](library.scene(photograph), (row, column), *(values[name] for name in USES[view]))


class Atlas(Explorer):
    """The figure with its controls, a pixel picker that is in step with two of them, an upload and a save button.

    Neither the picker nor the two buttons are among the `controls`: they have no say in the picture but through them.
    """

    def __init__(self, library: Library, layers: list[Layer], classes: list[str], view: str):
        self._quiet = False
        self.library = library
        options = {f"{stage} · {block}": (stage, block) for stage, block in layers}
        parts = {("gate" if part == "gate" else f"branch {part}"): part for part in PARTS}
        style = {"style": {"description_width": "120px"}, "layout": {"width": "420px"}}
        photograph = next(iter(library.photographs))
        controls = {
            "photograph": Dropdown(options=list(library.photographs), description="photograph", **style),
            "view": ToggleButtons(options=list(USES), value=view, description="view", style={"button_width": "auto"}),
            "layer": SelectionSlider(
                options=options, value=layers[len(layers) // 2], description="stage · block", **style
            ),
            "part": Dropdown(options={**parts, "the winner": "winner"}, description="part", **style),
            "part_a": Dropdown(options=parts, description="part", **style),
            "layer_b": SelectionSlider(options=options, value=layers[-1], description="B: stage · block", **style),
            "part_b": Dropdown(options=parts, description="B: part", **style),
            "reading": Dropdown(
                options={"strength": "strength", "mean, signed": "mean", "one channel, signed": "channel"},
                description="shown as",
                **style,
            ),
            "channel": IntSlider(1, 1, CHANNELS, description="channel, by spread", **style),
            "base": IntSlider(1, 1, THUMBS, description="base, by share", **style),
            "stage": IntSlider(3, 1, 4, description="stage", **style),
            "label": Dropdown(options={name: at for at, name in enumerate(classes)}, description="class", **style),
            "row": IntSlider(START[0], 0, 100, description="row, %", **style),
            "column": IntSlider(START[1], 0, 100, description="column, %", **style),
            "opacity": FloatSlider(0.9, min=0, max=1, step=0.05, description="opacity", **style),
        }
        self.picker = PixelPicker(library.photographs[photograph], START)
        self.upload = PhotoUpload()
        self.save = Button(description="save this picture", layout={"width": "auto"})
        self.notice = HTML()

        @lru_cache(maxsize=1)  # the picture and its words come from one sheet
        def sheet(**values: Any) -> Sheet:
            return draw(library, **values)

        super().__init__(lambda **values: sheet(**values).picture(), lambda **values: sheet(**values).alt, **controls)
        buttons = HBox([self.upload, self.save, self.notice])
        beside = VBox([control for name, control in controls.items() if name != "view"])
        aside = HBox([self.picker, beside], layout={"flex_flow": "row wrap", "grid_gap": "12px"})
        self.children = [controls["view"], aside, buttons, self.status, self.image]
        self._arrange()
        self.picker.observe(self._picked, names="at")
        self.upload.observe(self._uploaded, names="file")
        self.save.on_click(self._saved)

    @contextmanager
    def _at_once(self) -> Iterator[None]:
        """Several controls move, and one picture is drawn."""
        self._quiet = True
        try:
            yield
        finally:
            self._quiet = False
        self._moved(None)

    def _moved(self, _change: Any) -> None:
        if self._quiet:
            return
        values = self.values
        self.picker.at = (values["row"], values["column"])
        slow = values["view"] in BACKWARD or values["photograph"] not in self.library.kept
        self.notice.value = "asking the network …" if slow else ""  # who waits for longer than a moment should know
        self._arrange()
        super()._moved(_change)
        self.notice.value = ""

    def _arrange(self) -> None:
        """Show the controls that have a use now, and the photograph in the picker."""
        values = self.values
        used = {*ALWAYS, *USES[values["view"]]}
        if values["reading"] != "channel":
            used -= {"channel"}
        if values["view"] == "attention" and values["part"] == "winner":
            used -= {"reading", "channel"}
        for name, control in self.controls.items():
            control.layout.display = None if name in used else "none"
        self.picker.show(self.library.photographs[values["photograph"]])

    def _picked(self, change: Any) -> None:
        if change["new"] != (self.controls["row"].value, self.controls["column"].value):
            with self._at_once():
                self.controls["row"].value, self.controls["column"].value = change["new"]

    def _uploaded(self, change: Any) -> None:
        if not (file := change["new"]):
            return
        try:
            name = self.library.add(file["name"], read_photo(file["name"], file["content"]))
        except InputError as error:
            self._say(f"{error}")
        else:
            with self._at_once():
                self.controls["photograph"].options = list(self.library.photographs)
                self.controls["photograph"].value = name
        finally:
            self.upload.file = {}  # its bytes need not be kept, and the same file may come again

    def _say(self, sentence: str) -> None:
        """A sentence in the picture's place, until a control moves."""
        self.status.value = escape(sentence)
        self.image.layout.display = "none"

    def _saved(self, _button: Button) -> None:
        try:
            file = next(path for n in range(1, 10**6) if not (path := Path(f"atlas_picture_{n}.png")).exists())
            with appears_whole(file) as part:
                part.write_bytes(self.picture.png)
            self.notice.value = f"Saved as {escape(str(file.resolve()))}"
        except InputError as error:
            self.notice.value = escape(str(error))


def explorer(
    checkpoint: str | Path | None = None,
    photographs: Mapping[str, Image.Image] | None = None,
    view: str = "attention",
) -> Atlas:
    """The atlas of a checkpoint, opened at one of its views.

    Without a checkpoint: the one for photographs that ships (for non-commercial research and teaching only). Without
    photographs: drawn scenes for a checkpoint that learned on them, else the two that scikit-learn brings along.
    """
    keep_freed_memory()  # or a click costs half as much again
    models = load_pair(Path(checkpoint) if checkpoint else default_checkpoint())
    if photographs is None:
        drawn = models[0].card.get("recipe", {}).get("data") == "mini"
        photographs = drawn_scenes() if drawn else sample_photographs()
    library = Library(models, photographs)
    layers = library.scene(next(iter(photographs))).trained.layers
    return Atlas(library, layers, short_names(models[0].classes), view)


def drawn_scenes() -> dict[str, Image.Image]:
    scenes = load_scenes("mini", "val")
    return {name: scenes[index]["image"] for name, index in SCENES.items()}


def sample_photographs() -> dict[str, Image.Image]:
    """A temple and a flower. Needs scikit-learn."""
    from sklearn.datasets import load_sample_image

    names = {"temple": "china.jpg", "flower": "flower.jpg"}
    return {name: Image.fromarray(load_sample_image(file)) for name, file in names.items()}
