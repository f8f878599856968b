"""The commands' options. Nothing heavy is imported here, so that --help and a mistyped option are answered at once."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

SEEDS = 2**63 - 1  # the largest one that PyTorch's generators take
PIXELS = 2**16  # the largest side of an image that makes sense here
SIZES = ("nano", "tiny", "small", "base", "large")  # `model.segnext.VARIANTS` by name, without PyTorch


def whole(least: int, most: int) -> Callable[[str], int]:
    """An option's type: a whole number in this range, both ends included."""

    def read(text: str) -> int:
        number = int(text) if len(text) <= 20 else most + 1
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"expected a whole number from {least} to {most}, got {text[:30]}")
        return number

    read.__name__ = "whole number"  # argparse's word for it, where the text is no number at all
    return read


def parser() -> argparse.ArgumentParser:
    """All commands and their options; `command` is the name of the one that was chosen."""
    top = argparse.ArgumentParser(
        prog="python -m segnext_edu",
        description="The commands; each has its own --help.",
        epilog="--debug, anywhere: show where an error came up that nobody has foreseen",
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="command")
    add_train(commands.add_parser("train", help="turn photographs and masks into a checkpoint"))

    evaluate = commands.add_parser("evaluate", help="score a checkpoint on a data set")
    evaluate.add_argument("--checkpoint", required=True, type=Path)
    evaluate.add_argument("--data", required=True, help="mini, ade20k, or a folder or zip; its val split is scored")
    add_inference_options(evaluate)

    predict = commands.add_parser("predict", help="label a photograph, or a folder of them")
    predict.add_argument("--checkpoint", required=True, type=Path)
    predict.add_argument("photo", type=Path, help="a photograph, or a folder of photographs")
    predict.add_argument("--out", required=True, type=Path, help="where the overlay goes, as .png or .jpg; or a folder")
    predict.add_argument(
        "--plain", action="store_true", help="run the model as the notebooks build it, not the optimised one"
    )
    add_inference_options(predict)

    data = commands.add_parser("data", help="fetch and cut down a data set")
    ade20k = data.add_subparsers(required=True, metavar="name").add_parser("ade20k", help="a small ADE20K")
    ade20k.add_argument("--source", required=True, help="ADEChallengeData2016.zip, its unpacked folder, or a URL")
    ade20k.add_argument("--out", type=Path, default=Path("data/ade20k_mini"))
    ade20k.add_argument("--train", type=whole(1, 10**6), default=2000, help="images to train on (2000)")
    ade20k.add_argument("--val", type=whole(1, 10**6), default=200, help="images to score on (200)")
    ade20k.add_argument("--seed", type=whole(0, SEEDS), default=0)
    ade20k.add_argument("--sha256", help="what the zip's SHA-256 must be")

    official = commands.add_parser("fetch-official", help="the authors' weights as a checkpoint of this package")
    official.add_argument("variant", choices=[name for name in SIZES if name != "nano"])
    official.add_argument("--url", required=True, help="of the published .pth")
    official.add_argument("--sha256", help="what the .pth's SHA-256 must be")
    official.add_argument("--out", type=Path, help="where it goes (segnext_<variant>.safetensors)")

    atlas = commands.add_parser("atlas", help="a photograph's attention maps as a page for any browser")
    atlas.add_argument("photo", type=Path)
    atlas.add_argument("--out", required=True, type=Path, help="where the page goes, as .html")
    atlas.add_argument("--checkpoint", type=Path, help="whose maps (the one for street photographs that ships)")

    export = commands.add_parser("export", help="a checkpoint as ONNX or pt2, for other runtimes")
    export.add_argument("--checkpoint", required=True, type=Path)
    export.add_argument(
        "--format", choices=("onnx", "pt2"), default="onnx", help="onnx, or pt2 for torch.export.load (onnx)"
    )
    export.add_argument("--out", type=Path, help="where it goes (the checkpoint's name, ending in .onnx or .pt2)")

    return top


def add_train(train: argparse.ArgumentParser) -> None:
    """The run's options, and the recipe's, which are absent where they are not given."""
    train.add_argument("--out", required=True, type=Path, help="folder for the log and the checkpoints")
    train.add_argument("--resume", action="store_true", help="go on with the run in --out")
    train.add_argument(
        "--save-every", type=whole(1, 10**9), default=500, help="steps between checkpoints and scores (500)"
    )
    train.add_argument("--device", default="auto", help="auto, cpu, cuda or mps, Apple's GPU (auto)")
    train.add_argument("--precision", default="auto", help="float32, bf16 or auto: bf16 on a GPU (auto)")
    train.add_argument("--compile", action="store_true", help="let torch.compile join the network's operations")
    recipe = train.add_argument_group("recipe", "left out, these are the authors', or for nano those of our lessons")
    recipe.add_argument("--data", default=argparse.SUPPRESS, help="mini, ade20k, or a folder or zip")
    recipe.add_argument("--variant", default=argparse.SUPPRESS, choices=SIZES)
    for flag, kind, text in (
        ("--steps", int, "training steps"),
        ("--batch", int, "images per step, over all devices"),
        ("--crop", int, "side of the training crops, pixels"),
        ("--short-side", int, "short side of an image at scale 1, pixels (as --crop)"),
        ("--lr", float, "learning rate of the encoder"),
        ("--head-lr-mult", float, "the decoder's learning rate, as a multiple"),
        ("--weight-decay", float, "AdamW's, on all but the norms"),
        ("--warmup", int, "steps of linear warm-up"),
        ("--max-grad-norm", float, "largest norm of the gradient (no limit)"),
        ("--seed", whole(0, SEEDS), "decides everything random"),
        ("--start", str, "a checkpoint of the same variant whose weights to begin with"),
    ):
        recipe.add_argument(flag, type=kind, default=argparse.SUPPRESS, help=text)
    recipe.add_argument(
        "--freeze-encoder", action="store_true", default=argparse.SUPPRESS, help="let only the decoder learn"
    )


def add_inference_options(parser: argparse.ArgumentParser) -> None:
    """Input size, sliding window and test-time augmentation. `__main__.inference_options` reads them."""
    group = parser.add_argument_group(
        "inference",
        "By default the network sees the whole image once, its short side resized to what the checkpoint was trained "
        "at. A network knows things at the size at which it learned them: a larger image gives finer outlines and "
        "needs more memory, but what then fills hundreds of pixels may no longer be recognised.",
    )
    group.add_argument(
        "--engine",
        choices=("auto", "torch", "onnxruntime", "openvino"),
        default="auto",
        help="what computes the network on a CPU: PyTorch, or ONNX Runtime or OpenVINO where they are installed (auto: "
        "the fastest one, where there is enough to label)",
    )
    group.add_argument(
        "--short-side",
        metavar="PIXELS",
        help="resize the short side to this instead, or to its own size: own (as the checkpoint was trained)",
    )
    group.add_argument(
        "--tile",
        type=whole(32, PIXELS),
        metavar="PIXELS",
        help="sliding-window inference: predict square tiles of this many pixels, one after the other, and blend the "
        "answers. The network's memory is bounded by the tile, but no tile knows what the others see (the whole image "
        "at once)",
    )
    group.add_argument(
        "--overlap",
        type=whole(0, PIXELS),
        metavar="PIXELS",
        help="pixels that neighbouring tiles share (about a quarter of a tile)",
    )
    group.add_argument(
        "--multi-scale",
        action="store_true",
        help="test-time augmentation, as for the paper's multi-scale scores: average the probabilities at 0.5, 0.75, "
        "1, 1.25, 1.5 and 1.75 times the short side, each also mirrored. About 17 times the work",
    )
