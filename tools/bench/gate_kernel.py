"""A whole MSCA gate input in one Triton kernel: the 5 × 5, the three strip pairs and their sum in one pass.

PyTorch makes ten kernels of it, and each reads its maps from the GPU's memory and writes one there. Here a program
takes a tile of the features and walks down it, a row at a time:

- A row of features gives its share to five rows of the 5 × 5's output; four of them wait for more, in registers.
- The fifth is complete. It is laid into a notepad of two rows, which stays in the cache, so that the threads next
  door can read it: the three row strips are made from there.
- Their row gives its share to 21 rows of output, all three column strips into one sum. Twenty wait in registers, one
  is complete; the 5 × 5's own output was added on the way. It is written.

Every convolution is padded for itself: outside the picture the 5 × 5's output counts as zero, and so do the row
strips', bias and all. Everything is computed in float32.

A tile has 32 columns and `band_height` rows. With the margins that it needs it reads 1.75 · (rows + 25) / rows features
for each output value (mostly from the cache, where the tile beside has left them), through five loads, one a column of
the 5 × 5. An output value takes 103 multiply-adds; here it costs 128 · (rows + 24) / rows, 78 for the strips and twice
25, since a width in Triton is a power of two: the 5 × 5 is made 64 wide where 52 would do. Channels lie side by side
in memory and in a warp, a channel a thread: its 103 weights and some 56 waiting sums just fit into the registers.

`optimize` does not use it, and will only if `python -m tools.bench.gpu` finds it faster; nobody has measured that
yet. Triton comes with PyTorch for GPUs; under TRITON_INTERPRET=1 the kernel runs on a CPU, slowly, to be tested.
"""

# What Triton compiles only looks like Python.
# pyright: reportIndexIssue=false, reportAttributeAccessIssue=false, reportGeneralTypeIssues=false

from __future__ import annotations

import math
from functools import cache
from typing import cast

import torch
import triton  # pyright: ignore[reportMissingImports]
import triton.language as tl  # pyright: ignore[reportMissingImports]
from torch import Tensor, nn

from segnext_edu.model.msca import MSCA
from segnext_edu.model.strip_conv import StripConv

COLUMNS, WIDE, CHANNELS = 32, 64, 16  # a tile's; WIDE ≥ COLUMNS + 20 with what the longest strip sees on both sides
WARPS = 8
MARGIN = 12  # rows that an output value sees above and below: ten by the column strip, two by the 5 × 5
DTYPES = (torch.float32, torch.bfloat16, torch.float16)


def packed(msca: MSCA) -> Tensor:
    """What the kernel needs of a module, (108, C) in float32: a row a tap, then the biases; to be made once.

    The 5 × 5's 25 taps, the rows' 7 + 11 + 21, the columns' 7 + 11 + 21; the biases of the 5 × 5 and of the three
    rows, and the sum of the columns'.
    """
    strips = [cast(StripConv, strip) for strip in msca.strips]
    rows, columns = [strip.horizontal for strip in strips], [strip.vertical for strip in strips]
    taps = [conv.weight.flatten(1).T for conv in (msca.local, *rows, *columns)]  # (taps, C) each
    before = [_bias(conv)[None] for conv in (msca.local, *rows)]  # 4 × (1, C)
    after = torch.stack([_bias(conv) for conv in columns]).float().sum(0, keepdim=True)  # (1, C)
    return torch.cat([*taps, *before, after]).detach().float().contiguous()


def _bias(conv: nn.Conv2d) -> Tensor:
    assert conv.bias is not None
    return conv.bias


def gate_input(features: Tensor, weights: Tensor) -> Tensor:
    """dw5×5(features) plus the three strip pairs of it: what MSCA mixes into its gate.

    Args:
        features: (B, C, H, W) in float32, bfloat16 or float16, channels-last, or they are copied first.
        weights: `packed(msca)`, (108, C), on the same device.

    Returns (B, C, H, W) in the features' dtype, channels-last. Raises ValueError for anything else, and for features
    on a CPU without Triton's interpreter.
    """
    if features.dim() != 4 or features.dtype not in DTYPES or features[:1].numel() >= 2**31:
        raise ValueError(
            "features must be (B, C, H, W) in float32, bfloat16 or float16, with fewer than 2³¹ values a picture, "
            f"but came as {tuple(features.shape)} in {features.dtype}"
        )
    images, channels, height, width = features.shape
    if weights.shape != (108, channels) or weights.dtype != torch.float32 or weights.device != features.device:
        raise ValueError(
            f"weights must be packed(msca) of a module with {channels} channels, (108, {channels}) in float32 on "
            f"{features.device}, but came as {tuple(weights.shape)} in {weights.dtype} on {weights.device}"
        )
    if isinstance(_kernel, triton.JITFunction) and not features.is_cuda:
        raise ValueError(f"features lie on {features.device}: the kernel needs a GPU, or TRITON_INTERPRET=1 beforehand")
    features = features.contiguous(memory_format=torch.channels_last)
    out = torch.empty(features.shape, dtype=features.dtype, device=features.device, memory_format=torch.channels_last)
    if not out.numel():
        return out
    spans, blocks = math.ceil(width / COLUMNS), math.ceil(channels / CHANNELS)
    programs = processors(features.device)
    rows = band_height(height, images * spans * blocks, programs)
    bands = math.ceil(height / rows)
    tiles = images * bands * spans * blocks
    grid = (min(programs, tiles),)
    notepad = torch.empty(*grid, 2, WIDE, CHANNELS, device=features.device)
    places, size = (height, width, rows, bands, spans, tiles), (COLUMNS, WIDE, CHANNELS)
    _kernel[grid](features, weights, notepad, out, *places, channels, *size, num_warps=WARPS, num_stages=1)
    return out


