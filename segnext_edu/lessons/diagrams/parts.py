"""Diagrams of the network's parts: the strip pair, MSCA (Fig. 2(b)), the block (Fig. 2(a)) and the Hamburger."""

from __future__ import annotations

from segnext_edu.lessons.diagrams.svg import Canvas, Drawing
from segnext_edu.model.msca import STRIPS


def strip_pair(length: int = 7) -> Drawing:
    """A dense depthwise k × k kernel beside the pair that replaces it; `length` is k, odd, from 3 to 21."""
    side = 112 / length
    canvas = Canvas(720, 210)
    canvas.box(10, 8, 150, 28, f"depthwise {length} × {length}", "depthwise")
    canvas.cells(29, 48, length, length, side, "depthwise")
    canvas.box(10, 172, 150, 28, f"{length**2} weights", "norm", 13)
    canvas.box(186, 88, 100, 32, "becomes", "dim")
    canvas.arrow((286, 104), (322, 104))
    canvas.box(330, 8, 150, 28, f"1 × {length}: horizontal", "strip")
    canvas.cells(349, 104 - side / 2, 1, length, side, "strip")
    canvas.arrow((470, 104), (524, 104))
    canvas.box(536, 8, 150, 28, f"{length} × 1: vertical", "strip")
    canvas.cells(611 - side / 2, 48, length, 1, side, "strip")
    canvas.box(420, 172, 176, 28, f"{length} + {length} = {2 * length} weights", "norm", 13)
    return canvas.drawing(
        f"A square kernel of {length} by {length} cells, {length**2} weights, becomes a horizontal strip of {length} "
        f"cells followed by a vertical strip of {length} cells, {2 * length} weights."
    )


def msca() -> Drawing:
    """Multi-scale convolutional attention, Eq. 1 and 2: gate = Conv1×1(Σ scaleᵢ(DWConv(x))), out = gate ⊗ x."""
    canvas = Canvas(800, 300)
    middle = 130
    canvas.maps(14, middle - 28, 56, 56)
    canvas.words(42, middle, "x")
    canvas.arrow((84, middle), (112, middle))
    canvas.box(114, middle - 26, 92, 52, "5 × 5\ndepthwise", "depthwise")
    rows = [24, 94, 164, 234]
    canvas.box(256, rows[0], 190, 42, "identity", "norm")
    for y, length in zip(rows[1:], STRIPS):
        canvas.box(256, y, 90, 42, f"1 × {length}", "strip")
        canvas.arrow((346, y + 21), (354, y + 21), head=False)
        canvas.box(356, y, 90, 42, f"{length} × 1", "strip")
    for y in rows:
        canvas.arrow((206, middle), (230, middle), (230, y + 21), (254, y + 21))
        canvas.arrow((446, y + 21), (474, y + 21), (474, middle), (492, middle))
    canvas.sign(510, middle, "Σ")
    canvas.arrow((526, middle), (546, middle))
    canvas.box(548, middle - 22, 64, 44, "1 × 1", "pointwise")
    canvas.arrow((612, middle), (632, middle))
    canvas.box(634, middle - 16, 52, 32, "gate", "map", 13)
    canvas.arrow((686, middle), (700, middle))
    canvas.sign(718, middle, "×")
    canvas.arrow((42, middle + 28), (42, 290), (718, 290), (718, middle + 18))
    canvas.arrow((734, middle), (748, middle))
    canvas.maps(750, middle - 18, 36, 36)
    return canvas.drawing(
        "MSCA: x passes a 5 by 5 depthwise convolution; its output goes through four branches, the identity and strip "
        "pairs of length 7, 11 and 21; their sum passes a 1 by 1 convolution and becomes the gate, which multiplies x."
    )


