"""Open country in perspective: mountains, meadows, a lake, a river or a coast, a winding road, fences, a cottage."""

from __future__ import annotations

from functools import partial
import numpy as np

from segnext_edu.data.canvas import LABELS, SCALE, Canvas, Dice, Point, mix, turn
from segnext_edu.data.light import Camera, Light, draw_sky, time_of_day
from segnext_edu.data.outdoors import (
    cast_shadow,
    draw_car,
    draw_fence,
    draw_person,
    draw_pole,
    draw_streetlight,
    draw_tree,
    tint_at,
)
from segnext_edu.data.ridges import draw_ridge, skyline
from segnext_edu.data.textures import scatter, speckle

MEADOWS = ((118, 160, 70), (134, 168, 80), (100, 148, 74), (158, 168, 84), (176, 164, 88))


def draw_landscape(canvas: Canvas, dice: Dice) -> None:
    light = time_of_day(dice)
    camera = Camera(
        canvas.width * dice.between(0.35, 0.65),
        canvas.height * dice.between(0.38, 0.52),
        canvas.width * dice.between(0.75, 0.95),
        dice.between(2.2, 4.2),
    )
    draw_sky(canvas, dice, light, camera.y)
    _mountains(canvas, dice, camera, light)
    side = dice.one((-1, 1))  # where the water is; road, fence and poles keep to the other side
    bend, phase = dice.between(1.0, 3.0), dice.between(0, 1)
    lane = -side * dice.between(1.0, 5.0)

    def path(ahead: float) -> float:
        """The middle of the road (or river), metres to the right, at this distance."""
        return lane + bend * turn(ahead / 55 + phase)[0] - side * ahead * 0.03

    _meadow(canvas, dice, camera, light)
    water = dice.one(("lake", "lake", "lake", "coast", "coast", "river", "none"))
    _water(canvas, dice, camera, light, side, water, path)
    road = water != "river" and dice.chance(0.85)
    if road:
        _road(canvas, dice, camera, light, path)
    _things(canvas, dice, camera, light, side, water, road, path)
    _tufts(canvas, dice, camera, light)


def _mountains(canvas: Canvas, dice: Dice, camera: Camera, light: Light) -> None:
    """Two or three ridges, the farther the paler, and a rolling green hill before them."""
    tall = canvas.height * dice.between(0.22, 0.4)
    if dice.chance(0.92):
        for haze, share in ((0.62, 1.0), (0.42, 0.72), (0.22, 0.5))[: dice.whole(2, 3)]:
            draw_ridge(canvas, dice, light, camera.y + 1, tall * share, haze)
    hill = light.far(light.on(dice.one(MEADOWS), 0.5), 90)
    line = [(x, camera.y - canvas.height * 0.07 * h) for x, h in skyline(dice, canvas.width, 16, 0.3)]
    canvas.polygon([(0, camera.y + 2), *line, (canvas.width, camera.y + 2)], hill, "grass")


def _meadow(canvas: Canvas, dice: Dice, camera: Camera, light: Light) -> None:
    """Grass to the horizon, in fields of different green that pale with distance."""
    tone = dice.one(MEADOWS)
    near = camera.focal * camera.eye / (canvas.height - camera.y)

    def blades(x, y):
        across, ahead = camera.ground(x, y)
        return np.where(ahead < 20, speckle(across, ahead * 0.3, 0.09, 18, 7), 256)

    canvas.box(0, camera.y, canvas.width, canvas.height, light.far(light.on(tone, 0.6), 200), "grass")
    ahead = 240.0
    while ahead > near * 0.6:  # bands across the picture, far to near
        y = camera.see(0, 0, ahead)[1]
        patch = light.far(light.on(mix(tone, dice.one(MEADOWS), 0.45), 0.6), ahead * 0.7)
        sway = (canvas.height - camera.y) * 0.03 * min(12 / ahead, 1.0)
        edge = [(canvas.width * i / 6, y + dice.between(-sway, sway)) for i in range(7)]
        canvas.polygon([*edge, (canvas.width, canvas.height), (0, canvas.height)], patch, "grass", blades if ahead < 60 else None)
        ahead *= dice.between(0.4, 0.62)


