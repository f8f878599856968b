"""Open country in perspective: mountains, meadows, a lake, a river or a coast, a winding road, fences, a cottage."""

from __future__ import annotations

from functools import partial

import numpy as np

from tools.scenes.canvas import Canvas, Dice, Point, mix, turn
from tools.scenes.cars import draw_car
from tools.scenes.houses import draw_cottage
from tools.scenes.light import Camera, Light, draw_sky, time_of_day
from tools.scenes.living import cast_shadow, draw_person, draw_tree, tint_at
from tools.scenes.ridges import draw_ridge, skyline
from tools.scenes.textures import speckle
from tools.scenes.upright import draw_fence, draw_pole, draw_streetlight
from tools.scenes.waters import Course, draw_water

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
    draw_water(canvas, dice, camera, light, side, water, path)
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
        canvas.polygon(
            [*edge, (canvas.width, canvas.height), (0, canvas.height)], patch, "grass", blades if ahead < 60 else None
        )
        ahead *= dice.between(0.4, 0.62)


def _road(canvas: Canvas, dice: Dice, camera: Camera, light: Light, path: Course) -> None:
    stations = [1.5, 3, 4, 5, 6, 7, 8, 10, 12, 14, 17, 20, 24, 28, 33, 38, 44, 50, 58, 66, 76, 90]
    half = dice.between(1.5, 2.3)
    earth = light.on(dice.one(((118, 116, 122), (132, 126, 122), (106, 108, 116))), 0.55)

    def band(left: float, right: float) -> list[Point]:
        return [camera.see(path(z) + left, 0, z) for z in stations] + [
            camera.see(path(z) + right, 0, z) for z in reversed(stations)
        ]

    canvas.polygon(band(-half - 0.25, half + 0.25), light.on((196, 180, 140), 0.6), "road")
    canvas.polygon(band(-half, half), earth, "road")
    if dice.chance(0.6):
        paint = light.on((240, 236, 222), 0.8)
        for z in range(3, 40, 4):
            dash = [
                camera.see(path(a) + d, 0, a) for d, a in ((-0.08, z), (0.08, z), (0.08, z + 1.8), (-0.08, z + 1.8))
            ]
            canvas.polygon(dash, paint)


def _things(
    canvas: Canvas,
    dice: Dice,
    camera: Camera,
    light: Light,
    side: int,
    water: str,
    road: bool,
    path: Course,
) -> None:
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
            sag = [
                (old[0] + (new[0] - old[0]) * t, old[1] + (new[1] - old[1]) * t + 3 * 4 * t * (1 - t))
                for t in (0, 0.25, 0.5, 0.75, 1)
            ]
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
    if dice.chance(0.85):
        kind, paint = (
            dice.one(("rails", "rails", "pickets")),
            dice.one(((236, 232, 220), (152, 112, 78), (120, 96, 78))),
        )
        tall, offset = dice.between(1.1, 1.4), -side * 2.9
        if dice.chance(0.5):  # along the road, in pieces of 4 m that follow its bends
            posts = [(path(z) + offset, float(z)) for z in range(44, 3, -4)]
        else:
            ahead = dice.between(9, 13)
            posts = [(path(ahead) + offset, ahead), (path(ahead) + offset - side * 18, ahead)]
        for start, end in zip(posts, posts[1:], strict=False):
            piece = partial(draw_fence, canvas, camera, start, end, kind, paint, tall, light)
            things.append((end[1], piece))
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
                canvas.polygon(
                    [(x - 0.7, y), (x + 0.7, y), (x + lean * tall, y - tall)], light.on((96, 140, 60), 0.4 + lean)
                )
