"""The shell of a room: walls, floor, ceiling, and what hangs on the walls: windows, doors, paintings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tools.scenes.canvas import Canvas, Colour, Dice, Point, mix
from tools.scenes.light import Camera, Light
from tools.scenes.textures import bricks, planks, speckle, stripes, tiles

WALLS = (
    (222, 206, 180),
    (170, 190, 180),
    (206, 170, 150),
    (150, 172, 196),
    (226, 222, 212),
    (196, 186, 138),
    (182, 160, 182),
    (214, 134, 106),
    (120, 146, 140),
)
FLOORS = ((176, 124, 82), (146, 100, 68), (200, 162, 118), (188, 182, 172), (120, 96, 84), (164, 150, 136))
DOORS = ((134, 88, 56), (238, 234, 224), (84, 116, 118), (104, 70, 52), (186, 138, 92), (96, 104, 138))
ART = ((170, 66, 60), (62, 90, 136), (214, 178, 96), (84, 124, 104), (224, 212, 192), (128, 76, 112), (70, 72, 84))


@dataclass(frozen=True)
class Room:
    """Walls at `left` < 0 < `right` and `back` metres from the camera, the ceiling at `high`."""

    camera: Camera
    left: float
    right: float
    back: float
    high: float

    def on(self, wall: str, u0: float, u1: float, v0: float, v1: float) -> list[Point]:
        """A rectangle on a wall: u is metres to the right (back wall) or ahead (side walls), v is metres up."""
        return [self.at(wall, u, v) for u, v in ((u0, v0), (u0, v1), (u1, v1), (u1, v0))]

    def at(self, wall: str, u: float, v: float) -> Point:
        if wall == "back":
            return self.camera.see(u, v, self.back)
        return self.camera.see(self.left if wall == "left" else self.right, v, u)


def draw_shell(canvas: Canvas, dice: Dice, room: Room, light: Light, near: float) -> None:
    """Ceiling, walls with their paper, skirting, floor."""
    paint, ground, camera = dice.one(WALLS), dice.one(FLOORS), room.camera
    paper = dice.one(("plain", "plain", "stripes", "bricks", "panels"))
    left, right, back, high = room.left, room.right, room.back, room.high

    def flat(y):
        return [camera.see(x, y, z) for x, z in ((left, near * 0.5), (left, back), (right, back), (right, near * 0.5))]

    laid = dice.one((planks, planks, tiles, None))

    def floor_shade(x, y):
        across, ahead = camera.ground(x, y)
        if laid is None:
            return speckle(across, ahead, 0.09, 10, 9)
        return laid(ahead, across) if laid is planks else laid(across, ahead, 0.5)

    def wall_shade(across):
        def shade(x, y):
            if across is None:
                along, up = (x - camera.x) * (back / camera.focal), camera.eye - (y - camera.y) * (back / camera.focal)
                along, up = along + 0 * y, up + 0 * x
            else:
                along, up = camera.side(x, y, across)
            if paper == "stripes":
                return stripes(along, 0.18)
            if paper == "bricks":
                return bricks(along, up, 0.4, 0.16, 26)
            if paper == "panels":
                return np.where(up < 1.0, np.where(stripes(along, 0.42, 1) == 256, 240, 232), 256)
            return np.floor(up / high * 6).astype(np.int64) * 3 + 248

        return shade

    over = mix(paint, (250, 248, 242), 0.8)
    canvas.box(0, 0, canvas.width, canvas.height, light.on(over, 0.45), "ceiling")
    canvas.polygon(flat(0), light.on(ground, 0.6), "floor", floor_shade)
    for wall, facing in (
        ("left", 0.75 if light.side > 0 else 0.15),
        ("right", 0.15 if light.side > 0 else 0.75),
        ("back", 0.5),
    ):
        u0, u1 = (left, right) if wall == "back" else (near * 0.5, back)
        across = None if wall == "back" else (left if wall == "left" else right)
        tone = light.on(paint, facing)
        canvas.polygon(room.on(wall, u0, u1, 0, high), tone, "wall", wall_shade(across))
        canvas.polygon(room.on(wall, u0, u1, 0, 0.12), light.on(mix(paint, (248, 244, 236), 0.7), facing))
        canvas.polygon(room.on(wall, u0, u1, high - 0.08, high), light.on(mix(paint, (248, 244, 236), 0.6), facing))
    if dice.chance(0.35):  # beams
        for i in range(1, 5):
            z = near + (back - near) * i / 5
            beam = [
                camera.see(x, high - 0.01, d) for x, d in ((left, z), (right, z), (right, z + 0.2), (left, z + 0.2))
            ]
            canvas.polygon(beam, light.on((140, 100, 70), 0.3), "ceiling")


def draw_hangings(
    canvas: Canvas, dice: Dice, room: Room, light: Light, outside: Light
) -> list[tuple[str, float, float]]:
    """Fill slots along the walls with windows, doors and pictures; gives the windows (wall, from, to)."""
    windows = []
    slots = []
    wide = room.right - room.left
    count = 2 if wide < 4.3 else 3
    for i in range(count):
        slots.append(("back", room.left + wide * i / count + 0.15, room.left + wide * (i + 1) / count - 0.15))
    first = max(1.9, room.back - 3.4)
    for wall in ("left", "right"):
        half = (room.back - first) / 2
        slots.append((wall, first + half + 0.1, room.back - 0.25))
        slots.append((wall, first, first + half - 0.1))
    uses = ["window", "door", "painting", "painting", "window", "painting", "window"]
    uses = uses[: len(slots)]
    for i in range(len(uses) - 1, 0, -1):  # shuffle
        j = dice.whole(0, i)
        uses[i], uses[j] = uses[j], uses[i]
    for (wall, u0, u1), use in zip(slots, uses, strict=True):
        middle, room_for = (u0 + u1) / 2, u1 - u0
        if use == "window":
            half = min(room_for, dice.between(1.1, 1.8)) / 2
            _window(
                canvas,
                dice,
                room,
                wall,
                middle - half,
                middle + half,
                dice.between(0.75, 1.0),
                dice.between(2.0, 2.3),
                light,
                outside,
            )
            windows.append((wall, middle - half, middle + half))
        elif use == "door":
            _door(canvas, dice, room, wall, middle - min(0.45, room_for / 2), middle + min(0.45, room_for / 2), light)
        elif dice.chance(0.85):
            half = min(room_for, dice.between(0.6, 1.3)) / 2
            tall = dice.between(0.28, 0.55)
            _painting(canvas, dice, room, wall, middle - half, middle + half, 1.62 - tall, 1.62 + tall, light)
    return windows


def _window(canvas, dice: Dice, room: Room, wall, u0, u1, v0, v1, light: Light, outside: Light) -> None:
    """Frame, bars, and outside: sky in bands, a hill, at times a tree top."""
    frame = dice.one(((248, 246, 240), (120, 84, 60), (226, 220, 208)))
    canvas.polygon(room.on(wall, u0 - 0.1, u1 + 0.1, v0 - 0.1, v1 + 0.1), light.on(frame, 0.6), "windowpane")
    bands = 7
    for i in range(bands):
        low, high = v1 - (v1 - v0) * (i + 1) / bands, v1 - (v1 - v0) * i / bands
        canvas.polygon(
            room.on(wall, u0, u1, low, high), mix(outside.zenith, outside.horizon, 0.25 + 0.7 * i / bands), "windowpane"
        )
    heights = [dice.between(0.12, 0.4) for _ in range(5)]
    hill = [room.at(wall, u0 + (u1 - u0) * i / 4, v0 + (v1 - v0) * h) for i, h in enumerate(heights)]
    far = outside.far(outside.on((96, 140, 96), 0.6), 60)
    canvas.polygon([room.at(wall, u0, v0), *hill, room.at(wall, u1, v0)], far)
    low = [room.at(wall, u0 + (u1 - u0) * i / 4, v0 + (v1 - v0) * h * 0.45) for i, h in enumerate(heights[::-1])]
    canvas.polygon([room.at(wall, u0, v0), *low, room.at(wall, u1, v0)], outside.on((96, 148, 80), 0.6))
    bars = dice.whole(1, 2)
    for i in range(1, bars + 1):
        u = u0 + (u1 - u0) * i / (bars + 1)
        canvas.polygon(room.on(wall, u - 0.03, u + 0.03, v0, v1), light.on(frame, 0.5))
    v = v0 + (v1 - v0) * 0.6
    canvas.polygon(room.on(wall, u0, u1, v - 0.03, v + 0.03), light.on(frame, 0.5))
    canvas.polygon(room.on(wall, u0 - 0.18, u1 + 0.18, v0 - 0.18, v0 - 0.1), light.on(frame, 0.95), "windowpane")


def _door(canvas, dice: Dice, room: Room, wall, u0, u1, light: Light) -> None:
    wood = dice.one(DOORS)
    trim, deep = light.on(mix(wood, (250, 246, 238), 0.45), 0.5), light.on(mix(wood, (40, 30, 30), 0.25), 0.4)
    canvas.polygon(room.on(wall, u0 - 0.1, u1 + 0.1, 0, 2.14), trim, "door")
    canvas.polygon(room.on(wall, u0, u1, 0.02, 2.05), light.on(wood, 0.55), "door")
    inset, middle = (u1 - u0) * 0.16, (u0 + u1) / 2
    for low, high in ((0.2, 0.85), (1.05, 1.9)):
        for a, b in ((u0 + inset, middle - inset / 3), (middle + inset / 3, u1 - inset)):
            canvas.polygon(room.on(wall, a, b, low, high), deep)
            canvas.polygon(room.on(wall, a + 0.03, b - 0.01, low, high - 0.04), light.on(wood, 0.75))
    knob = room.at(wall, u1 - 0.09, 0.97)
    canvas.ellipse(*knob, 2.4, 2.4, light.on((226, 190, 110), 0.9))


def _painting(canvas, dice: Dice, room: Room, wall, u0, u1, v0, v1, light: Light) -> None:
    """A frame, a mount, and on it a landscape or an abstract."""
    frame = dice.one(((176, 132, 64), (70, 52, 44), (40, 40, 46), (206, 168, 96)))
    canvas.polygon(room.on(wall, u0 - 0.03, u1 + 0.07, v0 - 0.09, v1 - 0.02), (40, 36, 44), opacity=0.25)
    canvas.polygon(room.on(wall, u0, u1, v0, v1), light.on(frame, 0.7), "painting")
    edge = 0.07
    u0, u1, v0, v1 = u0 + edge, u1 - edge, v0 + edge, v1 - edge
    tones: list[Colour] = [dice.one(ART) for _ in range(4)]
    canvas.polygon(room.on(wall, u0, u1, v0, v1), light.on(mix(tones[0], (244, 232, 206), 0.6), 0.6), "painting")

    def at(a: float, b: float) -> Point:
        return room.at(wall, u0 + (u1 - u0) * a, v0 + (v1 - v0) * b)

    if dice.chance(0.5):
        for tone, base in zip(tones[1:], (0.62, 0.42, 0.22), strict=True):
            ridge = [at(i / 4, base + dice.between(-0.14, 0.14)) for i in range(5)]
            canvas.polygon([at(0, 0), *ridge, at(1, 0)], light.on(tone, 0.6))
    else:
        for tone in tones[1:]:
            a, b, r = dice.between(0.2, 0.8), dice.between(0.25, 0.75), dice.between(0.12, 0.3)
            blob = dice.one(
                (((-1, -1), (1, -1), (1, 1), (-1, 1)), ((-1, -1), (1, -1), (0, 1)), ((-1, 0), (0, -1), (1, 0), (0, 1)))
            )
            canvas.polygon(
                [at(min(max(a + r * p, 0), 1), min(max(b + r * q, 0), 1)) for p, q in blob], light.on(tone, 0.6)
            )
