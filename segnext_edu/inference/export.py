"""A model for other runtimes: `python -m segnext_edu export` writes ONNX, or PyTorch's own pt2 (torch.export).

The graph takes `images` (B, 3, H, W), ImageNet-normalised float32, and gives `logits` (B, K, H, W); B, H and W are
free, H and W from 33 up. The NMF starts from the fixed bases of eval mode, which are a constant in the graph, so the
file answers as the checkpoint does. What a program without this package has to know lies in the file's metadata:
class names, normalisation, short side, terms of use.

Before it gets its name, the file is loaded again and asked about images of sizes that were not traced.
"""

from __future__ import annotations

import argparse
import copy
import io
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from segnext_edu.checkpoints import card_short_side, load, unusable
from segnext_edu.data.images import IMAGENET_MEAN, IMAGENET_STD
from segnext_edu.files import InputError, appears_whole, printable
from segnext_edu.model.segnext import SegNeXt

if TYPE_CHECKING:
    from torch.export import ExportedProgram

TRACED = (2, 3, 96, 128)  # no side is 1 and no two are equal: else the tracer would take them for constants, or for one
UNTRACED = ((1, 3, 33, 70), (3, 3, 160, 64))
TOLERANCE = 1e-4  # of the logits
METADATA = "metadata.json"  # its name inside a pt2 file

Network = Callable[[Tensor], Tensor]  # images (B, 3, H, W) → logits


def main(args: argparse.Namespace) -> int:
    """Write the file, and say how far its answers are from the checkpoint's."""
    write = {"onnx": write_onnx, "pt2": write_pt2}[args.format]
    out = args.out or Path(args.checkpoint.with_suffix("." + args.format).name)
    if out.suffix != "." + args.format:
        raise InputError(f"{out}: --format {args.format} writes a file whose name ends in .{args.format}")
    if args.format == "onnx":
        need_onnx()
    model = load(args.checkpoint)
    difference = write(model, out)
    print(f"{printable(out)}: largest difference of the logits {difference:.0e}, at sizes that were not traced")
    return 0


def need_onnx() -> None:
    """Raises InputError where a library that writes or runs ONNX files is missing."""
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"export: {error.name} is not installed, and ONNX files need it; "
            "pip install onnx onnxscript onnxruntime, or choose --format pt2"
        ) from error


def metadata(model: SegNeXt) -> dict[str, str]:
    """What a file says about itself, every value as JSON."""
    known = {
        "variant": model.variant,
        "classes": model.classes,
        "mean": IMAGENET_MEAN,  # of pixels in 0..1, red, green, blue
        "std": IMAGENET_STD,
        "short_side": card_short_side(model.card),  # the images it learned from had it, in pixels
        "terms": model.card.get("terms", "its training card names none"),
        "card": model.card,
    }
    return {name: json.dumps(value) for name, value in known.items()}


def free_sizes() -> dict[str, Any]:
    """The sides of the input that no file fixes, by name."""
    from torch.export import Dim

    return {"images": {0: Dim("batch"), 2: Dim("height", min=33), 3: Dim("width", min=33)}}


class AtStride8(nn.Module):
    """A model up to its logits at stride 8, before they are enlarged: images → (B, K, h, w)."""

    def __init__(self, model: SegNeXt):
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        return self.model.decode(self.model.encode(images))


def trace(model: SegNeXt, whole: bool = True) -> ExportedProgram:
    """The model's graph, free in batch, height and width; up to stride 8 where it is not the `whole` one.

    Raises InputError where its answers would mean nothing.
    """
    problem = unusable(model)
    if problem:
        raise InputError(f"the model cannot be exported: {problem}")
    # A copy, with the plain memory layout: pt2 files have trouble with weights in channels_last.
    copied = copy.deepcopy(model).cpu().eval().to(memory_format=torch.contiguous_format)  # pyright: ignore[reportCallIssue]
    with torch.no_grad():
        module = copied if whole else AtStride8(copied)
        return torch.export.export(module, (torch.zeros(TRACED),), dynamic_shapes=free_sizes())


def onnxruntime_session(path: Path) -> Network:
    """The graph in a file, as ONNX Runtime computes it on as many threads as PyTorch has."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda images: torch.from_numpy(session.run(None, {"images": images.contiguous().numpy()})[0])


def write_onnx(
    model: SegNeXt, path: Path, whole: bool = True, session: Callable[[Path], Network] = onnxruntime_session
) -> float:
    """Write an ONNX file, whole or not at all. Returns by how much its answers differ, by the engine of `session`."""
    # The exporter warns that torchvision, which nothing here uses, is not installed.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    program = torch.onnx.export(
        trace(model, whole), dynamo=True, dynamic_shapes=free_sizes(), output_names=["logits"], verbose=False
    )
    assert program is not None
    program.model.metadata_props.update(metadata(model))
    with appears_whole(path) as part:
        program.save(part)
        return checked(model if whole else AtStride8(model), session(part))


def write_pt2(model: SegNeXt, path: Path) -> float:
    """Write a file for torch.export.load, whole or not at all. Returns by how much its answers differ."""
    content = io.BytesIO()
    torch.export.save(trace(model), content, extra_files={METADATA: json.dumps(metadata(model))})
    with appears_whole(path) as part:
        part.write_bytes(content.getvalue())
        content.seek(0)
        return checked(model, torch.export.load(content).module())


def checked(model: Network, exported: Network) -> float:
    """The largest difference of the logits over images of sizes that were not traced.

    Raises InputError where it is more than `TOLERANCE`: no file is better than a wrong one.
    """
    differences = []
    with torch.inference_mode():
        for seed, shape in enumerate(UNTRACED):
            images = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
            differences.append((exported(images) - model(images)).abs().max())
    difference = torch.stack(differences).max().item()  # NaN where one of them is
    if not difference <= TOLERANCE:
        raise InputError(
            f"the exported graph's logits are off by {difference:.1e}, and at most {TOLERANCE:.0e} is allowed; nothing "
            "was written. Choose the other --format"
        )
    return difference
