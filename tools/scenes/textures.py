"""Surfaces: bricks, planks, tiles, speckles, ripples, as brightness over a surface's own coordinates.

Each takes `u` and `v` (metres on the surface, arrays) and gives brightness in 1/256 (256 = as it is). Brightness is the
same in the three colour channels and takes few values, which is what keeps the lossless files small.
"""

from __future__ import annotations

import numpy as np


def scatter(i: np.ndarray, j: np.ndarray, kinds: int) -> np.ndarray:
    """A fixed pseudo-random number in 0..kinds-1 for every pair of integers (wrapping 32-bit arithmetic)."""
    mixed = i.astype(np.int64) * 374761393 + j.astype(np.int64) * 668265263
    mixed = (mixed & 0xFFFFFFFF) ^ ((mixed & 0xFFFFFFFF) >> 13)
    mixed = (mixed * 1274126177) & 0xFFFFFFFF
    return (mixed ^ (mixed >> 16)) % kinds


def cells(u: np.ndarray, size: float) -> tuple[np.ndarray, np.ndarray]:
    """Which cell of a ruler a coordinate lies in, and where within it (0..1)."""
    scaled = u / size
    index = np.floor(scaled)
    return index, scaled - index


def bricks(u: np.ndarray, v: np.ndarray, width: float = 0.5, height: float = 0.22, depth: int = 34) -> np.ndarray:
    """Courses of bricks, each second one shifted by half a brick, with darker joints."""
    row, within_row = cells(v, height)
    column, within = cells(u + (row % 2) * (width / 2), width)
    tone = 256 + depth // 3 * (scatter(column, row, 3) - 1)
    return np.where((within_row < 0.2) | (within < 0.1), 256 - depth, tone)


def planks(u: np.ndarray, v: np.ndarray, width: float = 0.2, length: float = 1.6, depth: int = 26) -> np.ndarray:
    """Boards along u, laid side by side in v, each with its own tone."""
    row, within_row = cells(v, width)
    column, within = cells(u + scatter(row, row * 0 + 7, 8) * (length / 8), length)
    tone = 256 + depth // 2 * (scatter(column, row, 3) - 1)
    return np.where((within_row < 0.08) | (within < 0.015), 256 - depth, tone)


def tiles(u: np.ndarray, v: np.ndarray, size: float = 0.45, depth: int = 30) -> np.ndarray:
    """Square tiles in two tones, like a chess board, with thin joints."""
    column, across = cells(u, size)
    row, along = cells(v, size)
    tone = np.where((column + row) % 2 == 0, 256, 256 - depth)
    return np.where((across < 0.05) | (along < 0.05), 256 - depth // 2, tone)


def slabs(u: np.ndarray, v: np.ndarray, size: float = 1.0, depth: int = 18) -> np.ndarray:
    """Paving slabs: plain, with visible joints."""
    column, across = cells(u, size)
    row, along = cells(v, size)
    tone = 256 + depth // 3 * (scatter(column, row, 3) - 1)
    return np.where((across < 0.05) | (along < 0.05), 256 - depth, tone)


def speckle(u: np.ndarray, v: np.ndarray, size: float, depth: int, rarity: int = 5) -> np.ndarray:
    """Scattered darker and lighter flecks, one cell in `rarity` each."""
    column, row = cells(u, size)[0], cells(v, size)[0]
    kind = scatter(column, row, rarity)
    return 256 + depth * ((kind == 0).astype(np.int64) - (kind == 1))


def stripes(u: np.ndarray, size: float, depth: int = 14) -> np.ndarray:
    return np.where(cells(u, size)[0] % 2 == 0, 256, 256 - depth)


def ripples(u: np.ndarray, v: np.ndarray, size: float, depth: int) -> np.ndarray:
    """Long flat flecks of light, as on water: cells eight times as wide as high, shifted from row to row."""
    row, _ = cells(v, size)
    column, _ = cells(u + scatter(row, row * 0, 16) * size, size * 8)
    kind = scatter(column, row, 7)
    return 256 + depth * ((kind == 0).astype(np.int64) - (kind == 1))


def plateau(grid: np.ndarray, height: int, width: int) -> np.ndarray:
    """A coarse random grid stretched to (height, width), eased between its points: soft, cloud-like hills."""
    rows, columns = grid.shape
    x = np.arange(width) * ((columns - 1) / width)
    y = np.arange(height) * ((rows - 1) / height)
    i, j = x.astype(np.int64), y.astype(np.int64)
    fx, fy = x - i, (y - j)[:, None]
    fx, fy = fx * fx * (3 - 2 * fx), fy * fy * (3 - 2 * fy)
    upper = grid[j][:, i] * (1 - fx) + grid[j][:, i + 1] * fx
    lower = grid[j + 1][:, i] * (1 - fx) + grid[j + 1][:, i + 1] * fx
    return upper * (1 - fy) + lower * fy
