"""The six views of notebook 10's figure: each draws one question about one photograph on a sheet.

At the left the photograph with a cross at the picked pixel; then the map of the trained network and, as the control,
the same map of the same network with random weights, on one scale. `compare` puts two settings of the trained network
side by side instead, and `path` follows the pixel through all stages, a network a row.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from segnext_edu.data.palette import colours
from segnext_edu.explain.atlas.maps import attention_map, best_classes, by_spread, dominant_map, short_names
from segnext_edu.explain.atlas.sheet import AMOUNT, SIGNED, Sheet, blended, coloured, enlarged
from segnext_edu.explain.record import BRANCHES, Layer, similarity
from segnext_edu.lessons.figures.atlas_panels import (
    CONTROL,
    HEIGHT,
    WIDTH,
    Place,
    Scene,
    correlation,
    half_radius,
    headline,
    label_note,
    legend,
    mark_cell,
    number,
    shades,
    three_panels,
)

FAINTEST = 3  # of a receptive field: 10^-3 of its strongest pixel
THUMBS, TILE = 16, (66, 50)
TINTS = {5: (240, 228, 66), 7: (86, 180, 233), 11: (213, 94, 0), 21: (0, 64, 107)}  # of branches; lighter to darker


def attention(
    scene: Scene, at: Place, layer: Layer, part: str | int, reading: str, channel: int, opacity: float
) -> Sheet:
    """A gate, a branch's share in it, or the branch that adds most, in one layer; channel: a rank by spread, from 1."""
    if part == "winner":
        return _winners(scene, at, layer, opacity)
    sheet, where = Sheet(WIDTH, HEIGHT), f"stage {layer[0]}, block {layer[1]}"
    index = by_spread(scene.trained, layer, part)[channel - 1]
    maps = [attention_map(sight, layer, part, reading, index) for sight in (scene.trained, scene.randomised)]
    what = part_name(part) + (f", channel {index}" if reading == "channel" else "")
    here = [number(scene, at, x) for x in maps]
    unit = "× its mean" if reading == "strength" else "× its root mean square"
    title = f"{where}, {what}: {here[0]} {unit} at the cross; with random weights {here[1]}"
    three_panels(sheet, scene, at, title, shades(maps, reading), ("trained", CONTROL), opacity)
    legend(sheet, reading)
    label_note(sheet, scene, at)
    return sheet


def compare(
    scene: Scene, at: Place, layer: Layer, part: str | int, layer_b: Layer, part_b: str | int, reading: str,
    channel: int, opacity: float,
) -> Sheet:  # fmt: skip
    """Two maps of the trained network side by side, and how alike they are over the photograph."""
    sheet = Sheet(WIDTH, HEIGHT)
    settings = (layer, part), (layer_b, part_b)
    maps, heads = [], []
    for name, (where, what) in zip("AB", settings):
        index = by_spread(scene.trained, where, what)[channel - 1]
        maps.append(attention_map(scene.trained, where, what, reading, index))
        more = f", channel {index}" if reading == "channel" else ""
        heads.append(f"{name}: stage {where[0]}, block {where[1]}, {part_name(what)}{more}")
    title = f"A and B correlate by {correlation(*maps):+.2f} over the photograph"
    three_panels(sheet, scene, at, title, shades(maps, reading), heads, opacity)
    legend(sheet, reading)
    label_note(sheet, scene, at)
    return sheet


