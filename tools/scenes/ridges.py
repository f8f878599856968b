"""Mountain ridges: overlapping peaks with a lit and a shaded face, snow on the tops, paler with distance."""

from __future__ import annotations

from tools.scenes.canvas import Canvas, Colour, Dice, Point, mix
from tools.scenes.light import Light

ROCK = ((104, 106, 128), (136, 114, 104), (92, 110, 124), (142, 126, 118), (116, 98, 118), (112, 116, 104))
DOWN = (0.0, 0.1, 0.2, 0.32, 0.45, 0.6, 0.8, 1.0)  # the stations along a slope, as shares of its height


def skyline(dice: Dice, width: float, points: int, rough: float) -> list[Point]:
    """A rolling line made by halving: (x from 0 to `width`, height from 0 to about 1)."""
    heights = [dice.between(0.3, 0.8), dice.between(0.3, 0.8)]
    spread = rough
    while len(heights) < points:
        grown = []
        for a, b in zip(heights, heights[1:], strict=False):
            grown += [a, (a + b) / 2 + dice.between(-spread, spread)]
        heights = [*grown, heights[-1]]
        spread *= 0.52
    return [(width * i / (len(heights) - 1), max(h, 0.08)) for i, h in enumerate(heights)]


def draw_ridge(canvas: Canvas, dice: Dice, light: Light, foot: float, height: float, haze: float) -> None:
    """Mountains from the line y = `foot` up to about `height` pixels; `haze` from 0 (near) to 1 (gone)."""
    rock = dice.one(ROCK)

    def seen(colour: Colour, facing: float) -> Colour:
        return mix(light.on(colour, facing), light.haze, haze)

    snowy, count = dice.chance(0.65), dice.whole(4, 7)
    low = [(x, foot - height * 0.3 * h) for x, h in skyline(dice, canvas.width, 16, 0.4)]
    canvas.polygon([(0, foot), *low, (canvas.width, foot)], seen(rock, 0.3), "mountain")
    for i in range(count):
        x = canvas.width * (i + dice.between(0.0, 1.0)) / count
        tall = height * dice.between(0.45, 1.0)
        snow = dice.whole(3, 5) if snowy and tall > height * 0.6 else 0
        _peak(canvas, dice, light.side, (x, foot - tall), tall, snow, seen(rock, 0.1), seen(rock, 1.0), seen)


def _peak(
    canvas: Canvas, dice: Dice, side: int, top: Point, tall: float, snow: int, dark: Colour, lit: Colour, seen
) -> None:
    """One peak: its two slopes and the crest between them are jagged lines with the stations `DOWN`."""
    x, y = top
    slopes = {}
    for hand in (-1, 1):
        run = tall * dice.between(1.0, 1.7)
        slopes[hand] = [(x + hand * run * t * dice.between(0.88, 1.14), y + tall * t) for t in DOWN]
    lean = dice.between(-0.15, 0.25)
    crest = [
        (x - side * tall * t * (lean + (0.16 if k % 2 else -0.08) * dice.between(0.5, 1.2)), y + tall * t)
        for k, t in enumerate(DOWN)
    ]
    canvas.polygon([*slopes[-1], *reversed(slopes[1])], dark, "mountain")
    canvas.polygon([*slopes[side], *reversed(crest)], lit, "mountain")
    gully = [
        (a[0] + (b[0] - a[0]) * s, a[1])
        for a, b, s in zip(crest, slopes[side], (0, 0.2, 0.5, 0.35, 0.6, 0.45, 0.7, 0.5), strict=True)
    ]
    canvas.polygon([*gully[2:], *reversed([(a + side * tall * 0.1, b) for a, b in gully[4:]])], mix(lit, dark, 0.45))
    if snow:
        for hand, colour in ((side, seen((252, 252, 255), 0.9)), (-side, seen((186, 202, 230), 0.6))):
            edge, inner = slopes[hand][: snow + 1], crest[: snow + 1]
            (ax, ay), (bx, by) = edge[-1], inner[-1]
            hem = [
                (ax + (bx - ax) * t, ay + tall * drop)
                for t, drop in ((0.2, 0.05), (0.4, -0.06), (0.62, 0.07), (0.8, -0.03))
            ]
            canvas.polygon([*edge, *hem, (bx, by + tall * 0.03), *reversed(inner)], colour)
