"""A living room in perspective: three walls, floor and ceiling; windows, doors and pictures; furniture and a rug."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from tools.scenes.canvas import CIRCLE, Canvas, Dice, mix
from tools.scenes.furniture import draw_floor_lamp, draw_pendant, draw_sofa, draw_table
from tools.scenes.light import Camera, Light, time_of_day
from tools.scenes.living import draw_person
from tools.scenes.walls import Room, draw_hangings, draw_shell

RUGS = ((170, 66, 60), (62, 90, 136), (214, 178, 96), (84, 124, 104), (224, 212, 192), (128, 76, 112), (70, 72, 84))


def draw_room(canvas: Canvas, dice: Dice) -> None:
    light = time_of_day(dice)
    camera = Camera(
        canvas.width * dice.between(0.36, 0.64),
        canvas.height * dice.between(0.36, 0.5),
        canvas.width * dice.between(0.72, 0.95),
        dice.between(1.35, 1.7),
    )
    room = Room(camera, -dice.between(1.7, 3.0), dice.between(1.7, 3.0), dice.between(4.4, 6.4), dice.between(2.5, 3.0))
    near = 1.2
    indoors = _lamplight(light)
    draw_shell(canvas, dice, room, indoors, near)
    places = draw_hangings(canvas, dice, room, indoors, light)
    if light.sun[0] > 0.3:
        _sunbeam(canvas, room, light, places)
    _furnish(canvas, dice, room, indoors)


def _lamplight(light: Light) -> Light:
    """The same hour indoors: softer, and warm where lamps burn."""
    if light.lamps:
        return replace(light, haze=(150, 120, 100), sun=(0.34, 0.24, 0.10), shade=(0.62, 0.52, 0.46))
    (sr, sg, sb), (ar, ag, ab) = light.sun, light.shade
    sun = (0.10 + 0.45 * sr, 0.10 + 0.45 * sg, 0.10 + 0.45 * sb)
    shade = (min(0.12 + 0.92 * ar, 0.86), min(0.12 + 0.92 * ag, 0.86), min(0.12 + 0.92 * ab, 0.86))
    return replace(light, haze=(200, 196, 190), sun=sun, shade=shade)


def _sunbeam(canvas: Canvas, room: Room, light: Light, windows: list[tuple[str, float, float]]) -> None:
    """Sunlight that falls through the first window and lies on the floor."""
    for wall, u0, u1 in windows:
        if wall == "back" or (wall == "left") == (light.side > 0):
            continue
        x = room.left if wall == "left" else room.right
        step = 1 if wall == "left" else -1
        patch = [
            room.camera.see(x + step * d, 0, u - d * 0.25) for d, u in ((0.5, u0), (0.5, u1), (2.0, u1), (2.0, u0))
        ]
        canvas.polygon(patch, (255, 236, 176), opacity=0.36)


def _furnish(canvas: Canvas, dice: Dice, room: Room, light: Light) -> None:
    """Rug, sofa, table, lamps and people, from the back of the room to the front."""
    camera, back = room.camera, room.back
    centre = (room.left + room.right) / 2 + dice.between(-0.5, 0.5)
    if dice.chance(0.85):
        _rug(canvas, dice, camera, centre, back - dice.between(1.9, 2.3), light)
    things = []
    if dice.chance(0.9):
        where = dice.one(("back", "back", "left", "right"))
        things.append(
            (
                back - 0.6 if where == "back" else back - 1.6,
                partial(draw_sofa, canvas, dice, camera, where, room.left, room.right, back, light),
            )
        )
    if dice.chance(0.9):
        ahead = back - dice.between(1.9, 2.7)
        tall = dice.one((0.45, 0.6, 0.74))
        wide = dice.between(0.9, 1.6)
        x = min(max(centre + dice.between(-0.4, 0.4), room.left + wide / 2 + 0.2), room.right - wide / 2 - 0.2)
        things.append((ahead, partial(draw_table, canvas, dice, camera, x, ahead, wide, tall, light)))
    side = dice.one((-1, 1))  # where the floor lamp stands; a person keeps to the other side
    if dice.chance(0.85):
        ahead = back - dice.between(0.4, 2.2)
        x = (room.left if side < 0 else room.right) - side * dice.between(0.35, 0.7)
        things.append((ahead, partial(draw_floor_lamp, canvas, dice, camera, x, ahead, light)))
    if dice.chance(0.6):
        ahead = back - dice.between(1.2, 2.4)
        drop = dice.between(0.6, 0.95)
        things.append((ahead, partial(draw_pendant, canvas, dice, camera, centre, ahead, room.high, drop, light)))
    if dice.chance(0.4):
        ahead = back - dice.between(0.8, 2.6)
        x = centre - side * dice.between(0.4, 1.3)

        def person(x=x, ahead=ahead):
            foot = camera.see(x, 0, ahead)
            canvas.ellipse(*foot, camera.metre(ahead) * 0.3, camera.metre(ahead) * 0.07, (30, 26, 34), opacity=0.3)
            draw_person(canvas, dice, *foot, camera.metre(ahead) * dice.between(1.55, 1.8), light.on, light.side)

        things.append((ahead, person))
    for _, draw in sorted(things, key=lambda thing: -thing[0]):
        draw()


def _rug(canvas: Canvas, dice: Dice, camera: Camera, x: float, ahead: float, light: Light) -> None:
    """A rug with borders, or a round one."""
    colour = dice.one(RUGS)
    trim = mix(colour, (250, 240, 214), 0.65) if dice.chance(0.6) else mix(colour, (30, 26, 40), 0.5)
    half, deep = dice.between(1.0, 1.5), dice.between(0.7, 1.1)
    rounded = dice.chance(0.3)
    for inset, tone in ((0.0, colour), (0.14, trim), (0.24, colour), (0.5, trim), (0.58, mix(colour, trim, 0.35))):
        a, b = half - inset, deep - inset
        if a <= 0.1 or b <= 0.1:
            continue
        if rounded:
            shape = [camera.see(x + a * c, 0.01, ahead + b * s) for c, s in CIRCLE]
        else:
            shape = [camera.see(x + p * a, 0.01, ahead + q * b) for p, q in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        canvas.polygon(shape, light.on(tone, 0.6), "rug")