def bases(scene: Scene, at: Place, rank: int, opacity: float) -> Sheet:
    """Where the base is that the pixel holds most of (rank 1), or second most, and so on."""
    sheet, found = Sheet(WIDTH, HEIGHT + 52), []
    for sight in (scene.trained, scene.randomised):
        y, x = scene.cell(at, sight.shares.shape)
        order = sight.shares[:, y, x].argsort(descending=True, stable=True)
        found.append((sight.shares, order, sight.shares[:, y, x]))
    indices = [int(order[rank - 1]) for _, order, _ in found]
    held = [here[index].item() for (*_, here), index in zip(found, indices)]
    high = max(shares[index].max().item() for (shares, *_), index in zip(found, indices))
    maps = [coloured(shares[index], 0, high, AMOUNT) for (shares, *_), index in zip(found, indices)]
    ordinal = "the base it holds most of" if rank == 1 else f"number {rank} of its bases"
    title = f"{ordinal} accounts for {held[0]:.0%} of the pixel's features; with random weights {held[1]:.0%}"
    heads = f"trained: base {indices[0]}", f"random weights: base {indices[1]}"
    three_panels(sheet, scene, at, title[0].upper() + title[1:], maps, heads, opacity)
    sheet.scale(800, 360, AMOUNT, ("0", f"{high / 2:.0%}", f"{high:.0%}"), "share of a pixel's features")
    sheet.write(8, 382, "the trained network's bases, by their share of the picked pixel:", va="center")
    shares, order, here = found[0]
    for position, index in enumerate(order[:THUMBS].tolist()):
        left = 8 + position * (TILE[0] + 4)
        sheet.paste(enlarged(coloured(shares[index], 0, high, AMOUNT), *TILE[::-1]), left, 400)
        sheet.write(left + TILE[0] / 2, 462, f"{here[index]:.0%}", 9.5, ha="center", va="center")
        if position == rank - 1:
            sheet.frame(left, 400, *TILE)
    return sheet


