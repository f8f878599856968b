"""The names of the weights that the authors published, or mmsegmentation 1.x, beside ours.

Notebook 07 builds `official_name` and `from_official`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from segnext_edu.files import InputError
from segnext_edu.model.segnext import VARIANTS, SegNeXt

# Our name for a part of a block → the authors'. mmsegmentation 1.x says "mlp.dwconv" where the authors say it twice.
BLOCK_NAMES = {
    "layer_scale_1": "layer_scale_1",
    "layer_scale_2": "layer_scale_2",
    "attention.proj_in": "attn.proj_1",
    "attention.proj_out": "attn.proj_2",
    "attention.msca.local": "attn.spatial_gating_unit.conv0",
    "attention.msca.strips.0.horizontal": "attn.spatial_gating_unit.conv0_1",
    "attention.msca.strips.0.vertical": "attn.spatial_gating_unit.conv0_2",
    "attention.msca.strips.1.horizontal": "attn.spatial_gating_unit.conv1_1",
    "attention.msca.strips.1.vertical": "attn.spatial_gating_unit.conv1_2",
    "attention.msca.strips.2.horizontal": "attn.spatial_gating_unit.conv2_1",
    "attention.msca.strips.2.vertical": "attn.spatial_gating_unit.conv2_2",
    "attention.msca.mix": "attn.spatial_gating_unit.conv3",
    "ffn.fc1": "mlp.fc1",
    "ffn.dwconv": "mlp.dwconv.dwconv",
    "ffn.fc2": "mlp.fc2",
}
DECODER_NAMES = {
    "squeeze.0": "squeeze.conv",
    "squeeze.1": "squeeze.gn",
    "hamburger.ham_in": "hamburger.ham_in.conv",
    "hamburger.ham_out": "hamburger.ham_out.conv",
    "hamburger.norm": "hamburger.ham_out.gn",
    "align.0": "align.conv",
    "align.1": "align.gn",
    "classify": "conv_seg",
}


def official_name(name: str) -> str:
    """Our name of a tensor → the name it has in the authors' checkpoints."""
    if name.startswith("decoder."):
        module, _, leaf = name.removeprefix("decoder.").rpartition(".")
        return f"decode_head.{DECODER_NAMES[module]}.{leaf}"
    _, _, index, part, rest = name.split(".", 4)  # encoder.stages.<index>.<part>.<rest>
    stage = int(index) + 1
    if part == "norm":
        return f"backbone.norm{stage}.{rest}"
    if part == "down" and stage == 1:
        return f"backbone.patch_embed1.proj.{rest}"
    if part == "down":
        layer, leaf = rest.split(".")
        return f"backbone.patch_embed{stage}.{'proj' if layer == '0' else 'norm'}.{leaf}"
    block, inside = rest.split(".", 1)
    if inside in BLOCK_NAMES:  # the layer scales, which are tensors of the block itself
        return f"backbone.block{stage}.{block}.{BLOCK_NAMES[inside]}"
    module, leaf = inside.rsplit(".", 1)
    return f"backbone.block{stage}.{block}.{BLOCK_NAMES.get(module, module)}.{leaf}"


def from_official(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The authors' names, or mmsegmentation 1.x's, → ours; every tensor accounted for.

    The size is the one of `VARIANTS` that fits the most tensors; the classifier tells the number of classes.

    Raises InputError naming the tensors that are missing, left over or of the wrong shape.
    """
    twice = any(".dwconv.dwconv." in name for name in state_dict)
    variant, expected = max(_layouts(state_dict, twice), key=lambda layout: _agreement(layout[1], state_dict))
    shapes = {theirs: shape for theirs, _, shape in expected}
    faults = [f"missing {name}" for name in shapes if name not in state_dict]
    faults += [f"unknown {name}" for name in state_dict if name not in shapes]
    faults += [
        f"{name} has shape {tuple(state_dict[name].shape)}, expected {tuple(shape)}"
        for name, shape in shapes.items()
        if name in state_dict and state_dict[name].shape != shape
    ]
    if faults:
        more = f"; and {len(faults) - 5} more" if len(faults) > 5 else ""
        raise InputError(
            f"not the weights of SegNeXt-{variant}, which they resemble most: {'; '.join(faults[:5])}{more}"
        )
    return {ours: state_dict[theirs] for theirs, ours, _ in expected}


Layout = list[tuple[str, str, torch.Size]]


def _layouts(state_dict: Mapping[str, Tensor], twice: bool) -> Iterator[tuple[str, Layout]]:
    """For each size: (their name, our name, shape) of every tensor, with the classes that the classifier has."""
    classifier = state_dict.get("decode_head.conv_seg.bias")
    for variant in VARIANTS:
        with torch.device("meta"):
            model = SegNeXt(variant, 150 if classifier is None else classifier.numel())
        names = [(official_name(name), name, tensor.shape) for name, tensor in model.state_dict().items()]
        if not twice:
            names = [(theirs.replace(".dwconv.dwconv.", ".dwconv."), ours, shape) for theirs, ours, shape in names]
        yield variant, names


def _agreement(layout: Layout, state_dict: Mapping[str, Tensor]) -> int:
    """How many tensors fit, less those that the layout lacks or has too many of."""
    fitting = sum(theirs in state_dict and state_dict[theirs].shape == shape for theirs, _, shape in layout)
    return 2 * fitting - len(layout) - len(state_dict)