def block() -> Drawing:
    """One block of the encoder, Fig. 2(a): attention and FFN, each normalised, scaled and added to its input."""
    canvas = Canvas(820, 290)
    first = (("1 × 1", "pointwise"), ("GELU", "norm"), ("MSCA", "context"), ("1 × 1", "pointwise"))
    second = (("1 × 1 fc1", "pointwise"), ("3 × 3 dw", "depthwise"), ("GELU", "norm"), ("1 × 1 fc2", "pointwise"))
    for name, y, scale, parts in (("attention", 94, "λ₁", first), ("FFN", 244, "λ₂", second)):
        inner = name == "attention"
        canvas.box(10, y - 90, 100, 28, name, "dim", 13)
        canvas.maps(10, y - 20, 40, 40)
        canvas.arrow((62, y), (82, y))
        canvas.box(84, y - 18, 52, 36, "BN", "norm")
        x = 136.0
        for index, (text, kind) in enumerate(parts):
            gap = 36 if inner and index == 0 else 20
            canvas.arrow((x, y), (x + gap - 2, y))
            x += gap
            canvas.box(x, y - 18, 86, 36, text, kind, 13)
            x += 86
        if inner:  # the attention's own shortcut, from the normalised map
            canvas.arrow((152, y), (152, y + 40), (606, y + 40), (606, y + 18))
            canvas.arrow((x, y), (588, y))
            canvas.sign(606, y, "+")
            x = 622.0
        canvas.arrow((x, y), (x + 24, y))
        canvas.box(x + 26, y - 18, 50, 36, f"× {scale}", "norm")
        canvas.arrow((x + 76, y), (722, y))
        canvas.sign(740, y, "+")
        canvas.arrow((70, y), (70, y - 46), (740, y - 46), (740, y - 18))
        canvas.arrow((756, y), (774, y))
        canvas.maps(776, y - 14, 28, 28)
    return canvas.drawing(
        "A block in two rows. Attention: BatchNorm, 1 by 1, GELU, MSCA, 1 by 1, plus a shortcut of its own, times "
        "layer scale 1, added to the input. FFN: BatchNorm, fc1, 3 by 3 depthwise, GELU, fc2, times layer scale 2."
    )


def hamburger(rank: int = 16) -> Drawing:
    """The Hamburger: two layers of bread around a matrix factorisation of rank R."""
    canvas = Canvas(820, 250)
    y = 60
    canvas.maps(10, y - 24, 48, 48)
    canvas.arrow((72, y), (98, y))
    canvas.box(100, y - 22, 104, 44, "1 × 1, ReLU\nlower bread", "pointwise", 13)
    canvas.arrow((204, y), (236, y))
    canvas.box(238, y - 26, 226, 52, f"NMF\nrank R = {rank}, 6 or 7 steps", "context")
    canvas.arrow((464, y), (496, y))
    canvas.box(498, y - 22, 104, 44, "1 × 1, norm\nupper bread", "pointwise", 13)
    canvas.arrow((602, y), (634, y))
    canvas.sign(652, y, "+")
    canvas.arrow((84, y), (84, y - 46), (652, y - 46), (652, y - 18))
    canvas.arrow((668, y), (690, y))
    canvas.box(692, y - 18, 56, 36, "ReLU", "norm", 13)
    canvas.arrow((748, y), (764, y))
    canvas.maps(766, y - 20, 40, 40)
    canvas.arrow((351, y + 26), (351, 122))
    canvas.box(130, 130, 150, 90, "X\nD × N, ≥ 0", "map")
    canvas.box(290, 158, 34, 34, "≈", "dim", 18)
    canvas.box(334, 130, 62, 90, "bases\nD × R", "context", 13)
    canvas.box(404, 158, 30, 34, "·", "dim", 20)
    canvas.box(442, 154, 150, 42, "coefᵀ\nR × N", "context", 13)
    return canvas.drawing(
        "The Hamburger: a 1 by 1 convolution and ReLU, a non-negative matrix factorisation, a 1 by 1 convolution and a "
        "norm, a shortcut, a ReLU. Below: the matrix X, D by N, is about bases, D by R, times coefficients, R by N."
    )
