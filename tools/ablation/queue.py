"""One run of one variant, and the order in which the missing ones are made."""

from __future__ import annotations

import dataclasses
import json
import shutil
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from segnext_edu.cost import count_macs, count_parameters
from segnext_edu.data import load_scenes
from segnext_edu.files import InputError, appears_whole
from segnext_edu.inference.evaluate import evaluate
from segnext_edu.training.recipe import Recipe
from segnext_edu.training.trainer import Run
from tools.ablation.variants import PAPER, VARIANTS

NORMS = (nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm)
SAVE_EVERY = 100  # steps
SEEDS = {"drawn": 5, "photographs": 3}
# The rate of the drawn scenes was chosen by `choose`, on training images that were set aside; the other is to be.
RECIPES = {
    "drawn": {"steps": 500, "batch": 8, "crop": 128, "short_side": 160, "lr": 1e-2},
    "photographs": {"steps": 500, "batch": 8, "crop": 160, "short_side": 224, "lr": 2e-3},
}
KEPT = 40  # images set aside while a rate is chosen
RATES = (2e-3, 5e-3, 1e-2, 2e-2)


def groups(model: nn.Module, lr: float, head_lr_mult: float, weight_decay: float) -> list[dict[str, Any]]:
    """AdamW's groups, by one rule for all variants: no weight decay on norms, one rate for encoder and decoder."""
    norms = [p for module in model.modules() if isinstance(module, NORMS) for p in module.parameters(recurse=False)]
    ids = {id(p) for p in norms}
    others = [p for p in model.parameters() if id(p) not in ids]
    return [
        {"params": others, "lr": lr, "weight_decay": weight_decay},
        {"params": norms, "lr": lr, "weight_decay": 0.0},
    ]


def build(name: str, seed: int, classes: int) -> nn.Module:
    """A variant's network as it begins."""
    torch.manual_seed(seed)
    model = VARIANTS[name].build(classes)
    for attribute in ("variant", "num_classes"):
        if not hasattr(model, attribute):
            raise AssertionError(f"{name} has no {attribute}")
    return model


def recipe_of(kind: str, data: str, seed: int, **given: Any) -> Recipe:
    """The recipe that all variants of a data set share."""
    settings = {**RECIPES[kind], "head_lr_mult": 1.0, "warmup": 50, "max_grad_norm": 1.0, "seed": seed, **given}
    return Recipe(data, "nano", **settings)


def train(name: str, recipe: Recipe, work: Path) -> dict[str, Any]:
    """Train one variant from one seed, in the folder `work` and on from what is there; all that came out, for JSON."""
    resume = (work / "resume.pt").exists()
    network = partial(build, name, recipe.seed)
    run = Run(recipe, work, resume, SAVE_EVERY, device="auto", precision="float32", network=network, groups=groups)
    for _ in run:
        pass
    run.close()
    model = run.bare.eval()
    # The last step's network: the best one's would be chosen by the very images it is scored on.
    matrix = evaluate(model, (run.val[index] for index in range(len(run.val))), recipe.short_side)
    log = [json.loads(line) for line in (work / "log.jsonl").read_text("utf-8").splitlines()]
    scored = [line for line in log if "miou" in line]
    return {
        "variant": name,
        "seed": recipe.seed,
        "recipe": {**dataclasses.asdict(recipe), "data": Path(recipe.data).name},
        "environment": run.environment,
        "minutes": round(sum(line["seconds"] for line in log) / 60, 2),
        "parameters": count_parameters(model),
        "macs_512": count_macs(model, (1, 3, 512, 512)),
        "step": [line["step"] for line in scored],
        "loss": [round(mean(log[max(line["step"] - 50, 0) : line["step"]]), 4) for line in scored],
        "miou": [round(line["miou"], 5) for line in scored],
        "classes": [each.split(",")[0] for each in run.classes],
        "counts": matrix.counts.tolist(),
    }


def mean(lines: list[dict[str, Any]]) -> float:
    return sum(line["loss"] for line in lines) / len(lines)


def file_of(out: Path, name: str, seed: int) -> Path:
    words = name.replace("×", "x").replace(",", "").split()
    return out / f"{'_'.join(words)}-{seed}.json"


def missing(kind: str, out: Path, only: list[str] | None = None) -> Iterator[tuple[str, int]]:
    """The runs that `out` lacks, every variant from one seed before any from the next."""
    for seed in range(SEEDS[kind]):
        for name in only or VARIANTS:
            if not file_of(out, name, seed).exists():
                yield name, seed


def work_off(kind: str, data: str, out: Path, work: Path, minutes: float, only: list[str] | None = None) -> None:
    """Make the missing runs, one after the other, and begin none once the time is up."""
    end = time.monotonic() + 60 * minutes
    for name, seed in missing(kind, out, only):
        if time.monotonic() > end:
            return
        path = file_of(out, name, seed)
        folder = work / path.stem
        result = train(name, recipe_of(kind, data, seed), folder)
        with appears_whole(path) as part:
            part.write_text(json.dumps(result, separators=(",", ":")) + "\n", "utf-8")
        shutil.rmtree(folder)
        print(f"{name}, seed {seed}: mIoU {result['miou'][-1]:.4f}, {result['minutes']:.1f} min", flush=True)


def choose(kind: str, data: str, work: Path) -> list[dict[str, Any]]:
    """The paper's nano at each rate and two seeds, scored on training images that were set aside."""
    aside = work / "holdout"
    if not aside.exists():
        set_aside(data, aside)
    rows = []
    for lr in RATES:
        for seed in (0, 1):
            recipe = recipe_of(kind, str(aside), seed, lr=lr)
            result = train(PAPER, recipe, work / f"choice-{lr}-{seed}")
            rows.append({"lr": lr, "seed": seed, "miou": result["miou"], "loss": result["loss"]})
            print(f"rate {lr}, seed {seed}: mIoU {result['miou'][-1]:.4f}", flush=True)
    return rows


def set_aside(data: str, out: Path) -> None:
    """A folder with the training images alone, the last of which are the ones to be scored on."""
    scenes = load_scenes(data, "train")
    if len(scenes) <= 2 * KEPT:
        raise InputError(f"{data}: has {len(scenes)} training images, too few to set {KEPT} aside")
    with appears_whole(out) as part:
        part.mkdir()
        scenes.select(range(len(scenes) - KEPT)).to_parquet(part / "train.parquet")
        scenes.select(range(len(scenes) - KEPT, len(scenes))).to_parquet(part / "val.parquet")
