import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from segnext_edu.model.strip_conv import StripConv


def strip(channels: int, length: int, bias: bool = False) -> StripConv:
    torch.manual_seed(0)
    module = StripConv(channels, length).double()
    if not bias:
        torch.nn.init.zeros_(module.horizontal.bias)
        torch.nn.init.zeros_(module.vertical.bias)
    return module


@given(
    channels=st.integers(1, 5),
    length=st.sampled_from([1, 3, 7, 11, 21]),
    height=st.integers(1, 24),
    width=st.integers(1, 24),
    batch=st.integers(1, 3),
)
def test_the_picture_keeps_its_size(channels, length, height, width, batch):
    x = torch.randn(batch, channels, height, width)
    assert StripConv(channels, length)(x).shape == x.shape


@given(length=st.sampled_from([3, 7, 11, 21]), a=st.floats(-3, 3), b=st.floats(-3, 3))
def test_without_biases_it_is_linear(length, a, b):
    module = strip(2, length)
    x, y = torch.randn(2, 1, 2, 13, 17, dtype=torch.float64)
    torch.testing.assert_close(module(a * x + b * y), a * module(x) + b * module(y))


@pytest.mark.parametrize("length", [3, 7, 21])
def test_it_is_the_square_kernel_column_times_row(length):
    module = strip(3, length)
    square = (
        module.vertical.weight * module.horizontal.weight
    )  # (3, 1, k, 1) · (3, 1, 1, k): an outer product a channel
    assert all(torch.linalg.matrix_rank(kernel[0]) == 1 for kernel in square)
    x = torch.randn(2, 3, 30, 26, dtype=torch.float64)
    torch.testing.assert_close(module(x), F.conv2d(x, square, padding=length // 2, groups=3))


def test_row_comes_first_which_the_border_remembers():
    module = strip(1, 7, bias=True)
    x = torch.randn(1, 1, 16, 16, dtype=torch.float64)
    swapped = module.horizontal(module.vertical(x))
    torch.testing.assert_close(module(x), module.vertical(module.horizontal(x)))
    assert not torch.allclose(module(x), swapped)


def test_channels_do_not_mix():
    module = strip(4, 7, bias=True)
    x = torch.randn(1, 4, 9, 9, dtype=torch.float64)
    changed = x.clone()
    changed[:, 2] += 1
    differs = (module(x) - module(changed)).abs().amax((0, 2, 3))
    assert (differs > 0).tolist() == [False, False, True, False]
