"""Furniture, built in metres and seen through the camera: sofa, table, floor lamp, pendant lamp."""

from __future__ import annotations

from tools.scenes.canvas import CIRCLE, Canvas, Colour, Dice, bright, mix
from tools.scenes.light import Camera, Light

FABRICS = (
    (178, 74, 62),
    (64, 98, 140),
    (92, 128, 96),
    (218, 176, 88),
    (190, 182, 172),
    (116, 84, 122),
    (82, 84, 96),
    (210, 138, 110),
)
WOODS = ((150, 100, 62), (104, 70, 50), (200, 156, 106), (232, 226, 214), (70, 62, 62))
SHADES = ((244, 226, 184), (226, 120, 84), (240, 238, 230), (110, 150, 140), (232, 190, 90))


def draw_box(canvas: Canvas, camera: Camera, x, up, ahead, colour: Colour, label: str, light: Light) -> None:
    """A block with x = (from, to), up = (from, to), ahead = (from, to): its flank, top and front as they are seen."""
    (x0, x1), (y0, y1), (z0, z1) = x, up, ahead
    for edge, seen in ((x1, x1 < 0), (x0, x0 > 0)):
        if seen:
            flank = [camera.see(edge, y, z) for y, z in ((y0, z0), (y1, z0), (y1, z1), (y0, z1))]
            canvas.polygon(flank, light.on(colour, 0.55 if (edge == x1) == (light.side > 0) else 0.05), label)
    if y1 < camera.eye:
        top = [camera.see(p, y1, z) for p, z in ((x0, z0), (x0, z1), (x1, z1), (x1, z0))]
        canvas.polygon(top, light.on(colour, 1.0), label)
    canvas.polygon(
        [camera.see(p, y, z0) for p, y in ((x0, y0), (x0, y1), (x1, y1), (x1, y0))], light.on(colour, 0.4), label
    )


def draw_sofa(
    canvas: Canvas, dice: Dice, camera: Camera, where: str, left: float, right: float, back: float, light: Light
) -> None:
    """A sofa against the back wall or a side wall, with arms, seat cushions and pillows."""
    cloth, pillow = dice.one(FABRICS), dice.one(FABRICS)
    long, tall = dice.between(1.7, 2.3), dice.between(0.78, 0.92)
    if where == "back":
        middle = dice.between(left + long / 2 + 0.15, max(right - long / 2 - 0.15, left + long / 2 + 0.16))
        a, b, near, far = middle - long / 2, middle + long / 2, back - 0.95, back - 0.05
        shadow = [
            camera.see(x, 0, z)
            for x, z in ((a - 0.05, near - 0.12), (b + 0.05, near - 0.12), (b + 0.05, far), (a - 0.05, far))
        ]
        canvas.polygon(shadow, (28, 24, 32), opacity=0.35)
        draw_box(canvas, camera, (a, b), (0.08, tall), (far - 0.25, far), cloth, "sofa", light)
        draw_box(canvas, camera, (a, b), (0.06, 0.3), (near, far - 0.25), mix(cloth, (30, 26, 30), 0.15), "sofa", light)
        half = (b - a - 0.36) / 2
        for start in (a + 0.18, a + 0.18 + half):
            draw_box(
                canvas,
                camera,
                (start + 0.02, start + half - 0.02),
                (0.3, 0.46),
                (near - 0.03, far - 0.25),
                bright(cloth, 1.06),
                "sofa",
                light,
            )
            rest = [
                camera.see(x, y, far - 0.3)
                for x, y in (
                    (start + 0.04, 0.46),
                    (start + half - 0.04, 0.46),
                    (start + half - 0.06, tall - 0.08),
                    (start + 0.06, tall - 0.08),
                )
            ]
            canvas.polygon(rest, light.on(cloth, 0.65))
        for x in (a + 0.36, b - 0.36):
            if dice.chance(0.7):
                soft = [
                    camera.see(x + p * 0.19, 0.64 + q * 0.18, far - 0.36)
                    for p, q in ((-0.9, -1), (0.9, -0.9), (1, 0.9), (-0.8, 1))
                ]
                canvas.polygon(soft, light.on(pillow, 0.7), "sofa")
        for x in ((a, a + 0.18), (b - 0.18, b)):
            draw_box(canvas, camera, x, (0.06, 0.62), (near - 0.02, far - 0.2), cloth, "sofa", light)
        return
    out = 1 if where == "left" else -1
    wall = left + 0.05 if where == "left" else right - 0.05
    near = back - long - 0.5
    far = near + long

    def span(start: float, stop: float) -> tuple[float, float]:
        p, q = wall + out * start, wall + out * stop
        return min(p, q), max(p, q)

    shadow = [
        camera.see(x, 0, z) for x, z in ((wall, near - 0.1), (wall + out, near - 0.1), (wall + out, far), (wall, far))
    ]
    canvas.polygon(shadow, (28, 24, 32), opacity=0.35)
    draw_box(canvas, camera, span(0, 0.92), (0.06, 0.62), (far - 0.18, far), cloth, "sofa", light)
    draw_box(canvas, camera, span(0, 0.25), (0.06, tall), (near, far), cloth, "sofa", light)
    draw_box(canvas, camera, span(0.25, 0.9), (0.06, 0.3), (near, far), mix(cloth, (30, 26, 30), 0.15), "sofa", light)
    half = (far - near - 0.36) / 2
    for start in (near + 0.18 + half, near + 0.18):
        draw_box(
            canvas,
            camera,
            span(0.25, 0.93),
            (0.3, 0.46),
            (start + 0.02, start + half - 0.02),
            bright(cloth, 1.06),
            "sofa",
            light,
        )
    draw_box(canvas, camera, span(0, 0.92), (0.06, 0.62), (near, near + 0.18), cloth, "sofa", light)


