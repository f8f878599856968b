"""A street in perspective: house fronts, kerbs, a park or a canal on one side, cars, people, lamps and poles."""

from __future__ import annotations

import numpy as np

from tools.scenes.canvas import Canvas, Colour, Dice, mix
from tools.scenes.cars import draw_car
from tools.scenes.houses import FAR, draw_row
from tools.scenes.light import Camera, Light, draw_sky, time_of_day
from tools.scenes.living import cast_shadow, draw_person, draw_tree, tint_at
from tools.scenes.ridges import draw_ridge
from tools.scenes.textures import ripples, slabs, speckle
from tools.scenes.upright import draw_fence, draw_pole, draw_streetlight


def draw_street(canvas: Canvas, dice: Dice) -> None:
    light = time_of_day(dice)
    camera = Camera(
        canvas.width * dice.between(0.3, 0.7),
        canvas.height * dice.between(0.4, 0.56),
        canvas.width * dice.between(0.7, 0.95),
        dice.between(1.6, 2.9),
    )
    draw_sky(canvas, dice, light, camera.y)
    if dice.chance(0.55):
        draw_ridge(canvas, dice, light, camera.y, canvas.height * dice.between(0.14, 0.3), 0.5)
    half, middle, walk = dice.between(2.8, 4.2), dice.between(-2.5, 2.5), dice.between(2.2, 3.4)
    kinds = dice.one(
        (
            ("houses", "houses"),
            ("houses", "park"),
            ("park", "houses"),
            ("houses", "canal"),
            ("canal", "houses"),
            ("park", "houses"),
            ("garden", "houses"),
            ("houses", "garden"),
            ("garden", "park"),
        )
    )
    near = camera.focal * camera.eye / (canvas.height - camera.y) * 0.9
    _ground(canvas, dice, camera, light, middle, half, walk, kinds, near)
    edges = (middle - half - walk, middle + half + walk)
    for side, kind, edge in zip((-1, 1), kinds, edges, strict=True):
        _bank(canvas, dice, camera, light, side, kind, edge)
    _shadows(canvas, dice, camera, light, edges, kinds)
    things = _plan(canvas, dice, camera, light, middle, half, walk, near)
    for _, draw in sorted(things, key=lambda thing: -thing[0]):
        draw()


def _strip(
    canvas: Canvas, camera: Camera, left: float, right: float, near: float, colour: Colour, label, shade=None, up=0.0
):
    """A band of ground between two lines that run away from the camera."""
    points = [
        camera.see(left, up, near),
        camera.see(left, up, FAR * 3),
        camera.see(right, up, FAR * 3),
        camera.see(right, up, near),
    ]
    canvas.polygon(points, colour, label, shade)


def _ground(canvas, dice: Dice, camera: Camera, light: Light, middle, half, walk, kinds, near) -> None:
    """Verges, road with its markings, then raised pavements with kerbs."""
    asphalt = light.on(dice.one(((112, 112, 118), (126, 120, 116), (98, 102, 112), (140, 136, 132))), 0.5)
    stone = light.on(dice.one(((200, 190, 174), (206, 200, 194), (214, 186, 160))), 0.7)
    meadow = light.on(dice.one(((128, 164, 74), (112, 152, 76), (146, 168, 84))), 0.6)
    sea = light.on(dice.one(((74, 134, 160), (86, 148, 158), (66, 112, 150))), 0.5)

    def grit(x, y):
        across, ahead = camera.ground(x, y)
        return np.where(ahead < 9, speckle(across, ahead * 0.5, 0.1, 9, 12), 256)

    def blades(x, y):
        across, ahead = camera.ground(x, y)
        return np.where(ahead < 16, speckle(across, ahead * 0.3, 0.09, 20, 7), 256)

    def flags(x, y):
        across, ahead = camera.ground(x, y)
        return np.where(ahead < 24, slabs(across, ahead, 1.2, 26), 256)

    def wavelets(x, y):
        across, ahead = camera.ground(x, y)
        return np.where(ahead < 60, ripples(across, ahead * 0.6, 0.5, 34), 256)

    canvas.box(0, camera.y, canvas.width, canvas.height, light.far(meadow, 60), "grass")
    for side, kind in zip((-1, 1), kinds, strict=True):
        edge = middle + side * (half + walk)
        colour, label, shade = (sea, "water", wavelets) if kind == "canal" else (meadow, "grass", blades)
        _strip(canvas, camera, edge, side * 160, near, colour, label, shade)
    _strip(canvas, camera, middle - half, middle + half, near, asphalt, "road", grit)
    paint = light.on((240, 236, 220), 0.8)
    style = dice.one(("dashes", "line", "none"))
    if style != "none":
        ahead = near
        while ahead < 60:
            stop = ahead + (2.2 if style == "dashes" else 60)
            line = [
                camera.see(middle + d, 0, z) for d, z in ((-0.09, ahead), (0.09, ahead), (0.09, stop), (-0.09, stop))
            ]
            canvas.polygon(line, paint)
            ahead += 4.6 if style == "dashes" else 60
    if dice.chance(0.35):
        ahead = dice.between(near * 1.2, 11)
        for i in range(round(half * 2)):
            x = middle - half + 0.3 + i
            bar = [camera.see(x + d, 0, z) for d, z in ((0, ahead), (0.5, ahead), (0.5, ahead + 2.6), (0, ahead + 2.6))]
            canvas.polygon(bar, paint)
    for side in (-1, 1):
        kerb, wall = middle + side * half, middle + side * (half + walk)
        _strip(canvas, camera, kerb, wall, near, stone, "sidewalk", flags, up=0.14)
        face = [camera.see(kerb, up, z) for up, z in ((0, near), (0, FAR * 3), (0.14, FAR * 3), (0.14, near))]
        canvas.polygon(face, light.on((150, 148, 146), 0.2), "sidewalk")
        lip = [camera.see(kerb + side * d, 0.14, z) for d, z in ((0, near), (0, FAR), (0.2, FAR), (0.2, near))]
        canvas.polygon(lip, mix(stone, (255, 252, 244), 0.35), "sidewalk")


