"""Weights in and out: our own files (safetensors), and those the authors published (pickles, under other names)."""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from segnext_edu.files import InputError, appears_whole
from segnext_edu.segnext import VARIANTS, SegNeXt

# Our name for a part of a block → the authors'. mmsegmentation 1.x says "mlp.dwconv" where the authors say it twice.
BLOCK_NAMES = {
    "scale1": "layer_scale_1",
    "scale2": "layer_scale_2",
    "attention.proj_in": "attn.proj_1",
    "attention.proj_out": "attn.proj_2",
    "attention.msca.local": "attn.spatial_gating_unit.conv0",
    "attention.msca.strips.0.row": "attn.spatial_gating_unit.conv0_1",
    "attention.msca.strips.0.col": "attn.spatial_gating_unit.conv0_2",
    "attention.msca.strips.1.row": "attn.spatial_gating_unit.conv1_1",
    "attention.msca.strips.1.col": "attn.spatial_gating_unit.conv1_2",
    "attention.msca.strips.2.row": "attn.spatial_gating_unit.conv2_1",
    "attention.msca.strips.2.col": "attn.spatial_gating_unit.conv2_2",
    "attention.msca.mix": "attn.spatial_gating_unit.conv3",
    "ffn.widen": "mlp.fc1",
    "ffn.neighbours": "mlp.dwconv.dwconv",
    "ffn.narrow": "mlp.fc2",
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


def save(model: SegNeXt, path: str | Path, classes: Sequence[str], card: Mapping[str, Any]) -> None:
    """Write a model as safetensors, whole or not at all; variant, class names and training card go into its metadata.

    Args:
        classes: the K class names, in the order of the logits.
        card: what a reader should know: data, recipe, steps, scores; anything JSON can hold.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    metadata = {"variant": model.variant, "classes": json.dumps(list(classes)), "card": json.dumps(dict(card))}
    with appears_whole(path) as part:
        part.write_bytes(to_bytes(tensors, metadata))


def load(path: str | Path) -> SegNeXt:
    """Read a model written by `save`, in eval mode and channels_last; its class names and card are `model.classes`,
    `model.card`.

    Raises InputError when the file is missing, is not such a checkpoint, or does not fit its own description.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such checkpoint; `python -m segnext_edu train` writes one")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        variant, classes, card = metadata["variant"], json.loads(metadata["classes"]), json.loads(metadata["card"])
        model = SegNeXt(variant, len(classes))
        model.load_state_dict({name: tensor.to(model.state_dict()[name].dtype) for name, tensor in tensors.items()})
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise InputError(
            f"{path}: not a checkpoint of this package ({_first_line(error)}); "
            "expected a .safetensors file written by segnext_edu.checkpoints.save"
        ) from error
    model.classes, model.card = tuple(classes), card
    return model.eval().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def read_official(path: str | Path) -> dict[str, Tensor]:
    """Read the `state_dict` inside a published checkpoint (.pth), whatever else (optimizer, logs) lies beside it.

    Published checkpoints are pickles, and a pickle can run any program. So only tensors and plain containers are read
    (`weights_only=True`); a file that needs more is refused, and nothing in it has run.

    Raises InputError when the file is missing, broken, needs more than weights, or holds no state dict.
    """
    path = Path(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except pickle.UnpicklingError as error:
        needs = re.search(r"GLOBAL ([\w.]+)", str(error))
        raise InputError(
            f"{path}: holds more than weights ({needs[1] if needs else 'objects that are code'}), and reading that "
            "would run code from the file. Nothing was run. Ask its publisher for a file with the state_dict alone"
        ) from error
    except (EOFError, RuntimeError, ValueError) as error:
        raise InputError(
            f"{path}: broken or not a PyTorch checkpoint ({_first_line(error)}); download it again"
        ) from error
    state_dict = content.get("state_dict", content) if isinstance(content, dict) else content
    if not isinstance(state_dict, dict) or not all(isinstance(value, Tensor) for value in state_dict.values()):
        raise InputError(
            f"{path}: holds no state_dict; expected named tensors, or a dictionary with them under 'state_dict'"
        )
    return dict(state_dict)


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
