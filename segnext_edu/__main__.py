"""The commands: `python -m segnext_edu train | evaluate | predict | export | data | …`; --help has them all."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from segnext_edu import atlas, bench, export, looks
from segnext_edu.course import command as course
from segnext_edu.files import InputError, appears_whole, one_line_errors
from segnext_edu.segnext import VARIANTS

# Heavy libraries are imported by the command that needs them, so that --help answers at once.


@one_line_errors
def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; the exit code is 0, 2 when the input is at fault, 130 after Ctrl+C."""
    args = parser().parse_args(arguments)
    args.command(args)


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = argparse.ArgumentParser(prog="python -m segnext_edu", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="command")

    train = commands.add_parser("train", help="turn photographs and masks into a checkpoint")
    train.set_defaults(command=train_command)
    train.add_argument("--out", required=True, type=Path, help="folder for the log and the checkpoints")
    train.add_argument("--resume", action="store_true", help="go on with the run in --out")
    train.add_argument("--save-every", type=int, default=500, help="steps between checkpoints and scores (500)")
    train.add_argument("--device", default="auto", help="auto, cpu or cuda (auto)")
    train.add_argument("--precision", default="auto", help="float32, bf16 or auto: bf16 on a GPU (auto)")
    train.add_argument("--compile", action="store_true", help="let torch.compile join the network's operations")
    recipe = train.add_argument_group("recipe", "left out, these are the authors', or for nano those of our lessons")
    recipe.add_argument("--data", default=argparse.SUPPRESS, help="mini, ade20k, or a folder or zip")
    recipe.add_argument("--variant", default=argparse.SUPPRESS, choices=VARIANTS)
    for flag, kind, text in (
        ("--steps", int, "training steps"),
        ("--batch", int, "pictures a step, over all devices"),
        ("--crop", int, "side of the training crops, pixels"),
        ("--short-side", int, "short side of a picture at scale 1, pixels (as --crop)"),
        ("--lr", float, "learning rate of the encoder"),
        ("--head-lr", float, "the decoder's learning rate, as a multiple"),
        ("--weight-decay", float, "AdamW's, on all but the norms"),
        ("--warmup", int, "steps of linear warm-up"),
        ("--clip", float, "largest norm of the gradient (no limit)"),
        ("--seed", int, "decides everything random"),
        ("--start", str, "a checkpoint of the same variant whose weights to begin with"),
    ):
        recipe.add_argument(flag, type=kind, default=argparse.SUPPRESS, help=text)
    recipe.add_argument(
        "--freeze-encoder", action="store_true", default=argparse.SUPPRESS, help="let only the decoder learn"
    )

    evaluate = commands.add_parser("evaluate", help="score a checkpoint on a data set")
    evaluate.set_defaults(command=evaluate_command)
    evaluate.add_argument("--checkpoint", required=True, type=Path)
    evaluate.add_argument("--data", required=True, help="mini, ade20k, or a folder or zip; its val split is scored")
    looks.add_arguments(evaluate)

    predict = commands.add_parser("predict", help="label a photograph")
    predict.set_defaults(command=predict_command)
    predict.add_argument("--checkpoint", required=True, type=Path)
    predict.add_argument("photo", type=Path)
    predict.add_argument("--out", required=True, type=Path, help="where the overlay goes, as .png or .jpg")
    looks.add_arguments(predict)

    data = commands.add_parser("data", help="fetch and cut down a data set")
    ade20k = data.add_subparsers(required=True, metavar="name").add_parser("ade20k", help="a small ADE20K")
    ade20k.set_defaults(command=ade20k_command)
    ade20k.add_argument("--source", required=True, help="ADEChallengeData2016.zip, its unpacked folder, or a URL")
    ade20k.add_argument("--out", type=Path, default=Path("data/ade20k_mini"))
    ade20k.add_argument("--train", type=int, default=2000, help="pictures to train on (2000)")
    ade20k.add_argument("--val", type=int, default=200, help="pictures to score on (200)")
    ade20k.add_argument("--seed", type=int, default=0)
    ade20k.add_argument("--sha256", help="what the zip's SHA-256 must be")

    official = commands.add_parser("fetch-official", help="the authors' weights as a checkpoint of this package")
    official.set_defaults(command=fetch_official_command)
    official.add_argument("variant", choices=[name for name in VARIANTS if name != "nano"])
    official.add_argument("--url", required=True, help="of the published .pth")
    official.add_argument("--sha256", help="what the .pth's SHA-256 must be")
    official.add_argument("--out", type=Path, help="where it goes (segnext_<variant>.safetensors)")

    atlas_parser = commands.add_parser("atlas", help="a photograph's attention maps as a page for any browser")
    atlas_parser.set_defaults(command=atlas.main)
    atlas.add_arguments(atlas_parser)

    bench_parser = commands.add_parser("bench", help="our speed, beside mmsegmentation's where it is installed")
    bench_parser.set_defaults(command=bench.main)
    bench.add_arguments(bench_parser)

    export_parser = commands.add_parser("export", help="a checkpoint as ONNX or pt2, for other runtimes")
    export_parser.set_defaults(command=export.main)
    export.add_arguments(export_parser)

    course_parser = commands.add_parser("course", help="notebooks for a class, and their grading")
    course_parser.set_defaults(command=course.main)
    course.add_arguments(course_parser)
    return top


