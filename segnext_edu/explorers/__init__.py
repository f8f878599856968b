"""Interactive figures: controls above one picture that is drawn anew whenever a control moves.

Where no kernel runs (a saved notebook, a page on GitHub) the picture as it was last drawn stands in for the controls.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING, Any

from ipywidgets import HTML, Image, VBox

from segnext_edu.figures import Picture, show
from segnext_edu.machine import watch_load

if TYPE_CHECKING:
    import PIL.Image
    from matplotlib.figure import Figure

# ipywidgets' image knows no alt text (and fails with a tooltip): its words stand beside it, for screen readers alone.
UNSEEN = '<span role="status" style="position: absolute; clip-path: inset(50%)">{}</span>'
watch_load()

KEPT = 64  # pictures, about 50 KB each: moving a slider back and forth draws nothing twice


class Explorer(VBox):
    """Controls, and the picture that belongs to their values.

        def draw(size: int) -> Figure: ...
        Explorer(draw, alt="...", size=IntSlider(7, 1, 21, description="kernel size"))

    A control that has the keyboard's focus follows the arrow keys, as ipywidgets' sliders and dropdowns do.

    Args:
        render: called with the controls' values by name, returns a figure made with `matplotlib.figure.Figure`, or a
            PIL image. It must be pure, the same values giving the same picture: the last 64 are kept.
        alt: what there is to see, in a sentence; or a function of the same values that says it.
        controls: ipywidgets with a `value` and a `description`, by the name of their argument.

    Raises ValueError for a control without a description. An error in drawing the first picture is raised; after a
    control has moved, when there is nobody to raise it to, it stands as a sentence in the picture's place.
    """

    def __init__(self, render: Callable[..., Figure | PIL.Image.Image], alt: str | Callable[..., str], **controls: Any):
        for name, control in controls.items():
            if not getattr(control, "description", ""):
                raise ValueError(f"the control {name!r} needs a description: the words that stand beside it")

        def draw(**values: Any) -> Picture:
            return show(render(**values), alt(**values) if callable(alt) else alt)

        self._draw = lru_cache(maxsize=KEPT)(draw)
        self.controls = controls
        self.status = HTML()
        self.image = Image(format="png", layout={"max_width": "100%", "align_self": "flex-start"})  # its own size
        self._put(self._draw(**self.values))
        # Python's garbage collector would walk everything that PyTorch and the data have loaded, a third of a second
        # every few pictures. What is here by now is here to stay, and need not be walked again.
        gc.collect()
        gc.freeze()
        super().__init__([*controls.values(), self.status, self.image])
        for control in controls.values():
            control.observe(self._moved, names="value")

    @property
    def values(self) -> dict[str, Any]:
        """What the controls say now, by name."""
        return {name: control.value for name, control in self.controls.items()}

    @property
    def shown(self) -> dict[str, Any]:
        """The controls to be seen now, by name; one that has no use at the moment has a `layout.display` of "none"."""
        return {name: control for name, control in self.controls.items() if control.layout.display != "none"}

    def _moved(self, _change: Any) -> None:
        try:
            picture = self._draw(**self.values)
        except Exception as error:  # whatever it is, the reader should see it
            self.status.value = f"This picture could not be drawn. {type(error).__name__}: {escape(str(error))}"
            self.image.layout.display = "none"
        else:
            self._put(picture)

    def _put(self, picture: Picture) -> None:
        self.picture = picture
        self.status.value = UNSEEN.format(escape(picture.alt))
        self.image.value = picture.png
        self.image.layout.display = None

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        data, metadata = self.picture._repr_mimebundle_()
        return {**(super()._repr_mimebundle_() or {}), **data}, metadata
