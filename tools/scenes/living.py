"""Trees and people.

They are drawn where they stand in the picture: `x`, `y` of the foot and `size`, their height, all in pixels. `tint`
turns a colour, and how it faces the sun, into what is seen of it in that light and at that distance.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tools.scenes.canvas import Canvas, Colour, Dice, Point, turn
from tools.scenes.light import Light
from tools.scenes.textures import scatter

Tint = Callable[[Colour, float], Colour]

LEAVES = ((84, 132, 62), (62, 112, 66), (112, 146, 58), (134, 142, 62), (176, 128, 52), (70, 124, 92), (186, 104, 60))
NEEDLES = ((40, 88, 66), (52, 98, 70), (62, 96, 58), (36, 78, 76))
CLOTHES = (
    (198, 62, 56),
    (52, 92, 156),
    (232, 186, 72),
    (238, 234, 222),
    (70, 130, 108),
    (226, 128, 70),
    (132, 78, 134),
    (60, 62, 74),
)
TROUSERS = ((46, 54, 82), (70, 66, 64), (120, 104, 84), (38, 42, 48), (88, 104, 132))
SKIN = ((240, 204, 174), (214, 166, 126), (166, 114, 80), (112, 76, 56))
HAIR = ((52, 38, 32), (98, 64, 40), (196, 154, 92), (40, 36, 40), (150, 148, 146))


def tint_at(light: Light, distance: float) -> Tint:
    return lambda colour, facing=0.5: light.far(light.on(colour, facing), distance)


def cast_shadow(canvas: Canvas, x: float, y: float, size: float, width: float, light: Light) -> None:
    """The shadow an upright thing throws on the ground, away from the sun; none under a closed sky."""
    if light.sun[0] > 0.3:
        tip = x - light.side * size * 0.55
        points = [
            (x - width / 2, y),
            (x + width / 2, y),
            (tip + width / 2, y + size * 0.09),
            (tip - width / 2, y + size * 0.09),
        ]
        canvas.polygon(points, (30, 30, 52), opacity=0.3)


def foliage(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Leaves: small flecks, darker and lighter."""
    kind = scatter(np.floor(x * 0.5), np.floor(y * 0.6), 7)
    return 256 + 26 * ((kind == 0).astype(np.int64) - (kind == 1))


def draw_tree(canvas: Canvas, dice: Dice, x: float, y: float, size: float, kind: str, tint: Tint, side: int) -> None:
    """A `round` tree, a `pine` or a `poplar`, lit from the sun's side."""
    flecks = foliage if size > 40 else None
    if kind == "pine":
        colour = dice.one(NEEDLES)
        canvas.stroke([(x, y), (x, y - size * 0.3)], size * 0.07, tint((96, 70, 52), 0.4), "tree")
        tiers = 4 if size > 30 else 3
        for tier in range(tiers):
            foot, top = y - size * (0.12 + 0.2 * tier), y - size * (0.5 + 0.5 * tier / (tiers - 1))
            half = size * (0.27 - 0.19 * tier / tiers)
            drop = size * 0.03
            left = [(x - half, foot), (x - half * 0.45, foot + drop), (x - half * 0.05, foot)]
            right = [(x + half * 0.45, foot + drop), (x + half, foot)]
            canvas.polygon([(x, top), *left, *right], tint(colour, 0.25), "tree", flecks)
            lit = [
                (x, top),
                (x + side * half, foot),
                (x + side * half * 0.45, foot + drop),
                (x + side * half * 0.12, foot),
            ]
            canvas.polygon(lit, tint(colour, 0.8), "tree", flecks)
        return
    colour = dice.one(LEAVES)
    bark = dice.one(((98, 76, 60), (122, 98, 78), (210, 204, 192)))
    canvas.stroke([(x, y), (x, y - size * 0.55)], (size * 0.085, size * 0.05), tint(bark, 0.3), "tree")
    canvas.stroke(
        [(x + side * size * 0.018, y), (x + side * size * 0.012, y - size * 0.5)], size * 0.022, tint(bark, 0.9)
    )
    if kind == "poplar":
        blobs = [(0.0, 0.3 + 0.16 * i, (0.10, 0.135, 0.125, 0.10, 0.06)[i], 0.14) for i in range(5)]
    else:
        blobs = [(0.0, 0.64, 0.25, 0.22)]
        for i in range(6):
            c, s = turn(i / 6 + dice.between(0, 0.08))
            blobs.append((c * 0.19, 0.66 + s * 0.17, dice.between(0.13, 0.18), dice.between(0.12, 0.16)))
    for facing, shrink, shift in ((0.1, 1.0, 0.0), (0.55, 0.8, 0.05), (0.95, 0.45, 0.10)):
        for across, up, rx, ry in blobs:
            centre = x + (across + side * shift * rx * 4) * size
            outline = []
            for i in range(14):
                c, s = turn(i / 14)
                reach = shrink * dice.between(0.88, 1.08) * size
                outline.append((centre + c * rx * reach, y - (up + shift * 0.5) * size + s * ry * reach))
            canvas.polygon(outline, tint(colour, facing), "tree", flecks)