def train_command(args: argparse.Namespace) -> None:
    import torch
    from tqdm import tqdm

    from segnext_edu import processes
    from segnext_edu.allocator import keep_freed_memory
    from segnext_edu.run import Run
    from segnext_edu.train import Recipe, default_recipe

    keep_freed_memory()
    given = {field.name: getattr(args, field.name) for field in dataclasses.fields(Recipe) if hasattr(args, field.name)}
    state = args.out / "resume.pt"
    if args.resume and state.exists():
        recipe = Recipe(**{**torch.load(state, weights_only=True)["recipe"], **given})
    elif "data" not in given:
        raise InputError(
            "--data is missing: mini (the drawn scenes), ade20k, or a folder with images/ and annotations/"
        )
    else:
        recipe = default_recipe(**given)
    try:
        run = Run(recipe, args.out, args.resume, args.save_every, args.device, args.precision, args.compile)
        main_process = run.accelerator.is_main_process
        with tqdm(total=recipe.steps, initial=run.step, disable=not main_process, smoothing=0.1) as bar:
            for record in run:
                bar.update()
                bar.set_postfix_str(
                    f"loss {record['loss']:.3f}, lr {record['lr']:.1e}, {record['images_per_s']:.1f} images/s"
                )
                if "miou" in record and main_process:
                    bar.write(f"step {record['step']}: mIoU {record['miou']:.4f}, accuracy {record['accuracy']:.4f}")
        if main_process:
            print(f"best mIoU {run.best:.4f}; checkpoints and log in {args.out}")
    finally:
        processes.part()


def evaluate_command(args: argparse.Namespace) -> None:
    from segnext_edu import checkpoints, inference
    from segnext_edu.data import load_scenes

    look = looks.look_from(args)
    model = checkpoints.load(args.checkpoint).to(best_device())
    short_side = looks.short_side_from(args, inference.card_short_side(model.card))
    scenes = inference.scored_scenes(load_scenes(args.data, "val"), model.classes)
    matrix = inference.evaluate(model, scenes, short_side, look)
    print(inference.report(matrix, model.classes))


def predict_command(args: argparse.Namespace) -> None:
    import numpy as np

    from segnext_edu import checkpoints, inference
    from segnext_edu.data.palette import colours
    from segnext_edu.optimize import optimize

    if args.out.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise InputError(f"{args.out}: the overlay is a picture; give --out a name that ends in .png or .jpg")
    look = looks.look_from(args)
    photo = inference.open_photo(args.photo)
    model = checkpoints.load(args.checkpoint).to(best_device())
    short_side = looks.short_side_from(args, inference.card_short_side(model.card))
    fast = optimize(model)  # which needs less memory, too: a large photograph seen whole would fill it
    labels = inference.predict(fast, inference.to_tensor(photo), short_side, look).cpu().numpy()
    picture = inference.overlay(photo, labels, model.classes, colours(model.classes))
    with appears_whole(args.out) as part:
        picture.save(part, "JPEG" if args.out.suffix.lower() != ".png" else "PNG")
    shares = np.bincount(labels.ravel(), minlength=len(model.classes)) / labels.size
    for index in np.argsort(-shares):
        if shares[index] >= 0.001:
            print(f"{shares[index]:6.1%}  {model.classes[index]}")


def best_device() -> str:
    """Where a model answers fastest: a GPU where there is one."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def ade20k_command(args: argparse.Namespace) -> None:
    from segnext_edu.data.ade20k import write_subset

    write_subset(args.source, args.out, args.train, args.val, args.seed, args.sha256)


def fetch_official_command(args: argparse.Namespace) -> None:
    from segnext_edu.official import fetch_official

    out = args.out or Path(f"segnext_{args.variant}.safetensors")
    print(f"{fetch_official(args.variant, args.url, out, args.sha256)} is ready for evaluate and predict")


if __name__ == "__main__":
    sys.exit(main())
