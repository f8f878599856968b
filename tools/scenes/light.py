"""Light and air: the time of day, what it does to a colour, haze with distance, the sky, and the camera."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tools.scenes.canvas import LABELS, SCALE, Canvas, Colour, Dice, Point, bright, mix
from tools.scenes.textures import plateau


@dataclass(frozen=True)
class Light:
    """A time of day. `sun` and `shade` are factors on red, green, blue: what the sun adds, what there is without it."""

    zenith: Colour
    horizon: Colour
    haze: Colour
    sun: tuple[float, float, float]
    shade: tuple[float, float, float]
    lamps: bool = False
    side: int = 1  # the sun stands to the right (1) or to the left (-1)

    def on(self, colour: Colour, facing: float = 0.5) -> Colour:
        """A surface of this colour in this light; `facing` is 1 towards the sun, 0 away from it."""
        red, green, blue = (
            min(round(c * (ambient + facing * sun)), 255)
            for c, ambient, sun in zip(colour, self.shade, self.sun, strict=True)
        )
        return red, green, blue

    def far(self, colour: Colour, distance: float, reach: float = 160.0) -> Colour:
        """The same seen through `distance` metres of air: half of it is haze at `reach`."""
        return mix(colour, self.haze, distance / (distance + reach))


TIMES = {
    "morning": Light((118, 168, 214), (252, 226, 196), (222, 214, 210), (0.46, 0.38, 0.24), (0.60, 0.64, 0.72)),
    "noon": Light((58, 130, 210), (186, 222, 244), (196, 218, 236), (0.46, 0.44, 0.38), (0.60, 0.63, 0.70)),
    "evening": Light((92, 120, 176), (255, 200, 124), (240, 196, 158), (0.62, 0.40, 0.14), (0.52, 0.48, 0.56)),
    "grey": Light((148, 158, 170), (212, 216, 216), (204, 208, 210), (0.14, 0.14, 0.12), (0.78, 0.80, 0.82)),
    "dusk": Light((44, 52, 104), (238, 142, 120), (146, 108, 132), (0.14, 0.08, 0.08), (0.50, 0.48, 0.64), lamps=True),
}


def time_of_day(dice: Dice) -> Light:
    light = TIMES[dice.one(("morning", "morning", "noon", "noon", "noon", "evening", "evening", "grey", "dusk"))]
    return replace(light, side=dice.one((-1, 1)))


@dataclass(frozen=True)
class Camera:
    """A pinhole at (0, eye, 0) that looks along +Z: `x` and `y` of the vanishing point, `focal` in pixels."""

    x: float
    y: float
    focal: float
    eye: float

    def see(self, across: float, up: float, ahead: float) -> Point:
        """Where a point in metres (right of the camera, above the ground, in front of it) lands, in pixels."""
        ahead = max(ahead, 0.2)
        return self.x + self.focal * across / ahead, self.y + self.focal * (self.eye - up) / ahead

    def metre(self, ahead: float) -> float:
        """How many pixels a metre takes at this distance."""
        return self.focal / ahead

    def ground(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixels below the horizon -> (across, ahead) on the ground, in metres."""
        ahead = self.focal * self.eye / np.maximum(y - self.y, 0.3)
        return (x - self.x) * ahead / self.focal, ahead

    def side(self, x: np.ndarray, y: np.ndarray, across: float) -> tuple[np.ndarray, np.ndarray]:
        """Pixels -> (ahead, up) on the upright plane `across` metres to the right, in metres."""
        away = x - self.x
        away = np.where(np.abs(away) < 0.5, 0.5, np.abs(away))
        ahead = self.focal * abs(across) / away
        return ahead, self.eye - (y - self.y) * ahead / self.focal


def draw_sky(canvas: Canvas, dice: Dice, light: Light, horizon: float) -> None:
    """Bands of colour from zenith to horizon, warmer around the sun, and clouds in flat painted layers."""
    bands = 20
    height, width = canvas.labels.shape
    y = (np.arange(height) + 0.5)[:, None] / (SCALE * max(horizon, 1.0))
    sun_x = dice.between(0.55, 0.9) if light.side > 0 else dice.between(0.1, 0.45)
    sun_y = dice.between(0.25, 0.75)
    dx = ((np.arange(width) + 0.5)[None, :] / width - sun_x) * (canvas.width / max(horizon, 1.0))
    near = np.sqrt(dx * dx + (y - sun_y) * (y - sun_y))
    place = y * 0.85 + np.maximum(0.45 - near * 0.5, 0.0) * (0.3 if light.sun[0] < 0.2 else 1.0)
    band = np.clip(np.floor(place * bands), 0, bands - 1).astype(np.int64)
    colours = np.array([mix(light.zenith, light.horizon, i / (bands - 1)) for i in range(bands)], np.uint8)
    canvas.planes[:] = colours[band].transpose(2, 0, 1)
    canvas.labels[:] = LABELS["sky"]
    radius = dice.between(5, 9)
    if light.sun[0] > 0.3 and dice.chance(0.6):
        x, top = sun_x * canvas.width, sun_y * horizon
        canvas.ellipse(x, top, radius * 1.9, radius * 1.9, (255, 244, 214), opacity=0.3)
        canvas.ellipse(x, top, radius, radius, (255, 250, 230))
    if light.lamps:
        for _ in range(25):
            x, top = dice.between(0, canvas.width), dice.between(0, horizon * 0.5)
            canvas.ellipse(x, top, 0.6, 0.6, (240, 236, 220), opacity=0.8)
        canvas.ellipse(sun_x * canvas.width, sun_y * horizon * 0.5, radius, radius, (246, 240, 222))
    if light.sun[0] < 0.2 and not light.lamps:
        _overcast(canvas, dice, light)
    else:
        for _ in range(dice.whole(1, 4)):
            x, top, size = dice.between(-20, canvas.width + 20), dice.between(0.08, 0.8) * horizon, dice.between(12, 34)
            _cloud(canvas, dice, light, x, top, size)


def _overcast(canvas: Canvas, dice: Dice, light: Light) -> None:
    """A closed cover of cloud, in four tones."""
    height, width = canvas.labels.shape
    grid = np.array([[dice.between(0, 1) for _ in range(6)] for _ in range(12)])
    tone = np.floor(plateau(grid, height, width) * 4).astype(np.int64) * 7 - 14
    canvas.planes[:] = np.clip(canvas.planes.astype(np.int64) + tone, 0, 255)


def _cloud(canvas: Canvas, dice: Dice, light: Light, x: float, y: float, size: float) -> None:
    """A heap of puffs on a flat base: shadow first, then body, then the side towards the sun."""
    body = mix(light.horizon, (255, 255, 255), 0.15 if light.lamps else 0.65)
    puffs = [
        (x + dice.between(-1.3, 1.3) * size, y - dice.between(0.0, 0.35) * size, dice.between(0.35, 0.7) * size)
        for _ in range(dice.whole(4, 7))
    ]
    lit = light.side * size * 0.08
    for colour, shift, grow in ((mix(body, light.zenith, 0.35), 0.0, 1.0), (body, lit, 0.86)):
        canvas.ellipse(x + shift, y, size * 1.9 * grow, size * 0.3 * grow, colour)
        for px, py, radius in puffs:
            canvas.ellipse(px + shift, py - (1 - grow) * radius, radius * grow, radius * 0.72 * grow, colour)
    top = mix(body, bright(light.horizon, 1.15), 0.5)
    for px, py, radius in puffs:
        canvas.ellipse(px + lit * 2, py - radius * 0.2, radius * 0.55, radius * 0.36, top)