def draw_table(
    canvas: Canvas, dice: Dice, camera: Camera, x: float, ahead: float, wide: float, tall: float, light: Light
) -> None:
    """A table on four legs; at times a vase, a bowl or books on it (those are `other`)."""
    wood = dice.one(WOODS)
    half, deep, leg = wide / 2, dice.between(0.5, 0.8), dice.between(0.06, 0.09)
    shadow = [
        camera.see(x + p * half, 0, z)
        for p, z in ((-1, ahead - 0.05), (1, ahead - 0.05), (1, ahead + deep), (-1, ahead + deep))
    ]
    canvas.polygon(shadow, (28, 24, 32), opacity=0.3)
    for z in (ahead + deep - leg, ahead):
        for p in (x - half + 0.03, x + half - 0.03 - leg):
            draw_box(canvas, camera, (p, p + leg), (0, tall), (z, z + leg), bright(wood, 0.9), "table", light)
    draw_box(canvas, camera, (x - half, x + half), (tall - 0.1, tall), (ahead, ahead + deep), wood, "table", light)
    if dice.chance(0.4):
        px, py = camera.see(x + dice.between(-0.5, 0.5) * half, tall, ahead + deep * 0.5)
        metre, colour = camera.metre(ahead + deep * 0.5), light.on(dice.one(FABRICS), 0.7)
        if dice.chance(0.5):
            vase = (
                (-0.05, 0),
                (0.05, 0),
                (0.09, 0.12),
                (0.04, 0.2),
                (0.05, 0.24),
                (-0.05, 0.24),
                (-0.04, 0.2),
                (-0.09, 0.12),
            )
            for stem, bloom in ((-0.09, dice.one(FABRICS)), (0.0, dice.one(FABRICS)), (0.1, dice.one(FABRICS))):
                canvas.stroke(
                    [(px, py - 0.2 * metre), (px + stem * metre, py - 0.42 * metre)],
                    1.2,
                    light.on((84, 130, 72), 0.6),
                    "other",
                )
                canvas.ellipse(
                    px + stem * metre, py - 0.43 * metre, 0.06 * metre, 0.06 * metre, light.on(bloom, 0.9), "other"
                )
            canvas.polygon([(px + a * metre, py - b * metre) for a, b in vase], colour, "other")
        else:
            for i in range(3):
                canvas.box(
                    px - (0.16 - 0.02 * i) * metre,
                    py - 0.05 * (i + 1) * metre,
                    px + 0.15 * metre,
                    py - 0.05 * i * metre,
                    light.on(dice.one(FABRICS), 0.6),
                    "other",
                )


def draw_floor_lamp(canvas: Canvas, dice: Dice, camera: Camera, x: float, ahead: float, light: Light) -> None:
    """A lamp on a stand as tall as a person: foot, thin rod, shade."""
    metre, shade = camera.metre(ahead), dice.one(SHADES)
    px, py = camera.see(x, 0, ahead)
    tall, rod = dice.between(1.45, 1.75) * metre, max(0.045 * metre, 3.0)
    metal = light.on(dice.one(((60, 56, 58), (190, 150, 84), (120, 84, 60))), 0.5)
    canvas.ellipse(px, py, 0.18 * metre, 0.05 * metre, metal, "lamp")
    canvas.stroke([(px, py), (px, py - tall)], rod, metal, "lamp")
    wide, slim, drop = dice.between(0.2, 0.27) * metre, dice.between(0.1, 0.18) * metre, 0.36 * metre
    glow = mix(shade, (255, 240, 190), 0.75) if light.lamps else light.on(shade, 0.8)
    _shade(canvas, px, py - tall - 0.06 * metre, slim, wide, drop, glow, light)


def draw_pendant(
    canvas: Canvas, dice: Dice, camera: Camera, x: float, ahead: float, high: float, drop: float, light: Light
) -> None:
    """A lamp that hangs from the ceiling on a cord."""
    metre, shade = camera.metre(ahead), dice.one(SHADES)
    px, top = camera.see(x, high, ahead)
    py = top + drop * metre
    canvas.stroke([(px, top), (px, py - 0.18 * metre)], 3.0, light.on((56, 52, 54), 0.5), "lamp")
    glow = mix(shade, (255, 240, 190), 0.7) if light.lamps else light.on(shade, 0.7)
    _shade(canvas, px, py - 0.2 * metre, 0.08 * metre, dice.between(0.22, 0.32) * metre, 0.24 * metre, glow, light)


def _shade(
    canvas: Canvas, x: float, y: float, slim: float, wide: float, drop: float, colour: Colour, light: Light
) -> None:
    """A lamp shade, `slim` at the top (y) and `wide` at the bottom, and its glow where it burns."""
    rim = [(x + wide * c, y + drop + wide * 0.16 * s) for c, s in CIRCLE if s >= 0]
    canvas.polygon([(x - slim, y), (x + slim, y), *sorted(rim, reverse=True)], colour, "lamp")
    canvas.polygon(
        [
            (x + slim * 0.3 * light.side, y),
            (x + slim * light.side, y),
            (x + wide * light.side, y + drop),
            (x + wide * 0.45 * light.side, y + drop + wide * 0.12),
        ],
        bright(colour, 1.12),
    )
    if light.lamps:
        for grow, strength in ((3.2, 0.10), (2.0, 0.14)):
            canvas.ellipse(x, y + drop * 0.6, wide * grow, wide * grow, (255, 220, 140), opacity=strength)