def draw_person(canvas: Canvas, dice: Dice, x: float, y: float, size: float, tint: Tint, side: int) -> None:
    """Somebody standing or walking; a dress, a coat, a bag, hair by chance."""
    top, legs = dice.one(CLOTHES), dice.one(TROUSERS)
    skin, hair = dice.one(SKIN), dice.one(HAIR)
    step, build, label = dice.between(0.02, 0.13), dice.between(0.9, 1.15), "person"
    skirt, bag = dice.chance(0.3), dice.chance(0.3)

    def at(across: float, up: float) -> Point:
        return x + across * size * build, y - up * size

    for leg, facing in ((-1, 0.3), (1, 0.6)):
        foot = at(leg * step, 0.01)
        colour = skin if skirt else legs
        canvas.stroke(
            [at(leg * 0.045, 0.5), at(leg * (step + 0.05) / 2, 0.26), foot],
            (size * 0.10, size * 0.065),
            tint(colour, facing),
            label,
        )
        canvas.stroke(
            [(foot[0] - size * 0.03, foot[1] - size * 0.012), (foot[0] + size * 0.06, foot[1] - size * 0.012)],
            size * 0.035,
            tint((44, 38, 36), 0.4),
            label,
        )
    for arm in (-1, 1):
        hand = at(arm * dice.between(0.15, 0.2), 0.46)
        canvas.stroke(
            [at(arm * 0.12, 0.8), at(arm * 0.17, 0.62), hand], size * 0.06, tint(top, 0.35 + 0.3 * (arm == side)), label
        )
        canvas.ellipse(*hand, size * 0.03, size * 0.03, tint(skin, 0.5), label)
        if bag and arm == 1:
            canvas.box(
                hand[0] - size * 0.06,
                hand[1],
                hand[0] + size * 0.06,
                hand[1] + size * 0.15,
                tint((150, 96, 60), 0.5),
                label,
            )
    hem, flare = (0.3, 0.16) if skirt else (0.46, 0.105)
    body = [
        at(-0.135, 0.815),
        at(-0.06, 0.845),
        at(0.06, 0.845),
        at(0.135, 0.815),
        at(0.1, 0.6),
        at(flare, hem),
        at(-flare, hem),
        at(-0.1, 0.6),
    ]
    canvas.polygon(body, tint(top, 0.5), label)
    canvas.polygon(
        [
            at(side * 0.135, 0.815),
            at(side * 0.04, 0.84),
            at(side * 0.03, hem),
            at(side * flare, hem),
            at(side * 0.1, 0.6),
        ],
        tint(top, 0.95),
        label,
    )
    canvas.box(x - size * 0.03, y - size * 0.89, x + size * 0.03, y - size * 0.83, tint(skin, 0.3), label)
    canvas.ellipse(x, y - size * 0.925, size * 0.068, size * 0.08, tint(skin, 0.7), label)
    cap = [at(c * 0.072 / build, 0.94 + max(s, -0.15) * 0.075) for c, s in (turn(i / 16) for i in range(16))]
    canvas.polygon(cap, tint(hair, 0.5), label)
