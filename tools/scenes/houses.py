"""Houses: rows of fronts along a street, and a cottage in the country. Windows and doors belong to the building."""

from __future__ import annotations

import numpy as np

from tools.scenes.canvas import Canvas, Dice, mix
from tools.scenes.light import Camera, Light
from tools.scenes.living import tint_at
from tools.scenes.textures import bricks, planks

FAR = 110.0  # metres to where the street ends in haze
FRONTS = (
    (202, 168, 130),
    (186, 96, 78),
    (220, 202, 168),
    (168, 174, 176),
    (150, 164, 140),
    (214, 152, 110),
    (158, 136, 160),
    (236, 226, 208),
    (134, 150, 170),
    (176, 120, 96),
)
ROOFS = ((156, 82, 62), (92, 88, 94), (112, 76, 62), (84, 98, 106))


def draw_row(canvas, dice: Dice, camera: Camera, light: Light, side: int, edge: float, tall: float) -> None:
    """A row of houses whose fronts stand at `edge`; a gap here and there shows a gable wall."""
    fronts = []
    ahead = dice.between(1.0, 5.0)
    while ahead < FAR:
        long = dice.between(6, 13)
        fronts.append((ahead, ahead + long, dice.between(5.5, 14.0) * tall))
        ahead += long + (dice.between(2.5, 7) if dice.chance(0.3) else 0.0)
    for start, stop, height in reversed(fronts):
        _house(canvas, dice, camera, light, side, edge, start, stop, height)


def _house(canvas, dice: Dice, camera: Camera, light: Light, side, edge, start, stop, height) -> None:
    paint, roof, label = dice.one(FRONTS), dice.one(ROOFS), "building"
    facing = 0.85 if side != light.side else 0.15
    texture = dice.one((bricks, planks, None))
    pitched, back = dice.chance(0.55), edge + side * 7.0

    def stones(x, y):
        ahead, up = camera.side(x, y, edge)
        return np.where(ahead < 26, texture(ahead, up) if texture else 256, 256)

    def on_front(z0, z1, up0, up1):
        return [camera.see(edge, up, z) for z, up in ((z0, up0), (z0, up1), (z1, up1), (z1, up0))]

    tint = tint_at(light, start)
    gable = [camera.see(x, up, start) for x, up in ((edge, 0), (edge, height), (back, height), (back, 0))]
    canvas.polygon(gable, tint(paint, 0.45), label)
    if pitched:
        ridge, rise = edge + side * 3.5, height + dice.between(1.8, 3.2)
        canvas.polygon(
            [camera.see(x, up, start) for x, up in ((edge, height), (ridge, rise), (back, height))],
            tint(paint, 0.45),
            label,
        )
        eave = edge - side * 0.35
        canvas.polygon(
            [
                camera.see(x, up, z)
                for x, up, z in (
                    (eave, height - 0.2, start),
                    (ridge, rise, start),
                    (ridge, rise, stop),
                    (eave, height - 0.2, stop),
                )
            ],
            tint(roof, facing),
            label,
        )
    canvas.polygon(on_front(start, stop, 0, height), tint(paint, facing), label, stones if texture else None)
    trim = mix(paint, (250, 246, 236), 0.6) if dice.chance(0.7) else mix(paint, (60, 50, 50), 0.5)
    canvas.polygon(on_front(start, stop, 0, 0.6), tint(mix(paint, (70, 66, 66), 0.5), facing))
    canvas.polygon(on_front(start, stop, height - 0.4, height), tint(trim, facing), label)
    if start > 55:
        return
    bays, floors = max(round((stop - start) / 2.6), 1), max(round((height - 0.8) / 3.0), 1)
    rise, bay = (height - 0.6) / floors, (stop - start) / bays
    door = dice.whole(0, bays - 1)
    wood = dice.one(((120, 66, 50), (56, 84, 82), (74, 66, 96), (140, 110, 70)))
    for floor in range(floors):
        for i in range(bays):
            z0, z1 = start + (i + 0.24) * bay, start + (i + 0.76) * bay
            low, high = floor * rise + 0.95, floor * rise + rise * 0.85
            if floor == 0 and i == door:
                canvas.polygon(on_front(z0 - 0.1, z1 + 0.1, 0.1, high + 0.1), tint(trim, facing))
                canvas.polygon(on_front(z0, z1, 0.1, high), tint(wood, facing))
                canvas.polygon(on_front(z0 + 0.15, z1 - 0.15, high * 0.65, high * 0.92), tint((150, 176, 186), facing))
                continue
            glow = light.lamps and dice.chance(0.55)
            pane = (255, 214, 128) if glow else tint(mix((66, 84, 106), light.zenith, 0.35), facing)
            canvas.polygon(on_front(z0 - 0.12, z1 + 0.12, low - 0.12, high + 0.12), tint(trim, facing))
            canvas.polygon(on_front(z0, z1, low, high), pane)
            if start < 22:
                middle = (z0 + z1) / 2
                canvas.polygon(on_front(middle - 0.05, middle + 0.05, low, high), tint(trim, facing))
                canvas.polygon(on_front(z0, z1, (low + high) / 2 - 0.05, (low + high) / 2 + 0.05), tint(trim, facing))
                canvas.polygon(on_front(z0 - 0.2, z1 + 0.2, low - 0.25, low - 0.1), tint(trim, 1.0))


