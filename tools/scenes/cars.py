"""Cars: a side view in metres, as broad as a car is, seen through the camera."""

from __future__ import annotations

from tools.scenes.canvas import Canvas, Colour, Dice, Point, mix, turn
from tools.scenes.light import Camera, Light

PAINTS = (
    (196, 50, 46),
    (46, 88, 152),
    (238, 238, 232),
    (58, 62, 68),
    (232, 182, 60),
    (88, 140, 120),
    (170, 174, 178),
    (120, 50, 62),
)
# A car from the side: (metres from its rear end, metres above the ground).
PROFILE = (
    (0.0, 0.25),
    (0.0, 0.78),
    (0.12, 0.9),
    (0.55, 0.95),
    (1.0, 1.45),
    (2.5, 1.47),
    (3.15, 0.98),
    (4.1, 0.82),
    (4.2, 0.5),
    (4.2, 0.25),
)


def draw_car(
    canvas: Canvas, dice: Dice, camera: Camera, across: float, ahead: float, light: Light, oncoming: bool
) -> None:
    """A car that stands `across` metres to the right, its nearer end `ahead` metres away."""
    paint, half, tall = dice.one(PAINTS), 0.92, dice.between(0.95, 1.15)
    van = dice.chance(0.25)
    outline = (
        [(0.0, 0.25), (0.0, 0.9), (0.25, 1.75), (3.2, 1.78), (3.9, 1.05), (4.5, 0.9), (4.5, 0.25)]
        if van
        else list(PROFILE)
    )
    length = outline[-1][0]
    if oncoming:
        outline = [(length - z, up) for z, up in reversed(outline)]

    def at(x: float, z: float, up: float) -> Point:
        return camera.see(across + x, up * tall, ahead + z)

    def seen(colour: Colour, facing: float) -> Colour:
        return light.far(light.on(colour, facing), ahead)

    shadow = [
        at(-half * 1.08, -0.15, 0),
        at(half * 1.08, -0.15, 0),
        at(half * 1.08, length, 0),
        at(-half * 1.08, length, 0),
    ]
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
        canvas.polygon(
            [
                at(near * half, middle - 0.06, sill),
                at(near * half, middle - 0.06, head),
                at(near * half, middle + 0.06, head),
                at(near * half, middle + 0.06, sill),
            ],
            seen(paint, 0.4),
        )
        for z in (length - 0.85, 0.85):
            for radius, colour in ((0.36, tyre), (0.2, (176, 180, 184))):
                wheel = [
                    at(near * half, z + c * radius, 0.34 + s * radius) for c, s in (turn(i / 12) for i in range(12))
                ]
                canvas.polygon(wheel, seen(colour, 0.5), "car")
    ends = [(z, up) for z, up in outline if up > 0.85]
    ends.sort()
    (za, ua), (zb, ub) = (ends[0], next(e for e in ends if e[1] > 1.4))
    share = 0.1

    def slope(t: float) -> tuple[float, float]:
        return za + (zb - za) * t, ua + (ub - ua) * t

    low, high = slope(share + (0.35 if not van and not oncoming else 0.1)), slope(0.93)
    canvas.polygon(
        [at(-half * 0.86, *low), at(half * 0.86, *low), at(half * 0.76, *high), at(-half * 0.76, *high)],
        seen(glass, 0.7),
    )
    lamp = (255, 246, 208) if oncoming else (206, 36, 34)
    for x in (-1, 1):
        corner = [
            at(x * half * 0.95, 0, 0.6),
            at(x * half * 0.62, 0, 0.6),
            at(x * half * 0.62, 0, 0.76),
            at(x * half * 0.95, 0, 0.76),
        ]
        canvas.polygon(corner, lamp if light.lamps or oncoming else seen(lamp, 0.8))
    canvas.polygon(
        [at(-0.26, 0, 0.4), at(0.26, 0, 0.4), at(0.26, 0, 0.54), at(-0.26, 0, 0.54)],
        seen(mix(paint, (240, 240, 230), 0.85), 0.5),
    )
