"""Weights in and out: our own files (safetensors), and those the authors published (pickles, under other names)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from segnext_edu.files import InputError, appears_whole, repository_data
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

FREE = "Apache-2.0"  # the terms of what its card lays no others on


@dataclass(frozen=True)
class Available:
    """A checkpoint that ships with the project: where it lies, what it is, and on what terms."""

    path: Path
    variant: str
    classes: tuple[str, ...]
    learned_from: str  # the data set
    miou: float  # on that data set's validation split
    terms: str


def save(model: SegNeXt, path: str | Path, classes: Sequence[str], card: Mapping[str, Any], half: bool = False) -> None:
    """Write a model as safetensors, whole or not at all; variant, class names and training card go into its metadata.

    Args:
        classes: the K class names, in the order of the logits.
        card: what a reader should know: data, recipe, steps, scores; anything JSON can hold. "terms" are what its users
            must keep to, and `load` says them.
        half: in float16, half as large; `load` gives float32 again.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    if half:
        tensors = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
    metadata = {"variant": model.variant, "classes": json.dumps(list(classes)), "card": json.dumps(dict(card))}
    with appears_whole(path) as part:
        part.write_bytes(to_bytes(tensors, metadata))


def load(path: str | Path) -> SegNeXt:
    """Read a model written by `save`, in eval mode and channels_last; its class names and card are `model.classes`,
    `model.card`. Where its card names terms of use, they are printed.

    Args:
        path: a file, or the name of a checkpoint that ships with the project, such as "tiny_street" (`available`).

    Raises InputError when the file is missing, is not such a checkpoint, or does not fit its own description.
    """
    model = read(path)
    if "terms" in model.card:
        print(f"{Path(path).name}: {model.card['terms']}")
    return model


def read(path: str | Path) -> SegNeXt:
    """`load` without a word, for figures that state the terms themselves."""
    path = Path(path)
    if not path.is_file():
        shipped = available()
        if str(path) not in shipped:
            raise InputError(
                f"{path}: no such checkpoint; `python -m segnext_edu train` writes one, and the project ships "
                f"{', '.join(shipped)}"
            )
        path = shipped[str(path)].path
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        variant, classes, card = metadata["variant"], json.loads(metadata["classes"]), json.loads(metadata["card"])
        model = SegNeXt(variant, len(classes))
        model.load_state_dict({name: tensor.to(model.state_dict()[name].dtype) for name, tensor in tensors.items()})
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise InputError(
            f"{path}: not a checkpoint of this package ({first_line(error)}); "
            "expected a .safetensors file written by segnext_edu.checkpoints.save"
        ) from error
    model.classes, model.card = tuple(classes), card
    return model.eval().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def available() -> dict[str, Available]:
    """The checkpoints that ship with the project, by name."""
    found = {}
    for path in sorted((repository_data() / "checkpoints").glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
        card = json.loads(metadata["card"])
        learned_from, miou = card["recipe"]["data"], card["score"]["miou"]
        classes = tuple(json.loads(metadata["classes"]))
        found[path.stem] = Available(path, metadata["variant"], classes, learned_from, miou, card.get("terms", FREE))
    return found


def card_short_side(card: dict[str, Any]) -> int:
    """The short side a checkpoint was trained at, in pixels; the paper's 512 where its card does not say."""
    return card.get("recipe", {}).get("short_side", 512)


def begin_with(model: nn.Module, path: str | Path, classes: Sequence[str]) -> dict[str, Any]:
    """Give a model the weights of a checkpoint, in place; but the classifier keeps its own where the classes differ.

    Args:
        classes: the K names of the model's classes, in the order of its logits.

    Returns: the checkpoint's card. Raises InputError when the checkpoint is of another variant.
    """
    start = read(path)
    mine, theirs = model.state_dict(), start.state_dict()
    classifier = {"decoder.classify.weight", "decoder.classify.bias"}
    other = {name for name in mine if name not in theirs or mine[name].shape != theirs[name].shape}
    if mine.keys() != theirs.keys() or not other <= classifier:
        raise InputError(f"{path}: a {start.variant!r} cannot begin another network; give the --variant it was made as")
    kept = set() if start.classes == tuple(classes) else classifier
    model.load_state_dict({name: tensor for name, tensor in theirs.items() if name not in kept}, strict=False)
    return start.card


def first_line(error: Exception) -> str:
    """An error in a line, for another message to quote."""
    return next(iter(str(error).splitlines()), type(error).__name__)


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