def processors(device: torch.device) -> int:
    """How many programs run at the same time: with these registers one a multiprocessor; one in the interpreter."""
    return torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 1


@cache
def band_height(height: int, columns: int, programs: int) -> int:
    """Rows in a tile: tall ones repeat less, low ones give every program something to do.

    `columns`: tiles beside each other, in all pictures and blocks of channels.
    """

    def steps(bands: int) -> int:
        return math.ceil(bands * columns / programs) * (math.ceil(height / bands) + 2 * MARGIN)

    return math.ceil(height / min(range(1, height + 1), key=steps))


@triton.jit
def _kernel(
    features, weights, notepad, out,
    height, width, rows, bands, spans, tiles,
    C: tl.constexpr, COLUMNS: tl.constexpr, WIDE: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """Each program takes every so many-th tile: a band of rows, a span of columns, a block of channels."""
    blocks: tl.constexpr = (C + CHANNELS - 1) // CHANNELS
    page = notepad + tl.program_id(0) * (2 * WIDE * CHANNELS)
    inner = tl.arange(0, COLUMNS)[:, None]
    wide = tl.arange(0, WIDE)[:, None]
    lane = tl.multiple_of(tl.arange(0, CHANNELS), 1)[None, :]  # as if unaligned, so that a thread gets just one channel
    for tile in range(tl.program_id(0), tiles, tl.num_programs(0)):
        left = tile // blocks % spans * COLUMNS
        top = tile // (blocks * spans) % bands * rows
        image = (tile // (blocks * spans * bands)).to(tl.int64) * height * width * C
        channel = tile % blocks * CHANNELS + lane
        taps = ()
        for i in tl.static_range(108):
            taps += (tl.load(weights + i * C + channel, mask=channel < C, other=0.0),)  # (1, CHANNELS) each
        _walk(
            features + image, taps, page, out + image, channel, top, left,
            height, width, rows, inner, wide, lane, C, COLUMNS, WIDE, CHANNELS,
        )  # fmt: skip


@triton.jit
def _walk(
    features, taps, page, out, channel, top, left,
    height, width, rows, inner, wide, lane,
    C: tl.constexpr, COLUMNS: tl.constexpr, WIDE: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """Down one tile. Where y is the row of features, the 5 × 5 completes row y − 2, and the output row y − 12."""
    around, row7, row11, row21 = taps[0:25], taps[25:32], taps[32:43], taps[43:64]
    col7, col11, col21 = taps[64:71], taps[71:82], taps[82:103]
    empty_wide, empty = tl.full((WIDE, CHANNELS), 0.0, tl.float32), tl.full((COLUMNS, CHANNELS), 0.0, tl.float32)
    new_local, new_total = empty_wide + taps[103], empty + taps[107]
    local = (new_local, new_local, new_local, new_local)
    total = ()
    for _ in tl.static_range(20):
        total += (new_total,)
    x, right = left - 10 + wide, tl.minimum(width, left + COLUMNS + 12)
    coming = _five(features, x, channel, top - 12, height, width, right, C)
    tl.debug_barrier()  # the tile before has been read from the notepad
    for y in range(top - 12, top + rows + 12):
        given = coming
        coming = _five(features, x, channel, y + 1, height, width, right, C)  # asked for a row early, there when needed
        waiting = local + (new_local,)  # the 5 × 5's rows y − 2 … y + 2
        for s in tl.static_range(5):
            fed = ()
            for t in tl.static_range(5):
                fed += (waiting[t] + around[(4 - t) * 5 + s] * given[s].to(tl.float32),)
            waiting = fed
        local = waiting[1:5]
        inside = (y >= 2) & (y < height + 2)
        side = page + ((y - top) & 1) * (WIDE * CHANNELS)  # two in turn: who is ahead does not overwrite what is read
        tl.store(side + (wide * CHANNELS + lane), tl.where((x >= 0) & (x < width), waiting[0], 0.0))
        tl.debug_barrier()
        r7, r11, r21, centre = empty + taps[104], empty + taps[105], empty + taps[106], empty
        for s in tl.static_range(21):
            near = tl.load(side + s * CHANNELS + (inner * CHANNELS + lane))  # s − 10 columns to the right
            r21 += row21[s] * near
            if s >= 5 and s <= 15:
                r11 += row11[s - 5] * near
            if s >= 7 and s <= 13:
                r7 += row7[s - 7] * near
            if s == 10:
                centre = near
        r7, r11, r21 = tl.where(inside, r7, 0.0), tl.where(inside, r11, 0.0), tl.where(inside, r21, 0.0)
        pending = total + (new_total,)  # output rows y − 12 … y + 8
        total = ()
        for t in tl.static_range(21):
            value = pending[t] + col21[20 - t] * r21
            if t >= 5 and t <= 15:
                value += col11[15 - t] * r11
            if t >= 7 and t <= 13:
                value += col7[13 - t] * r7
            if t == 10:
                value += centre
            total += (value,)
        done = y - 12
        mine = (done >= top) & (done < tl.minimum(top + rows, height)) & (left + inner < width) & (channel < C)
        value = total[0].to(out.dtype.element_ty)
        tl.store(out + (done * width + left + inner) * C + channel, value, mask=mine)
        total = total[1:21]


@triton.jit
def _five(features, x, channel, y, height, width, right, C: tl.constexpr):
    """Row y of the features, from two columns left of x to two right of it; zero outside the picture."""
    end = tl.where((y >= 0) & (y < height) & (channel < C), right, 0)
    seen = ()
    for s in tl.static_range(5):
        near = x + (s - 2)
        line = features + (y * width + s - 2) * C
        seen += (tl.load(line + (x * C + channel), mask=(near >= 0) & (near < end), other=0.0),)
    return seen
