"""What the diagrams are drawn with: boxes, feature maps, signs and arrows, written as SVG.

One visual language for the whole series. A colour means a kind of operation, and every word stands on a filled shape of
its own, so that a drawing is read as well on a dark page as on a white one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import Any

INK = "#16212C"
LINE = "#7F8C99"  # arrows: seen on white and on black
FONT = "Helvetica, Arial, 'DejaVu Sans', sans-serif"
FILLS = {  # kind → fill, outline
    "map": ("#CFE2F7", "#5B8DC1"),  # a tensor
    "depthwise": ("#C9EBD5", "#4C9C6B"),  # a depthwise convolution
    "strip": ("#FBE3B4", "#C48A1A"),  # a strip pair
    "pointwise": ("#F8CDBB", "#C9683F"),  # a 1 × 1 convolution
    "norm": ("#E6E9ED", "#8A96A3"),  # norms, activations, and what computes nothing new
    "context": ("#E5D1F0", "#8E5BAA"),  # the NMF, and what decides
    "lit": ("#FFD24A", "#8A5A00"),  # here we are
    "dim": ("#EEF0F2", "#B5BEC7"),  # not yet, or no longer
}


@dataclass(frozen=True)
class Drawing:
    """An SVG and what it shows in words; a notebook displays it."""

    svg: str
    alt: str

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"image/svg+xml": self.svg, "text/plain": self.alt}, {"image/svg+xml": {"alt": self.alt}}

    def __repr__(self) -> str:
        return self.alt


@dataclass
class Canvas:
    """Shapes in pixels, from the upper left corner; `drawing` closes it."""

    width: int
    height: int
    shapes: list[str] = field(default_factory=list)

    def box(self, x: float, y: float, width: float, height: float, text: str, kind: str, size: int = 14) -> None:
        """A rounded rectangle with a word or two in its middle, one line per "\\n"; the first line is bold."""
        fill, edge = FILLS[kind]
        thick = 3 if kind == "lit" else 1.5
        self.shapes.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="7" fill="{fill}" stroke="{edge}" '
            f'stroke-width="{thick}"/>'
        )
        self.words(x + width / 2, y + height / 2, text, size)

    def words(self, x: float, y: float, text: str, size: int = 13) -> None:
        """Lines of text around a point; they must lie on a filled shape."""
        lines = text.split("\n") if text else []
        for index, line in enumerate(lines):
            weight = ' font-weight="bold"' if index == 0 and len(lines) > 1 else ""
            middle = y + (index - (len(lines) - 1) / 2) * (size + 4)
            self.shapes.append(
                f'<text x="{x:g}" y="{middle:g}" font-size="{size if index == 0 else max(12, size - 1)}" fill="{INK}" '
                f'text-anchor="middle" dominant-baseline="central"{weight}>{escape(line)}</text>'
            )

    def maps(self, x: float, y: float, width: float, height: float, kind: str = "map", sheets: int = 3) -> None:
        """A feature map: some sheets, one behind the other; the front one's corner is (x, y)."""
        fill, edge = FILLS[kind]
        for back in range(sheets - 1, -1, -1):
            self.shapes.append(
                f'<rect x="{x + 4 * back:g}" y="{y - 4 * back:g}" width="{width:g}" height="{height:g}" fill="{fill}" '
                f'stroke="{edge}" stroke-width="1.5"/>'
            )

    def sign(self, x: float, y: float, text: str, kind: str = "context") -> None:
        """A round sign: ×, + or Σ."""
        fill, edge = FILLS[kind]
        self.shapes.append(f'<circle cx="{x:g}" cy="{y:g}" r="16" fill="{fill}" stroke="{edge}" stroke-width="2"/>')
        self.words(x, y, text, 20)

    def arrow(self, *points: tuple[float, float], head: bool = True) -> None:
        """A line through the points, with a head at the last."""
        path = " L".join(f"{x:g} {y:g}" for x, y in points)
        end = ' marker-end="url(#head)"' if head else ""
        self.shapes.append(f'<path d="M{path}" fill="none" stroke="{LINE}" stroke-width="2"{end}/>')

    def cells(self, x: float, y: float, rows: int, columns: int, side: float, kind: str) -> None:
        """A grid of square cells: a kernel."""
        fill, edge = FILLS[kind]
        self.shapes.extend(
            f'<rect x="{x + column * side:g}" y="{y + row * side:g}" width="{side:g}" height="{side:g}" fill="{fill}" '
            f'stroke="{edge}"/>'
            for row in range(rows)
            for column in range(columns)
        )

    def drawing(self, alt: str) -> Drawing:
        """The finished drawing; `alt` says what there is to see, and must not be empty."""
        if not alt.strip():
            raise ValueError("a drawing needs alt text: one sentence that says what there is to see")
        head = (
            f'<marker id="head" viewBox="0 0 10 10" refX="8" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
            f'<path d="M0 0 L10 5 L0 10 z" fill="{LINE}"/></marker>'
        )
        return Drawing(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" width="{self.width}" '
            f'height="{self.height}" role="img" aria-label="{escape(alt)}" font-family="{FONT}"><defs>{head}</defs>'
            f"{''.join(self.shapes)}</svg>",
            alt,
        )
