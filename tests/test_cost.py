import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segnext_edu import VARIANTS, SegNeXt
from segnext_edu.cost import count_macs, count_parameters

# Exact parameters, of them the encoder's, and G multiply-adds at 512² as fvcore counts (the paper, Tab. 2).
PAPER = {
    "tiny": (4_263_414, 3_903_584, 6.608),
    "small": (13_932_886, 13_450_176, 15.872),
    "base": (27_636_310, 26_277_824, 34.922),
    "large": (48_926_550, 44_636_864, 70.000),
}


@pytest.mark.parametrize("variant", PAPER)
def test_the_papers_costs(variant):
    parameters, encoder, macs = PAPER[variant]
    model = SegNeXt(variant, 150)
    assert count_parameters(model) == parameters
    assert count_parameters(model.encoder) == encoder
    assert count_macs(model, (1, 3, 512, 512)) == pytest.approx(1e9 * macs, rel=0.005)


def test_nano_fits_a_laptop():
    assert count_parameters(SegNeXt("nano", 150)) <= 600_000
    assert set(VARIANTS) == {"nano", *PAPER}


@pytest.mark.parametrize(
    ("layer", "shape", "macs"),
    [
        (nn.Conv2d(6, 4, 3, padding=1), (2, 6, 5, 7), 2 * 5 * 7 * 4 * 6 * 9),
        (nn.Conv2d(6, 6, (1, 21), padding=(0, 10), groups=6), (1, 6, 5, 7), 5 * 7 * 6 * 21),
        (nn.Linear(8, 3), (5, 8), 5 * 8 * 3),
        (nn.Linear(8, 3, bias=False), (5, 8), 5 * 8 * 3),
        (nn.BatchNorm2d(4), (1, 4, 5, 5), 2 * 100),
        (nn.GroupNorm(2, 4), (1, 4, 5, 5), 5 * 100),
        (nn.LayerNorm(5), (4, 5), 5 * 20),
        (nn.Upsample(scale_factor=2, mode="bilinear"), (1, 4, 5, 5), 4 * 400),
        (nn.ReLU(), (1, 4, 5, 5), 0),
    ],
)
def test_each_operation_by_hand(layer, shape, macs):
    assert count_macs(layer, shape) == macs


class Attention(nn.Module):
    """From 6 places to each other, of vectors of 5, in 2 heads, by PyTorch's one function or by its two products."""

    def __init__(self, fused: bool):
        super().__init__()
        self.fused = fused

    def forward(self, x: Tensor) -> Tensor:
        if self.fused:
            return F.scaled_dot_product_attention(x, x, x)
        return (x @ x.transpose(-2, -1) / 5**0.5).softmax(-1) @ x


@pytest.mark.parametrize("fused", [True, False])
def test_attention_is_its_two_products_however_it_is_computed(fused: bool) -> None:
    assert count_macs(Attention(fused), (3, 2, 6, 5)) == 3 * 2 * 2 * (6 * 6 * 5)


def test_attention_to_fewer_places() -> None:
    class Reduced(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return F.scaled_dot_product_attention(x, x[:, :, :2], x[:, :, :2, :4])

    assert count_macs(Reduced(), (1, 2, 6, 5)) == 2 * (6 * 2 * 5 + 6 * 2 * 4)


def test_counting_leaves_the_model_alone():
    model = SegNeXt("nano", 5)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    count_macs(model, (1, 3, 64, 64))
    assert model.training
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())


def test_inference_mode_costs_the_same():
    class Inferring(nn.Sequential):
        @torch.inference_mode()
        def forward(self, x):
            return super().forward(x)

    layers = [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4 * 6 * 5, 7)]
    shape = (2, 3, 8, 7)
    assert count_macs(Inferring(*layers), shape) == count_macs(nn.Sequential(*layers), shape) > 0
