"""What stands in the open: trees, people, street lamps, poles, fences, cars.

Trees, people, lamps and poles are drawn where they stand in the picture: `x`, `y` of the foot and `size`, their height,
all in pixels. Fences and cars have length along the view, so they are built in metres and seen through the camera.
Each takes `tint`, a function from a colour and how it faces the sun to the colour in that light and distance.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from segnext_edu.data.canvas import Canvas, Colour, Dice, Point, mix, turn
from segnext_edu.data.light import Camera, Light
from segnext_edu.data.textures import scatter

Tint = Callable[[Colour, float], Colour]

LEAVES = ((84, 132, 62), (62, 112, 66), (112, 146, 58), (134, 142, 62), (176, 128, 52), (70, 124, 92), (186, 104, 60))
NEEDLES = ((40, 88, 66), (52, 98, 70), (62, 96, 58), (36, 78, 76))
CLOTHES = ((198, 62, 56), (52, 92, 156), (232, 186, 72), (238, 234, 222), (70, 130, 108), (226, 128, 70), (132, 78, 134), (60, 62, 74))
TROUSERS = ((46, 54, 82), (70, 66, 64), (120, 104, 84), (38, 42, 48), (88, 104, 132))
SKIN = ((240, 204, 174), (214, 166, 126), (166, 114, 80), (112, 76, 56))
HAIR = ((52, 38, 32), (98, 64, 40), (196, 154, 92), (40, 36, 40), (150, 148, 146))
PAINTS = ((196, 50, 46), (46, 88, 152), (238, 238, 232), (58, 62, 68), (232, 182, 60), (88, 140, 120), (170, 174, 178), (120, 50, 62))


def tint_at(light: Light, distance: float) -> Tint:
    return lambda colour, facing=0.5: light.far(light.on(colour, facing), distance)


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
            lit = [(x, top), (x + side * half, foot), (x + side * half * 0.45, foot + drop), (x + side * half * 0.12, foot)]
            canvas.polygon(lit, tint(colour, 0.8), "tree", flecks)
        return
    colour = dice.one(LEAVES)
    bark = dice.one(((98, 76, 60), (122, 98, 78), (210, 204, 192)))
    canvas.stroke([(x, y), (x, y - size * 0.55)], (size * 0.085, size * 0.05), tint(bark, 0.3), "tree")
    canvas.stroke([(x + side * size * 0.018, y), (x + side * size * 0.012, y - size * 0.5)], size * 0.022, tint(bark, 0.9))
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
        canvas.stroke([at(leg * 0.045, 0.5), at(leg * (step + 0.05) / 2, 0.26), foot], (size * 0.10, size * 0.065), tint(colour, facing), label)
        canvas.stroke([(foot[0] - size * 0.03, foot[1] - size * 0.012), (foot[0] + size * 0.06, foot[1] - size * 0.012)], size * 0.035, tint((44, 38, 36), 0.4), label)
    for arm in (-1, 1):
        hand = at(arm * dice.between(0.15, 0.2), 0.46)
        canvas.stroke([at(arm * 0.12, 0.8), at(arm * 0.17, 0.62), hand], size * 0.06, tint(top, 0.35 + 0.3 * (arm == side)), label)
        canvas.ellipse(*hand, size * 0.03, size * 0.03, tint(skin, 0.5), label)
        if bag and arm == 1:
            canvas.box(hand[0] - size * 0.06, hand[1], hand[0] + size * 0.06, hand[1] + size * 0.15, tint((150, 96, 60), 0.5), label)
    hem, flare = (0.3, 0.16) if skirt else (0.46, 0.105)
    body = [at(-0.135, 0.815), at(-0.06, 0.845), at(0.06, 0.845), at(0.135, 0.815), at(0.1, 0.6), at(flare, hem), at(-flare, hem), at(-0.1, 0.6)]
    canvas.polygon(body, tint(top, 0.5), label)
    canvas.polygon([at(side * 0.135, 0.815), at(side * 0.04, 0.84), at(side * 0.03, hem), at(side * flare, hem), at(side * 0.1, 0.6)], tint(top, 0.95), label)
    canvas.box(x - size * 0.03, y - size * 0.89, x + size * 0.03, y - size * 0.83, tint(skin, 0.3), label)
    canvas.ellipse(x, y - size * 0.925, size * 0.068, size * 0.08, tint(skin, 0.7), label)
    cap = [at(c * 0.072 / build, 0.94 + max(s, -0.15) * 0.075) for c, s in (turn(i / 16) for i in range(16))]
    canvas.polygon(cap, tint(hair, 0.5), label)


def draw_streetlight(canvas: Canvas, x: float, y: float, size: float, style: str, reach: float, tint: Tint, lit: bool) -> None:
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
        canvas.polygon([(end - half, high), (end - half * 0.6, high - drop), (end + half * 0.6, high - drop), (end + half, high)], tint(iron, 0.6), label)
        canvas.polygon([(end - half * 0.9, high), (end + half * 0.9, high), (end + half * 0.6, high + drop * 0.9), (end - half * 0.6, high + drop * 0.9)], glass, label)
        glow = (end, high + drop)
    else:
        canvas.stroke([(x, y - size * 0.08), (x, y - size * 0.8)], (width * 1.15, width), tint(iron, 0.5), label)
        canvas.box(x - size * 0.07, y - size * 0.735, x + size * 0.07, y - size * 0.715, tint(iron, 0.4), label)
        canvas.polygon([(x - size * 0.045, y - size * 0.8), (x + size * 0.045, y - size * 0.8), (x + size * 0.08, y - size * 0.94), (x - size * 0.08, y - size * 0.94)], glass, label)
        canvas.polygon([(x - size * 0.1, y - size * 0.935), (x + size * 0.1, y - size * 0.935), (x + size * 0.02, y - size), (x - size * 0.02, y - size)], tint(iron, 0.6), label)
        glow = (x, y - size * 0.87)
    canvas.stroke([(x + width * 0.2, y - size * 0.12), (x + width * 0.2, y - size * 0.7)], width * 0.3, tint((150, 160, 160), 0.9))
    if lit:
        for radius, strength in ((0.26, 0.12), (0.15, 0.2)):
            canvas.ellipse(*glow, size * radius, size * radius, (255, 214, 130), opacity=strength)


def draw_pole(canvas: Canvas, x: float, y: float, size: float, tint: Tint, side: int, slope: float = 0.0) -> list[Point]:
    """A wooden pole with two cross-arms; gives the ends of the upper one, where the wires hang."""
    label, width = "pole", max(size * 0.042, 3.2)
    wood = (138, 102, 72)
    canvas.stroke([(x, y), (x, y - size)], (width * 1.15, width * 0.85), tint(wood, 0.3), label)
    canvas.stroke([(x + side * width * 0.25, y), (x + side * width * 0.22, y - size)], width * 0.32, tint(wood, 1.0))
    half, ends = size * 0.17, []
    for up, share in ((0.80, 0.75), (0.92, 1.0)):
        arm = [(x - half * share, y - size * up - slope * half * share), (x + half * share, y - size * up + slope * half * share)]
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
            edge = [at(a, height * low), at(a, height * (low + 0.05)), at(b, height * (low + 0.05)), at(b, height * low)]
            canvas.polygon(edge, seen(paint, b, 0.1))
    for i in range(parts + 1):
        share = i / parts
        x, y = at(share, 0)
        top = at(share, height * 1.05)[1]
        wide = max((y - top) * 0.085, 1.6)
        canvas.box(x - wide, top, x + wide, y, seen(paint, share, 0.35), "fence")
        canvas.box(x, top, x + light.side * wide, y, seen(paint, share, 0.95))


PROFILE = ((0.0, 0.25), (0.0, 0.78), (0.12, 0.9), (0.55, 0.95), (1.0, 1.45), (2.5, 1.47), (3.15, 0.98), (4.1, 0.82), (4.2, 0.5), (4.2, 0.25))
"""A car from the side: (metres from its rear end, metres above the ground)."""


def draw_car(canvas: Canvas, dice: Dice, camera: Camera, across: float, ahead: float, light: Light, oncoming: bool) -> None:
    """A car that stands `across` metres to the right, its nearer end `ahead` metres away."""
    paint, half, tall = dice.one(PAINTS), 0.92, dice.between(0.95, 1.15)
    van = dice.chance(0.25)
    outline = [(0.0, 0.25), (0.0, 0.9), (0.25, 1.75), (3.2, 1.78), (3.9, 1.05), (4.5, 0.9), (4.5, 0.25)] if van else list(PROFILE)
    length = outline[-1][0]
    if oncoming:
        outline = [(length - z, up) for z, up in reversed(outline)]

    def at(x: float, z: float, up: float) -> Point:
        return camera.see(across + x, up * tall, ahead + z)

    def seen(colour: Colour, facing: float) -> Colour:
        return light.far(light.on(colour, facing), ahead)

    shadow = [at(-half * 1.08, -0.15, 0), at(half * 1.08, -0.15, 0), at(half * 1.08, length, 0), at(-half * 1.08, length, 0)]
    canvas.polygon(shadow, (24, 26, 34), opacity=0.55)
    tyre, near = (38, 38, 42), -1 if across > 0 else 1
    for z in (length - 0.85, 0.85):
        for x in (-half * near * 0.9, half * near * 0.9):
            wheel = [at(x, z + c * 0.36, 0.34 + s * 0.34) for c, s in (turn(i / 12) for i in range(12))]
            canvas.polygon(wheel, seen(tyre, 0.3), "car")
    glass = (70, 92, 110) if not light.lamps else (52, 60, 86)
    order = sorted(range(len(outline) - 1), key=lambda i: -(outline[i][0] + outline[i + 1][0]))
    for i in order:  # strips across the car, the far ones first
        (za, ua), (zb, ub) = outline[i], outline[i + 1]
        if za > zb:
            continue
        steep = abs(ub - ua) / (abs(zb - za) + abs(ub - ua) + 1e-6)
        face = [at(-half, za, ua), at(half, za, ua), at(half, zb, ub), at(-half, zb, ub)]
        canvas.polygon(face, seen(paint, 0.95 - 0.55 * steep), "car")
    if abs(camera.see(across, 0, ahead)[0] - camera.x) > camera.metre(ahead) * half:  # one flank is in view
        flank = [at(near * half, z, up) for z, up in outline]
        canvas.polygon(flank, seen(paint, 0.75 if near == light.side else 0.2), "car")
        roof = max(up for _, up in outline)
        cabin = [(z, up) for z, up in outline if up > 0.92]
        first, last = min(z for z, _ in cabin), max(z for z, _ in cabin)
        up_first = min(z for z, up in outline if up > roof * 0.95)
        up_last = max(z for z, up in outline if up > roof * 0.95)
        sill, head = 1.0, roof - 0.1
        pane = [(first + 0.25, sill), (up_first + 0.1, head), (up_last - 0.05, head), (last - 0.3, sill)]
        canvas.polygon([at(near * half, z, up) for z, up in pane], seen(glass, 0.5))
        middle = (first + last) / 2
        canvas.polygon([at(near * half, middle - 0.06, sill), at(near * half, middle - 0.06, head), at(near * half, middle + 0.06, head), at(near * half, middle + 0.06, sill)], seen(paint, 0.4))
        for z in (length - 0.85, 0.85):
            for radius, colour in ((0.36, tyre), (0.2, (176, 180, 184))):
                wheel = [at(near * half, z + c * radius, 0.34 + s * radius) for c, s in (turn(i / 12) for i in range(12))]
                canvas.polygon(wheel, seen(colour, 0.5), "car")
    ends = [(z, up) for z, up in outline if up > 0.85]
    ends.sort()
    (za, ua), (zb, ub) = (ends[0], next(e for e in ends if e[1] > 1.4))
    share = 0.1

    def slope(t: float) -> tuple[float, float]:
        return za + (zb - za) * t, ua + (ub - ua) * t

    low, high = slope(share + (0.35 if not van and not oncoming else 0.1)), slope(0.93)
    canvas.polygon([at(-half * 0.86, *low), at(half * 0.86, *low), at(half * 0.76, *high), at(-half * 0.76, *high)], seen(glass, 0.7))
    lamp = (255, 246, 208) if oncoming else (206, 36, 34)
    for x in (-1, 1):
        corner = [at(x * half * 0.95, 0, 0.6), at(x * half * 0.62, 0, 0.6), at(x * half * 0.62, 0, 0.76), at(x * half * 0.95, 0, 0.76)]
        canvas.polygon(corner, lamp if light.lamps or oncoming else seen(lamp, 0.8))
    canvas.polygon([at(-0.26, 0, 0.4), at(0.26, 0, 0.4), at(0.26, 0, 0.54), at(-0.26, 0, 0.54)], seen(mix(paint, (240, 240, 230), 0.85), 0.5))


def cast_shadow(canvas: Canvas, x: float, y: float, size: float, width: float, light: Light) -> None:
    """The shadow an upright thing throws on the ground, away from the sun; none under a closed sky."""
    if light.sun[0] > 0.3:
        tip = x - light.side * size * 0.55
        points = [(x - width / 2, y), (x + width / 2, y), (tip + width / 2, y + size * 0.09), (tip - width / 2, y + size * 0.09)]
        canvas.polygon(points, (30, 30, 52), opacity=0.3)
