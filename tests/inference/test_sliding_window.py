"""Windows cover everything, their weights sum to one, and a window that covers everything changes nothing."""

import weakref

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from segnext_edu import SegNeXt
from segnext_edu.files import InputError
from segnext_edu.inference.sliding_window import SlidingWindow, blend_weights, slide, starts

sides = st.integers(1, 12)


@given(length=st.integers(1, 60), side=sides, share=st.floats(0, 0.5))
def test_windows_cover_a_side_and_their_weights_make_one(length, side, share):
    overlap = int(share * side)
    begins = starts(length, side, overlap)
    weights = blend_weights(length, side, overlap)
    total, covered = torch.zeros(length), torch.zeros(length, dtype=torch.bool)
    for begin, weight in zip(begins, weights, strict=True):
        total[begin : begin + side] += weight
        covered[begin : begin + side] = True
    assert weights.shape[1] == min(side, length) and (weights > 0).all()
    assert covered.all() and begins == sorted(set(begins)) and begins[-1] == max(0, length - side)
    assert torch.allclose(total, torch.ones(length))
    assert all(after - before <= side - overlap for before, after in zip(begins, begins[1:]))  # so they overlap enough


def test_a_window_fades_towards_the_next():
    first, second = blend_weights(12, 8, 4)
    assert torch.allclose(first, torch.tensor([1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2]))
    assert torch.equal(second, first.flip(0))


@pytest.mark.parametrize("stride", [1, 4, 8, 32])
def test_what_knows_only_its_own_place_is_the_same_in_windows(stride):
    """A network that never looks beyond a stride's cell cannot tell that it was shown windows."""
    images = torch.rand(2, 3, 160, 224, generator=torch.Generator().manual_seed(0))

    def network(x: Tensor) -> Tensor:
        return torch.nn.functional.avg_pool2d(x, stride)

    assert torch.allclose(slide(network, images, SlidingWindow(96, 32)), network(images), atol=1e-6)


def test_constant_logits_stay_constant():
    blended = slide(lambda x: x[:, :2, ::8, ::8] * 0 + 3, torch.rand(1, 3, 192, 128), SlidingWindow(64, 32))
    assert blended.shape == (1, 2, 24, 16)
    assert torch.allclose(blended, torch.full_like(blended, 3))


def test_windows_disagree_and_the_nearer_one_prevails():
    """Each window answers with its number; in the middle of the overlap both count alike."""
    numbers = iter([0.0, 1.0])
    blended = slide(lambda x: torch.full((1, 1, 4, 8), next(numbers)), torch.rand(1, 3, 32, 96), SlidingWindow(64, 32))
    row = blended[0, 0, 0]
    assert (row[:4] == 0).all() and (row[8:] == 1).all()
    assert (row.diff() >= 0).all() and torch.allclose(row + row.flip(0), torch.ones(12))


@pytest.mark.parametrize("side", [96, 1024])
def test_a_window_as_large_as_the_picture_is_the_whole(side):
    torch.manual_seed(0)
    model = SegNeXt("nano", 5).eval()
    images = torch.rand(1, 3, 64, 96)
    with torch.inference_mode():
        whole = model.decode(model.encode(images))
        assert torch.equal(slide(lambda x: model.decode(model.encode(x)), images, SlidingWindow(side, 32)), whole)


@pytest.mark.parametrize(("side", "overlap"), [(500, 0), (0, 0), (-32, 0), (512, 100), (512, 288), (512, -32)])
def test_windows_that_do_not_fit_are_refused_in_words(side, overlap):
    with pytest.raises(InputError, match="expected a multiple of 32"):
        SlidingWindow(side, overlap)


class Held(TorchDispatchMode):
    """Counts the bytes of all tensors that are alive at once, and keeps the largest sum."""

    def __init__(self, *given: Tensor):
        super().__init__()
        self.now = self.peak = 0
        self.known = weakref.WeakSet(tensor.untyped_storage() for tensor in given)  # not to be counted

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for tensor in torch.utils._pytree.tree_leaves(out):
            if isinstance(tensor, Tensor) and (storage := tensor.untyped_storage()) not in self.known:
                self.known.add(storage)
                self.now += storage.nbytes()
                weakref.finalize(storage, self.let_go, storage.nbytes())
        self.peak = max(self.peak, self.now)
        return out

    def let_go(self, size: int) -> None:
        self.now -= size


def held(height: int, width: int, window: SlidingWindow | None) -> int:
    """Bytes that a forward to stride 8 holds at once, the images themselves not counted."""
    model = SegNeXt("nano", 5).eval()
    images = torch.rand(1, 3, height, width)

    def network(x: Tensor) -> Tensor:
        return model.decode(model.encode(x))

    with torch.no_grad(), Held(images) as counted:
        network(images) if window is None else slide(network, images, window)
    return counted.peak


def test_memory_grows_as_the_pixels_and_in_windows_hardly():
    small, large = held(128, 128, None), held(256, 256, None)
    assert 3.7 < large / small < 4.1
    window, many = (held(*size, SlidingWindow(128, 32)) for size in ((128, 128), (512, 512)))
    scores = 5 * 4 * (64 * 64 - 16 * 16)  # the logits themselves: 5 classes, 4 bytes, at stride 8
    assert window == pytest.approx(small, rel=0.02)
    assert many - window < 2 * scores