def receptive(scene: Scene, at: Place, stage: int, opacity: float) -> Sheet:
    """Which pixels move the picked cell of a stage, and how far away half of their pull lies."""
    sheet, maps, half = Sheet(WIDTH, HEIGHT), [], []
    y, x = scene.cell(at, scene.trained.recording.stages[stage - 1].shape)
    for sight in (scene.trained, scene.randomised):
        pull = sight.pull(stage, y, x)  # (H, W)
        half.append(half_radius(pull, *scene.pixel(at)))
        coarse = F.adaptive_max_pool2d(pull[None], (scene.small.shape[0] // 2, scene.small.shape[1] // 2))[0]
        faded = (coarse / coarse.max().clamp(min=1e-30)).clamp(min=10**-FAINTEST).log10()
        maps.append(coloured(faded, -FAINTEST, 0, AMOUNT))
    title = f"Half of what moves this cell of stage {stage} lies within {half[0]} pixels; with random weights {half[1]}"
    frame = scene.trained.recording.stages[stage - 1].shape
    three_panels(sheet, scene, at, title, maps, ("trained", CONTROL), opacity, cells=frame)
    ticks = [f"1/{10**power}" for power in range(FAINTEST, 0, -1)] + ["1"]
    sheet.scale(800, 360, AMOUNT, ticks, "gradient, of its strongest pixel's")
    size = " × ".join(str(side) for side in scene.trained.images.shape[2:])
    sheet.write(8, 366, f"pixels of the networks' input, {size}; in the box the cell", va="center")
    return sheet


def cam(scene: Scene, at: Place, label: int, opacity: float) -> Sheet:
    """Where stage 4 speaks for a class (Grad-CAM), at the pixels that the trained network gives it; both are asked."""
    sheet, name = Sheet(WIDTH, HEIGHT), short_names(scene.trained.model.classes)[label]
    area, maps, inside = scene.areas[label], [], []
    for sight in (scene.trained, scene.randomised):
        heat = sight.heat(label, area)  # (h, w)
        weight = F.interpolate(heat[None, None], area.shape, mode="bilinear", align_corners=False)[0, 0]
        inside.append((weight[area].sum() / weight.sum().clamp(min=1e-30)).item())
        maps.append(coloured(heat / heat.max().clamp(min=1e-30), 0, 1, AMOUNT))
    share = area.double().mean().item()
    title = f"{name}, {share:.0%} of the photograph: {inside[0]:.0%} of its Grad-CAM lie there"
    title += f"; with random weights {inside[1]:.0%}"
    if share == 0:
        title = f"No pixel of this photograph is labelled {name}: there is nothing to ask Grad-CAM about"
    three_panels(sheet, scene, at, title, maps, ("trained", CONTROL), opacity)
    sheet.scale(800, 360, AMOUNT, ("0", "1"), "Grad-CAM in stage 4, × its largest value")
    label_note(sheet, scene, at)
    return sheet


def path(scene: Scene, at: Place) -> Sheet:
    """One pixel from stage 1 to its label: what it is like in each stage, its base, and its classes."""
    sheet = Sheet(WIDTH, HEIGHT)
    names, tints = short_names(scene.trained.model.classes), colours(scene.trained.model.classes)
    tile = scene.fitted(166, 150)
    tall, wide = tile.shape[:2]
    ends = []
    for sight, head, top in ((scene.trained, "trained", 62), (scene.randomised, "random", 240)):
        steps: list[tuple[str, np.ndarray, torch.Size | None]] = [
            (f"{head}: labels", tints[sight.labels.numpy()], None)
        ]
        for stage, maps in enumerate(sight.recording.stages, start=1):
            alike = similarity(maps, *scene.cell(at, maps.shape))[0]  # (h, w)
            steps.append((f"stage {stage}", coloured(alike, -1, 1, SIGNED), maps.shape))
        row, column = scene.cell(at, sight.shares.shape)
        index = int(sight.shares[:, row, column].argmax())
        base = sight.shares[index]  # (h, w)
        steps.append((f"base {index}", coloured(base, 0, base.max().item(), AMOUNT), None))
        for step, (title, picture, cells) in enumerate(steps):
            left = 8 + step * 166
            shown = blended(tile, picture, 0.7) if step == 0 else enlarged(picture, tall, wide)
            sheet.paste(shown[:, : wide - 4], left, top)
            sheet.write(left, top - 5, title, va="bottom")
            if cells is None:
                sheet.cross(left + scene.spot(at, tall, wide)[1], top + scene.spot(at, tall, wide)[0])
            else:
                mark_cell(sheet, scene, at, cells, (left, top), (tall, wide - 4))
        best = best_classes(sight, row, column)
        ends.append(best[0])
        for index, (name, share) in enumerate(best):
            line = top + 8 + index * 36
            sheet.write(1012, line, f"{name} {share:.0%}", va="center")
            sheet.paste(np.broadcast_to(tints[names.index(name)], (12, 1 + round(112 * share), 3)), 1012, line + 10)
        sheet.write(1012, top - 5, "classes", va="bottom")
    said = f"The cross ends as {ends[0][0]} ({ends[0][1]:.0%}); with random weights as {ends[1][0]} ({ends[1][1]:.0%})"
    headline(sheet, scene, at, said, ("labels", "likeness in stages 1 to 4", "its base", "classes; a network a row"))
    sheet.scale(420, 396, SIGNED, ("-1", "0", "1"), "how like the picked cell every cell of a stage is")
    return sheet


def _winners(scene: Scene, at: Place, layer: Layer, opacity: float) -> Sheet:
    sheet = Sheet(WIDTH, HEIGHT)
    maps = [dominant_map(sight, layer) for sight in (scene.trained, scene.randomised)]
    here = [int(values[scene.cell(at, values.shape)]) for values in maps]
    where = f"stage {layer[0]}, block {layer[1]}"
    title = f"{where}: at the cross branch {here[0]} adds most; with random weights branch {here[1]}"
    tints = np.array([TINTS[length] for length in BRANCHES], np.uint8)
    pictures = [tints[np.searchsorted(BRANCHES, values.numpy())] for values in maps]
    three_panels(sheet, scene, at, title, pictures, ("trained", CONTROL), opacity)
    for index, length in enumerate(BRANCHES):
        left, shares = 430 + index * 175, [(values == length).double().mean().item() for values in maps]
        sheet.paste(np.broadcast_to(tints[index], (14, 14, 3)), left, 359)
        sheet.write(left + 20, 366, f"{part_name(length)}: {shares[0]:.0%}", va="center")
        sheet.write(left + 20, 386, f"random: {shares[1]:.0%}", va="center")
    label_note(sheet, scene, at)
    return sheet


def part_name(part: str | int) -> str:
    """A gate's part in words."""
    return part if isinstance(part, str) else f"branch {part}"