def _bank(canvas, dice: Dice, camera: Camera, light: Light, side: int, kind: str, edge: float) -> None:
    """What lines one side of the street, from the far end to the near one."""
    if kind == "houses":
        draw_row(canvas, dice, camera, light, side, edge, 1.0)
        return
    if kind == "garden":
        draw_row(canvas, dice, camera, light, side, edge + side * dice.between(6, 9), 0.6)
    elif dice.chance(0.6):
        draw_row(canvas, dice, camera, light, side, edge + side * dice.between(26, 40), 1.3)
    if kind != "canal":
        for ahead in sorted((dice.between(9, 60) for _ in range(dice.whole(5, 9))), reverse=True):
            x, y = camera.see(edge + side * dice.between(2, 14 if kind == "park" else 4.5), 0, ahead)
            size = camera.metre(ahead) * dice.between(4, 8)
            cast_shadow(canvas, x, y, size * 0.6, size * 0.3, light)
            draw_tree(
                canvas,
                dice,
                x,
                y,
                size,
                dice.one(("round", "round", "poplar", "pine")),
                tint_at(light, ahead),
                light.side,
            )
    if kind == "canal" or dice.chance(0.8):
        paint = dice.one(((236, 232, 220), (150, 108, 74), (70, 96, 84), (208, 206, 200)))
        style = dice.one(("rails", "pickets")) if kind != "canal" else "rails"
        draw_fence(canvas, camera, (edge, 70.0), (edge, 2.0), style, paint, dice.between(1.0, 1.25), light)


def _shadows(canvas, dice: Dice, camera: Camera, light: Light, edges, kinds) -> None:
    """The houses on the sun's side darken their half of the street, with a stepped edge."""
    sunny = 0 if light.side < 0 else 1
    if light.sun[0] < 0.3 or kinds[sunny] != "houses":
        return
    left, right = edges
    reach = (right - left) * dice.between(0.3, 0.6)
    edge = edges[sunny]
    outline, ahead = [camera.see(edge, 0, 1.0)], 1.0
    while ahead < FAR:
        stop, wide = ahead + dice.between(6, 12), reach * dice.between(0.7, 1.25)
        outline += [camera.see(edge - light.side * wide, 0, ahead), camera.see(edge - light.side * wide, 0, stop)]
        ahead = stop
    canvas.polygon([*outline, camera.see(edge, 0, FAR)], (34, 36, 66), opacity=0.34)


def _plan(canvas: Canvas, dice: Dice, camera: Camera, light: Light, middle, half, walk, near) -> list:
    """Lamps, poles, trees, cars and people with their distances, to be drawn from far to near."""
    things = []
    lamp_side = dice.one((-1, 1))

    def upright(across: float, ahead: float, metres: float, width: float, draw) -> None:
        """Something that stands on the pavement: its shadow falls now, before anything stands in its way."""
        (x, y), size = camera.see(across, 0.14, ahead), camera.metre(ahead) * metres
        cast_shadow(canvas, x, y, size * 0.7, size * width, light)
        things.append((ahead, lambda: draw(x, y, size, tint_at(light, ahead))))

    def lamp(x, y, size, tint):
        draw_streetlight(canvas, x, y, size, style, -lamp_side * 0.3, tint, light.lamps)

    def pole(x, y, size, tint):
        draw_pole(canvas, x, y, size, tint, light.side)

    def tree(x, y, size, tint):
        draw_tree(canvas, dice, x, y, size, kind, tint, light.side)

    def person(x, y, size, tint):
        draw_person(canvas, dice, x, y, size, tint, light.side)

    style, tall = dice.one(("arm", "arm", "lantern")), dice.between(4.6, 6.5)
    if dice.chance(0.92):
        ahead, gap = dice.between(6.5, 10.0), dice.between(8, 12)
        while ahead < 34:
            upright(middle + lamp_side * (half + 0.45), ahead, tall if style == "arm" else tall * 0.75, 0.04, lamp)
            ahead += gap
    if dice.chance(0.75):
        ahead, gap = dice.between(7, 11), dice.between(9, 13)
        while ahead < 36:
            upright(middle - lamp_side * (half + 0.5), ahead, 7.0, 0.04, pole)
            ahead += gap
    kind = dice.one(("round", "poplar", "round"))
    if dice.chance(0.6):
        ahead = dice.between(10, 14)
        while ahead < 50:
            upright(middle + lamp_side * (half + walk * 0.45), ahead + 3, dice.between(4, 6), 0.25, tree)
            ahead += dice.between(6, 10)
    for _ in range(dice.whole(2, 5)):
        across = middle + dice.one((-1, 1)) * (half + walk * dice.between(0.3, 0.8))
        upright(across, near + dice.between(1.5, 4) * dice.between(1.5, 5), dice.between(1.6, 1.85), 0.15, person)
    ahead = dice.between(max(near * 1.3, 5.5), 9)
    while ahead < 45 and dice.chance(0.93):
        oncoming = dice.chance(0.4)
        across = middle + (-1 if oncoming else 1) * (half - 1.15 if dice.chance(0.6) else half * 0.45)

        def car(across=across, ahead=ahead, oncoming=oncoming):
            draw_car(canvas, dice, camera, across, ahead, light, oncoming)

        things.append((ahead, car))
        ahead += dice.between(5.5, 14)
    return things