def draw_cottage(canvas: Canvas, dice: Dice, camera: Camera, across: float, ahead: float, light: Light) -> None:
    """A small house with a pitched roof, its long side to us, and a chimney."""
    paint, roof = (
        dice.one(((236, 226, 206), (206, 130, 100), (226, 200, 150), (190, 196, 196))),
        dice.one(((164, 80, 60), (96, 88, 96), (128, 86, 66))),
    )
    tint, label = tint_at(light, ahead), "building"
    wide, deep, high = dice.between(5, 8), 5.0, dice.between(2.6, 3.4)
    a, b, rise = across - wide / 2, across + wide / 2, high + dice.between(1.7, 2.4)
    for edge, seen in ((b, b < 0), (a, a > 0)):
        if seen:
            gable = [
                camera.see(edge, y, z)
                for y, z in (
                    (0, ahead),
                    (high, ahead),
                    (rise, ahead + deep / 2),
                    (high, ahead + deep),
                    (0, ahead + deep),
                )
            ]
            canvas.polygon(gable, tint(paint, 0.9 if (edge == b) == (light.side > 0) else 0.05), label)
    x = across + wide * 0.25
    canvas.polygon(
        [
            camera.see(x + p, y, ahead + deep * 0.4)
            for p, y in ((0, high), (0, rise + 0.9), (0.7, rise + 0.9), (0.7, high))
        ],
        tint((150, 96, 80), 0.4),
        label,
    )
    canvas.polygon(
        [
            camera.see(p, y, z)
            for p, y, z in (
                (a - 0.3, high - 0.15, ahead - 0.2),
                (a - 0.3, rise, ahead + deep / 2),
                (b + 0.3, rise, ahead + deep / 2),
                (b + 0.3, high - 0.15, ahead - 0.2),
            )
        ],
        tint(roof, 0.75),
        label,
    )
    canvas.polygon(
        [camera.see(p, y, ahead) for p, y in ((a, 0), (a, high - 0.1), (b, high - 0.1), (b, 0))],
        tint(paint, 0.5),
        label,
    )
    pane = (255, 216, 130) if light.lamps else tint((72, 92, 112), 0.5)
    for i, share in enumerate((0.12, 0.42, 0.72)):
        u = a + wide * share
        low = 0.05 if i == 1 else 0.9
        canvas.polygon(
            [
                camera.see(p, y, ahead)
                for p, y in ((u - 0.1, low - 0.05), (u - 0.1, 2.15), (u + 1.1, 2.15), (u + 1.1, low - 0.05))
            ],
            tint((246, 242, 232), 0.6),
        )
        canvas.polygon(
            [camera.see(p, y, ahead) for p, y in ((u, low), (u, 2.05), (u + 1.0, 2.05), (u + 1.0, low))],
            pane if i != 1 else tint((112, 70, 52), 0.5),
        )
