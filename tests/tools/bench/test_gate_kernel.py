"""The fused gate input against the module, in float64: on a GPU where there is one, else in Triton's interpreter."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from segnext_edu.model.msca import MSCA

triton = pytest.importorskip("triton", reason="Triton, which comes with PyTorch for GPUs, is not installed")

GPU = torch.cuda.is_available()
DEVICE = "cuda" if GPU else "cpu"
HALF_BF16 = 2**-8 if GPU else 2**-7  # the interpreter cuts bfloat16 off instead of rounding it

with pytest.MonkeyPatch.context() as patch:
    if not GPU:
        patch.setenv("TRITON_INTERPRET", "1")  # a kernel is interpreted if this is set where it is defined
    from tools.bench import gate_kernel


@pytest.fixture(autouse=True)
def poisoned(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not written, in the output or in the notepad, is NaN, which no comparison lets pass."""
    empty = torch.empty
    monkeypatch.setattr(torch, "empty", lambda *size, **where: empty(*size, **where).fill_(float("nan")))


def msca(channels: int, seed: int, bias: bool = True) -> MSCA:
    """All parameters at random, as large as each other, rounded so that bfloat16 holds them, in float64."""
    module = MSCA(channels).double().requires_grad_(False)
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in module.named_parameters():
        drawn = torch.randn(parameter.shape, generator=generator).bfloat16()
        parameter.copy_(drawn if bias or not name.endswith("bias") else torch.zeros_like(drawn))
    return module


def expected(module: MSCA, features: Tensor) -> Tensor:
    """The module's own branches, added up, in float64."""
    total = around = module.local(features.double())
    for strip in module.strips:
        total = total + strip(around)
    return total


def computed(module: MSCA, features: Tensor) -> Tensor:
    weights = gate_kernel.packed(module).to(DEVICE)
    return gate_kernel.gate_input(features.to(DEVICE), weights).cpu()


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def apart(out: Tensor, reference: Tensor) -> float:
    """The largest difference, as a share of the largest value."""
    return ((out.double() - reference).abs().max() / reference.abs().max()).item()


SHAPES = [
    (2, 5, 9, 13),  # smaller than the kernels, few channels, two pictures
    (1, 17, 3, 33),  # two blocks of channels, two spans of columns
    (1, 1, 1, 53),  # one row
    (1, 16, 23, 1),  # higher than the longest strip, one column
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_it_gives_what_the_module_gives(shape: tuple[int, ...]) -> None:
    module, features = msca(shape[1], seed=sum(shape)), draw(*shape, seed=sum(shape))
    out = computed(module, features)
    assert out.shape == features.shape and out.dtype == torch.float32
    assert out.is_contiguous(memory_format=torch.channels_last)
    assert apart(out, expected(module, features)) < 2e-6


def test_bands_and_programs_leave_no_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two programs share the tiles of three bands, the last one lower than the others."""
    monkeypatch.setattr(gate_kernel, "processors", lambda device: 2)
    monkeypatch.setattr(gate_kernel, "band_height", lambda height, columns, programs: 4)
    module, features = msca(2, seed=1), draw(1, 2, 10, 6)
    assert apart(computed(module, features), expected(module, features)) < 2e-6


def test_every_convolution_is_padded_for_itself() -> None:
    """Of a black picture nothing is left but biases, and where they stop: outside, not even a bias counts."""
    module, features = msca(2, seed=2), torch.zeros(1, 2, 13, 26)
    reference = expected(module, features)
    assert (reference[..., 0, :] - reference[..., 6, :]).abs().max() > 1
    assert (reference[..., 0] - reference[..., 13]).abs().max() > 1
    assert apart(computed(module, features), reference) < 2e-6


@pytest.mark.parametrize(("row", "column"), [(26, 0), (13, 15)], ids=["corner", "middle"])
def test_an_impulse_reaches_as_far_as_the_kernels(row: int, column: int) -> None:
    """Ten cells by the longest strip and two by the 5 × 5, and not one further."""
    module, features = msca(1, seed=3, bias=False), torch.zeros(1, 1, 27, 31)
    features[..., row, column] = 1
    out = computed(module, features)
    near = torch.zeros(27, 31, dtype=torch.bool)
    near[max(row - 12, 0) : row + 13, max(column - 12, 0) : column + 13] = True
    assert (out[0, 0][near] != 0).all() and (out[0, 0][~near] == 0).all()
    assert apart(out, expected(module, features)) < 2e-6


@pytest.mark.parametrize(("dtype", "step"), [(torch.bfloat16, HALF_BF16), (torch.float16, 2**-11)], ids=str)
def test_half_precision_is_rounded_once(dtype: torch.dtype, step: float) -> None:
    """The sum is made in float32, so that the answer is the exact one, rounded; `step` is half of its last bit."""
    module, features = msca(4, seed=4), draw(1, 4, 6, 11).to(dtype)
    out, reference = computed(module, features), expected(module, features)
    assert out.dtype == dtype
    assert ((out.double() - reference).abs() <= 1.01 * step * reference.abs() + 1e-4).all()


@pytest.mark.parametrize("order", [(0, 3, 1, 2), (0, 2, 3, 1)], ids=["channels last", "neither"])
def test_the_layout_in_memory_does_not_matter(order: tuple[int, ...]) -> None:
    features = draw(1, 4, 9, 3).permute(order)
    module = msca(features.shape[1], seed=5)
    assert apart(computed(module, features), expected(module, features)) < 2e-6


def test_no_picture_no_answer() -> None:
    assert computed(msca(3, seed=0), torch.zeros(0, 3, 4, 9)).shape == (0, 3, 4, 9)


@pytest.mark.parametrize(
    ("features", "weights", "said"),
    [
        (torch.zeros(3, 8, 8), torch.zeros(108, 3), r"\(3, 8, 8\)"),
        (torch.zeros(1, 3, 8, 8, dtype=torch.float64), torch.zeros(108, 3), "float64"),
        (torch.zeros(1, 3, 8, 8), torch.zeros(108, 4), r"\(108, 3\)"),
        (torch.zeros(1, 3, 8, 8), torch.zeros(108, 3, dtype=torch.bfloat16), "bfloat16"),
    ],
    ids=["three dimensions", "double", "other channels", "rounded weights"],
)
def test_it_says_what_it_cannot_take(features: Tensor, weights: Tensor, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        gate_kernel.gate_input(features.to(DEVICE), weights.to(DEVICE))


def test_on_a_cpu_it_needs_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triton, "JITFunction", type(gate_kernel._kernel))
    with pytest.raises(ValueError, match="TRITON_INTERPRET"):
        gate_kernel.gate_input(torch.zeros(1, 3, 8, 8), torch.zeros(108, 3))


@pytest.mark.parametrize("programs", [1, 7, 132])
@pytest.mark.parametrize(("height", "columns"), [(16, 16), (128, 8), (256, 1024), (1, 1)])
def test_bands_are_as_tall_as_leaves_nobody_idle(height: int, columns: int, programs: int) -> None:
    def rows_walked(band: int) -> int:
        return math.ceil(math.ceil(height / band) * columns / programs) * (band + 24)

    chosen = gate_kernel.band_height(height, columns, programs)
    assert 1 <= chosen <= height
    assert rows_walked(chosen) == min(rows_walked(band) for band in range(1, height + 1))
    assert programs > 1 or chosen == height
