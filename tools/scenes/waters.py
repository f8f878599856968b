"""Lake, coast and river: water on the ground, and what it mirrors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tools.scenes.canvas import LABELS, SCALE, Canvas, Dice, turn
from tools.scenes.light import Camera, Light
from tools.scenes.textures import scatter

Course = Callable[[float], float]  # metres ahead -> metres to the right: the middle of a river or a road


def draw_water(
    canvas: Canvas, dice: Dice, camera: Camera, light: Light, side: int, kind: str, path: Callable[[float], float]
) -> None:
    """A body of water on the ground, then what it mirrors."""
    if kind == "none":
        return
    blue = light.on(dice.one(((70, 128, 164), (84, 142, 160), (60, 110, 150))), 0.4)
    if kind == "lake":
        x, z = side * dice.between(9, 17), dice.between(22, 34)
        rx, rz = abs(x) + dice.between(0, 6), z - dice.between(7, 11)
        shore = []
        for i in range(26):
            c, s = turn(i / 26)
            reach = dice.between(0.93, 1.05)
            shore.append((x + rx * reach * c, max(z + rz * reach * s * (1.6 if s > 0 else 1.0), 4.0)))
    elif kind == "coast":
        edge = [(side * (2.0 + z * dice.between(0.0, 0.07)), z) for z in (2.0, 5, 8, 12, 18, 26, 40, 70, 120, 400)]
        shore = [*edge, (side * 500, 400), (side * 500, 2.0)]
    else:
        stations = [2.0, 4, 6, 8, 10, 13, 16, 20, 25, 31, 38, 46, 55, 66, 80, 100]
        half = dice.between(2.6, 4.2)
        shore = [(path(z) - half, z) for z in stations] + [(path(z) + half, z) for z in reversed(stations)]
    bank = [camera.see(x, 0, z) for x, z in shore]
    rim = light.on((206, 186, 140), 0.6)
    canvas.polygon([(x, y - 1.2 if y < canvas.height * 0.6 else y - 2.5) for x, y in bank], rim, "grass")
    canvas.polygon(bank, blue, "water")
    _mirror(canvas, camera, light)


def _mirror(canvas: Canvas, camera: Camera, light: Light) -> None:
    """Water shows the picture above the horizon upside down, dimmed, broken into ripples that widen towards us."""
    first = round(camera.y * SCALE)
    wet = canvas.labels == LABELS["water"]
    rows = np.nonzero(wet[first:].any(axis=1))[0] + first
    if not len(rows):
        return
    flat = (rows // SCALE).astype(np.int64)
    # The sky is mirrored whole, stretched so that it reaches the lower edge; rows are shuffled a little, as by waves.
    source = first - 1 - (rows - first) * first // (canvas.labels.shape[0] - first)
    source = np.clip(source + (scatter(flat, flat * 0, 5) - 2) * SCALE, 0, first - 1)
    x = np.arange(canvas.labels.shape[1])[None, :]
    depth = (rows - first)[:, None] / max(canvas.labels.shape[0] - first, 1)
    step = np.floor(depth * 9).astype(np.int64) + 1
    glint = scatter(
        x // (step * 20) + scatter(flat, flat * 0 + 1, 64)[:, None], (rows[:, None] - first) // (step * 2), 9
    )
    glint = (glint == 0) * 16 - (glint == 1) * 14
    for plane in canvas.planes:
        mirrored = plane[source].astype(np.int64)
        new = np.clip((mirrored * 7 + plane[rows].astype(np.int64) * 9) // 16 + glint, 0, 255)
        plane[rows] = np.where(wet[rows], new, plane[rows])