def _water(canvas: Canvas, dice: Dice, camera: Camera, light: Light, side: int, kind: str, path) -> None:
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
    source = np.clip(2 * first - rows + (scatter(flat, flat * 0, 5) - 2) * SCALE, 0, first - 1)
    x = np.arange(canvas.labels.shape[1])[None, :]
    depth = (rows - first)[:, None] / max(canvas.labels.shape[0] - first, 1)
    step = np.floor(depth * 9).astype(np.int64) + 1
    glint = scatter(x // (step * 20) + scatter(flat, flat * 0 + 1, 64)[:, None], (rows[:, None] - first) // (step * 2), 9)
    glint = (glint == 0) * 16 - (glint == 1) * 14
    for plane in canvas.planes:
        mirrored = plane[source].astype(np.int64)
        new = np.clip((mirrored * 7 + plane[rows].astype(np.int64) * 9) // 16 + glint, 0, 255)
        plane[rows] = np.where(wet[rows], new, plane[rows])


def _road(canvas: Canvas, dice: Dice, camera: Camera, light: Light, path) -> None:
    stations = [1.5, 3, 4, 5, 6, 7, 8, 10, 12, 14, 17, 20, 24, 28, 33, 38, 44, 50, 58, 66, 76, 90]
    half = dice.between(1.5, 2.3)
    earth = light.on(dice.one(((118, 116, 122), (132, 126, 122), (106, 108, 116))), 0.55)

    def band(left: float, right: float) -> list[Point]:
        return [camera.see(path(z) + left, 0, z) for z in stations] + [camera.see(path(z) + right, 0, z) for z in reversed(stations)]

    canvas.polygon(band(-half - 0.25, half + 0.25), light.on((196, 180, 140), 0.6), "road")
    canvas.polygon(band(-half, half), earth, "road")
    if dice.chance(0.6):
        paint = light.on((240, 236, 222), 0.8)
        for z in range(3, 40, 4):
            dash = [camera.see(path(a) + d, 0, a) for d, a in ((-0.08, z), (0.08, z), (0.08, z + 1.8), (-0.08, z + 1.8))]
            canvas.polygon(dash, paint)


def _things(canvas: Canvas, dice: Dice, camera: Camera, light: Light, side: int, water: str, road: bool, path) -> None:
    """Everything that stands, drawn from far to near."""
    things = []

    def upright(across: float, ahead: float, metres: float, width: float, draw) -> None:
        """Something that stands on dry ground: its shadow falls now, before anything stands in its way."""
        (x, y), size = camera.see(across, 0, ahead), camera.metre(ahead) * metres
        if canvas.label_at(x, y) == "water":
            return
        cast_shadow(canvas, x, y, size * 0.75, size * width, light)
        things.append((ahead, lambda: draw(x, y, size, tint_at(light, ahead))))

    def tree(kind: str):
        def draw(x, y, size, tint):
            draw_tree(canvas, dice, x, y, size, kind, tint, light.side)

        return draw

    def person(x, y, size, tint):
        draw_person(canvas, dice, x, y, size, tint, light.side)

    wires: list[list[Point]] = []

    def pole(x, y, size, tint):
        ends = draw_pole(canvas, x, y, size, tint, light.side)
        for old, new in zip(wires[-1] if wires else [], ends, strict=False):
            sag = [(old[0] + (new[0] - old[0]) * t, old[1] + (new[1] - old[1]) * t + 3 * 4 * t * (1 - t)) for t in (0, 0.25, 0.5, 0.75, 1)]
            canvas.stroke(sag, 0.5, (60, 56, 62), opacity=0.7)
        wires.append(ends)

    def lamp(x, y, size, tint):
        draw_streetlight(canvas, x, y, size, style, side * 0.3, tint, light.lamps)

    forest = dice.one(("pine", "pine", "round"))
    for _ in range(dice.whole(8, 22)):
        across = dice.between(-1, 1)
        upright(across * 46, dice.between(45, 85), dice.between(5, 9), 0.25, tree(forest))
    kinds = dice.one((("round", "poplar"), ("pine",), ("round",), ("pine", "round")))
    for _ in range(dice.whole(3, 7)):
        ahead = dice.between(11, 34)
        across = path(ahead) - side * dice.between(3.6, 12) if dice.chance(0.7) else side * dice.between(10, 24)
        upright(across, ahead, dice.between(4, 7.5), 0.25, tree(dice.one(kinds)))
    if dice.chance(0.5):
        ahead = dice.between(18, 36)
        across = path(ahead) - side * dice.between(6, 11)
        things.append((ahead, partial(draw_cottage, canvas, dice, camera, across, ahead, light)))
    if dice.chance(0.6):
        ahead, gap = dice.between(36, 44), dice.between(9, 13)
        offset = -side * dice.between(3.0, 4.2)
        while ahead > 7:
            upright(path(ahead) + offset, ahead, 6.5, 0.04, pole)
            ahead -= gap
    style = dice.one(("arm", "lantern"))
    if road and dice.chance(0.45):
        for i in range(3):
            ahead = 9 + 9 * i + dice.between(0, 3)
            upright(path(ahead) + side * 2.8, ahead, 4.8, 0.04, lamp)
    if dice.chance(0.72):
        style_of_fence, paint = dice.one(("rails", "rails", "pickets")), dice.one(((236, 232, 220), (152, 112, 78), (120, 96, 78)))
        z = dice.between(9, 13)
        edge = path(z) - side * 2.9
        if dice.chance(0.5):
            run = ((edge, 40.0), (edge, 4.0))
        else:
            run = ((edge, z), (edge - side * 18, z))
        things.append((z - 0.5, partial(draw_fence, canvas, camera, *run, style_of_fence, paint, dice.between(1.1, 1.4), light)))
    for _ in range(dice.whole(0, 3)):
        ahead = dice.between(6.5, 18)
        upright(path(ahead) + dice.between(-3, 3), ahead, dice.between(1.6, 1.85), 0.15, person)
    if road and dice.chance(0.65):
        ahead = dice.between(9, 22)
        oncoming = dice.chance(0.5)
        lane = path(ahead + 2) + (-0.8 if oncoming else 0.8)
        things.append((ahead, partial(draw_car, canvas, dice, camera, lane, ahead, light, oncoming)))
    for _, draw in sorted(things, key=lambda thing: -thing[0]):
        draw()


def draw_cottage(canvas: Canvas, dice: Dice, camera: Camera, across: float, ahead: float, light: Light) -> None:
    """A small house with a pitched roof, its long side to us, and a chimney."""
    paint, roof = dice.one(((236, 226, 206), (206, 130, 100), (226, 200, 150), (190, 196, 196))), dice.one(((164, 80, 60), (96, 88, 96), (128, 86, 66)))
    tint, label = tint_at(light, ahead), "building"
    wide, deep, high = dice.between(5, 8), 5.0, dice.between(2.6, 3.4)
    a, b, rise = across - wide / 2, across + wide / 2, high + dice.between(1.7, 2.4)
    for edge, seen in ((b, b < 0), (a, a > 0)):
        if seen:
            gable = [camera.see(edge, y, z) for y, z in ((0, ahead), (high, ahead), (rise, ahead + deep / 2), (high, ahead + deep), (0, ahead + deep))]
            canvas.polygon(gable, tint(paint, 0.9 if (edge == b) == (light.side > 0) else 0.05), label)
    x = across + wide * 0.25
    canvas.polygon([camera.see(x + p, y, ahead + deep * 0.4) for p, y in ((0, high), (0, rise + 0.9), (0.7, rise + 0.9), (0.7, high))], tint((150, 96, 80), 0.4), label)
    canvas.polygon([camera.see(p, y, z) for p, y, z in ((a - 0.3, high - 0.15, ahead - 0.2), (a - 0.3, rise, ahead + deep / 2), (b + 0.3, rise, ahead + deep / 2), (b + 0.3, high - 0.15, ahead - 0.2))], tint(roof, 0.75), label)
    canvas.polygon([camera.see(p, y, ahead) for p, y in ((a, 0), (a, high - 0.1), (b, high - 0.1), (b, 0))], tint(paint, 0.5), label)
    pane = (255, 216, 130) if light.lamps else tint((72, 92, 112), 0.5)
    for i, share in enumerate((0.12, 0.42, 0.72)):
        u = a + wide * share
        low = 0.05 if i == 1 else 0.9
        canvas.polygon([camera.see(p, y, ahead) for p, y in ((u - 0.1, low - 0.05), (u - 0.1, 2.15), (u + 1.1, 2.15), (u + 1.1, low - 0.05))], tint((246, 242, 232), 0.6))
        canvas.polygon([camera.see(p, y, ahead) for p, y in ((u, low), (u, 2.05), (u + 1.0, 2.05), (u + 1.0, low))], pane if i != 1 else tint((112, 70, 52), 0.5))


def _tufts(canvas: Canvas, dice: Dice, camera: Camera, light: Light) -> None:
    """Blades and flowers in the nearest grass; they are grass, and are drawn on nothing else."""
    bloom = dice.one(((246, 240, 226), (240, 200, 70), (216, 82, 70), (180, 130, 200)))
    for _ in range(70):
        x, y = dice.between(0, canvas.width), dice.between(0.72, 1.0) * canvas.height
        tall = (y - camera.y) * 0.05
        if canvas.label_at(x, y) != "grass" or canvas.label_at(x, y - tall) != "grass":
            continue
        if dice.chance(0.35):
            canvas.ellipse(x, y - tall * 0.5, tall * 0.2, tall * 0.2, light.on(bloom, 0.8))
        else:
            for lean in (-0.35, 0.05, 0.4):
                canvas.polygon([(x - 0.7, y), (x + 0.7, y), (x + lean * tall, y - tall)], light.on((96, 140, 60), 0.4 + lean))
