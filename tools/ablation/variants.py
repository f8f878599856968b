"""Every variant: which question it answers, and how it is made of nano.

All keep nano's channels and depths, and whatever else they do not say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

from segnext_edu.model.decoders import AllMLP, OtherDecoder, PlainHead
from segnext_edu.model.hamburger import NMF
from segnext_edu.model.mscan import FFN, Block, init_conv
from segnext_edu.model.segnext import VARIANTS as SIZES
from segnext_edu.model.segnext import LightHam, SegNeXt
from tools.ablation.parts import ConvNeXtBlock, GateOf, NoContext, SelfAttention, WithoutShortcut
from tools.bench.baselines import SegFormerB0, UNet

NANO = SIZES["nano"]
PAPER = "as in the paper"


@dataclass(frozen=True)
class Variant:
    """question: which part it asks about; build: classes → the network; paper: what the paper found, if it asked."""

    question: str
    build: Callable[[int], nn.Module]
    paper: str = ""


def blocks(model: SegNeXt) -> list[Block]:
    return [block for stage in model.encoder.stages for block in stage.blocks]  # pyright: ignore


def with_gate(classes: int, **changes: Any) -> SegNeXt:
    """Another gate in every block."""
    model = SegNeXt("nano", classes)
    for block in blocks(model):
        block.attention.msca = GateOf(block.norm1.num_features, **changes).apply(init_conv)  # pyright: ignore
    return model


def without_shortcut(classes: int) -> SegNeXt:
    model = SegNeXt("nano", classes)
    for block in blocks(model):
        block.attention = WithoutShortcut(block.attention)  # pyright: ignore
    return model


def without_layer_scale(classes: int) -> SegNeXt:
    """Both scales are 1, and stay so."""
    model = SegNeXt("nano", classes)
    for block in blocks(model):
        for name in ("layer_scale_1", "layer_scale_2"):
            ones = torch.ones_like(getattr(block, name))
            delattr(block, name)
            block.register_buffer(name, ones)
    return model


def wide_early(classes: int) -> SegNeXt:
    """The expansion of the paper's sizes, 8 in stages 1 and 2; nano has 4 everywhere."""
    model = SegNeXt("nano", classes)
    for stage in model.encoder.stages[:2]:
        for block in stage.blocks:  # pyright: ignore
            block.ffn = FFN(block.norm1.num_features, 8).apply(init_conv)
    return model


def convnext(classes: int) -> SegNeXt:
    model = SegNeXt("nano", classes)
    for stage, ratio in zip(model.encoder.stages, NANO.mlp_ratios):
        made = [ConvNeXtBlock(block.norm1.num_features, ratio).apply(init_conv) for block in stage.blocks]  # pyright: ignore
        stage.blocks = nn.Sequential(*made)
    return model


def with_context(classes: int, context: Callable[[int], nn.Module], whole: bool = False) -> SegNeXt:
    """Another module in the NMF's place, or, `whole`, in the Hamburger's."""
    model = SegNeXt("nano", classes)
    made = context(NANO.decoder_width).apply(init_conv)
    if whole:
        model.decoder.hamburger = made  # pyright: ignore
    else:
        model.decoder.hamburger.nmf = made  # pyright: ignore
    return model


def with_decoder(classes: int, decoder: Callable[..., nn.Module], first: int, **given: Any) -> SegNeXt:
    """Another decoder, on the stages from `first` on."""
    made = decoder(NANO.channels[first - 1 :], NANO.decoder_width, num_classes=classes, **given)
    return OtherDecoder("nano", made, first, classes)


GATE = "Which branches does the gate need?"
PRODUCT = "Does it matter how the gate is made and used?"
BLOCK = "What holds the block together?"
DECODER = "Which decoder?"
CONTEXT = "What does the Hamburger add?"
ENCODER = "Does another encoder do as well?"

VARIANTS = {
    PAPER: Variant("", partial(SegNeXt, "nano")),
    "without 7": Variant(GATE, partial(with_gate, strips=(11, 21))),
    "without 11": Variant(GATE, partial(with_gate, strips=(7, 21))),
    "without 21": Variant(GATE, partial(with_gate, strips=(7, 11))),
    "only 7": Variant(GATE, partial(with_gate, strips=(7,)), "39.6 instead of 41.1"),
    "only 11": Variant(GATE, partial(with_gate, strips=(11,)), "39.7 instead of 41.1"),
    "only 21": Variant(GATE, partial(with_gate, strips=(21,)), "40.0 instead of 41.1"),
    "one 21 × 21": Variant(
        GATE, partial(with_gate, strips=(), square=21, identity=False), "39.5 instead of 41.0 (VAN)"
    ),
    "no 1 × 1": Variant(PRODUCT, partial(with_gate, mix=False), "39.1 instead of 41.1"),
    "sum, no product": Variant(PRODUCT, partial(with_gate, join="sum"), "40.5 instead of 41.1"),
    "sigmoid on the gate": Variant(PRODUCT, partial(with_gate, join="sigmoid")),
    "no inner shortcut": Variant(BLOCK, without_shortcut),
    "no layer scale": Variant(BLOCK, without_layer_scale),
    "expansion 8, 8, 4, 4": Variant(BLOCK, wide_early),
    "LightHam with stage 1": Variant(
        DECODER, partial(with_decoder, decoder=LightHam, first=1, rank=NANO.rank), "40.7 instead of 41.1"
    ),
    "last stage only": Variant(DECODER, partial(with_decoder, decoder=LightHam, first=4, rank=NANO.rank)),
    "MLP decoder": Variant(DECODER, partial(with_decoder, decoder=AllMLP, first=1), "40.3 instead of 41.1"),
    "concatenate and convolve": Variant(DECODER, partial(with_decoder, decoder=PlainHead, first=2)),
    "no Hamburger": Variant(CONTEXT, partial(with_context, context=lambda _: NoContext(), whole=True)),
    "softmax attention": Variant(CONTEXT, partial(with_context, context=SelfAttention), "48.6 instead of 48.5 (base)"),
    "rank 4": Variant(CONTEXT, partial(with_context, context=lambda channels: NMF(channels, 4))),
    "rank 64": Variant(CONTEXT, partial(with_context, context=lambda channels: NMF(channels, 64))),
    "ConvNeXt blocks": Variant(ENCODER, convnext),
    "SegFormer-B0": Variant(ENCODER, SegFormerB0),
    "U-Net": Variant(ENCODER, partial(UNet, width=12)),
}
