"""Thin things along a road: street lamps, poles, fences.

Lamps and poles are drawn where they stand in the picture (`x`, `y` of the foot and `size`, their height, in pixels); a
fence has length along the view, so it is built in metres and seen through the camera.
"""

from __future__ import annotations

from tools.scenes.canvas import Canvas, Colour, Point
from tools.scenes.light import Camera, Light
from tools.scenes.living import Tint


def draw_streetlight(
    canvas: Canvas, x: float, y: float, size: float, style: str, reach: float, tint: Tint, lit: bool
) -> None:
    """A lamp on a mast: `arm` bows out by `reach` (a share of its height, signed), `lantern` carries it on top."""
    label, width = "streetlight", max(size * 0.034, 3.0)
    iron = (62, 72, 78) if style == "arm" else (44, 66, 58)
    glass = (255, 232, 160) if lit else (236, 238, 228)
    canvas.stroke([(x, y), (x, y - size * 0.10)], (width * 2.2, width * 1.5), tint(iron, 0.3), label)
    if style == "arm":
        bow = [(x, y - size * 0.08), (x, y - size * 0.5), (x, y - size * 0.86)]
        bow += [(x + reach * size * t, y - size * (0.86 + 0.12 * t * (2 - t))) for t in (0.2, 0.5, 0.8, 1.0)]
        canvas.stroke(bow, (width * 1.1, max(width * 0.7, 2.6)), tint(iron, 0.5), label)
        end, high = x + reach * size, y - size * 0.965
        half, drop = size * 0.085, size * 0.035
        canvas.polygon(
            [(end - half, high), (end - half * 0.6, high - drop), (end + half * 0.6, high - drop), (end + half, high)],
            tint(iron, 0.6),
            label,
        )
        canvas.polygon(
            [
                (end - half * 0.9, high),
                (end + half * 0.9, high),
                (end + half * 0.6, high + drop * 0.9),
                (end - half * 0.6, high + drop * 0.9),
            ],
            glass,
            label,
        )
        glow = (end, high + drop)
    else:
        canvas.stroke([(x, y - size * 0.08), (x, y - size * 0.8)], (width * 1.15, width), tint(iron, 0.5), label)
        canvas.box(x - size * 0.07, y - size * 0.735, x + size * 0.07, y - size * 0.715, tint(iron, 0.4), label)
        canvas.polygon(
            [
                (x - size * 0.045, y - size * 0.8),
                (x + size * 0.045, y - size * 0.8),
                (x + size * 0.08, y - size * 0.94),
                (x - size * 0.08, y - size * 0.94),
            ],
            glass,
            label,
        )
        canvas.polygon(
            [
                (x - size * 0.1, y - size * 0.935),
                (x + size * 0.1, y - size * 0.935),
                (x + size * 0.02, y - size),
                (x - size * 0.02, y - size),
            ],
            tint(iron, 0.6),
            label,
        )
        glow = (x, y - size * 0.87)
    canvas.stroke(
        [(x + width * 0.2, y - size * 0.12), (x + width * 0.2, y - size * 0.7)], width * 0.3, tint((150, 160, 160), 0.9)
    )
    if lit:
        for radius, strength in ((0.26, 0.12), (0.15, 0.2)):
            canvas.ellipse(*glow, size * radius, size * radius, (255, 214, 130), opacity=strength)


def draw_pole(
    canvas: Canvas, x: float, y: float, size: float, tint: Tint, side: int, slope: float = 0.0
) -> list[Point]:
    """A wooden pole with two cross-arms; gives the ends of the upper one, where the wires hang."""
    label, width = "pole", max(size * 0.042, 3.2)
    wood = (138, 102, 72)
    canvas.stroke([(x, y), (x, y - size)], (width * 1.15, width * 0.85), tint(wood, 0.3), label)
    canvas.stroke([(x + side * width * 0.25, y), (x + side * width * 0.22, y - size)], width * 0.32, tint(wood, 1.0))
    half, ends = size * 0.17, []
    for up, share in ((0.80, 0.75), (0.92, 1.0)):
        arm = [
            (x - half * share, y - size * up - slope * half * share),
            (x + half * share, y - size * up + slope * half * share),
        ]
        canvas.stroke(arm, max(width * 0.75, 2.6), tint(wood, 0.55), label)
        for px, py in arm:
            canvas.box(px - width * 0.22, py - width * 1.1, px + width * 0.22, py, tint((210, 214, 206), 0.6), label)
        ends = arm
    return ends


def draw_fence(
    canvas: Canvas, camera: Camera, start: Point, end: Point, style: str, paint: Colour, height: float, light: Light
) -> None:
    """A fence on the ground from `start` to `end` (across, ahead), in metres, the farther end first.

    `rails`: posts with two broad rails, and what lies behind seen between them. `pickets`: pointed boards too close to
    tell apart from afar, labelled as one band, as a person who annotates photographs would.
    """
    (ax, az), (bx, bz) = start, end
    length = max(abs(bx - ax), abs(bz - az))

    def at(share: float, up: float) -> Point:
        # Even steps in metres, so the camera makes them uneven in the picture.
        return camera.see(ax + (bx - ax) * share, up, az + (bz - az) * share)

    def seen(colour: Colour, share: float, facing: float) -> Colour:
        return light.far(light.on(colour, facing), az + (bz - az) * share)

    parts = max(round(length / 2.0), 1)
    if style == "pickets":
        canvas.polygon([at(0, 0), at(0, height * 0.88), at(1, height * 0.88), at(1, 0)], seen(paint, 0.7, 0.1), "fence")
        boards = min(round(length / 0.28), 90)
        for i in range(boards):
            a, b = (i + 0.12) / boards, (i + 0.88) / boards
            board = [at(a, 0), at(a, height * 0.9), at((a + b) / 2, height), at(b, height * 0.9), at(b, 0)]
            canvas.polygon(board, seen(paint, b, 0.8 if i % 3 else 0.65), "fence")
        return
    for low, high in ((0.30, 0.48), (0.72, 0.92)):
        for i in range(parts):
            a, b = i / parts, (i + 1) / parts
            rail = [at(a, height * low), at(a, height * high), at(b, height * high), at(b, height * low)]
            canvas.polygon(rail, seen(paint, b, 0.75), "fence")
            edge = [
                at(a, height * low),
                at(a, height * (low + 0.05)),
                at(b, height * (low + 0.05)),
                at(b, height * low),
            ]
            canvas.polygon(edge, seen(paint, b, 0.1))
    for i in range(parts + 1):
        share = i / parts
        x, y = at(share, 0)
        top = at(share, height * 1.05)[1]
        wide = max((y - top) * 0.085, 1.6)
        canvas.box(x - wide, top, x + wide, y, seen(paint, share, 0.35), "fence")
        canvas.box(x, top, x + light.side * wide, y, seen(paint, share, 0.95))
