"""What a run is resumed from: `resume.pt`, written whole, and read as if a stranger had written it."""

from __future__ import annotations

import dataclasses
import pickle
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from segnext_edu.checkpoints import first_line, not_finite
from segnext_edu.files import InputError, appears_whole
from segnext_edu.training.recipe import Recipe

Moments = dict[int, dict[str, Tensor]]  # AdamW's averages: number of the parameter → step, exp_avg, exp_avg_sq


@dataclass(frozen=True)
class State:
    """All that the next step depends on."""

    recipe: Recipe
    step: int  # steps that are done
    best: float  # the best mIoU so far, -1 where there is none
    model: dict[str, Tensor]
    moments: Moments


def save_state(path: Path, state: State) -> None:
    """Write a `resume.pt`, whole or not at all."""
    content = {**vars(state), "recipe": dataclasses.asdict(state.recipe)}
    with appears_whole(path) as part:
        try:
            torch.save(content, part)
        except RuntimeError as error:  # PyTorch's writer has one for a full disk, too
            raise OSError(first_line(error)) from error


def restore(path: Path, recipe: Recipe, model: nn.Module, optimizer: Any) -> State:
    """Give a model and its AdamW the state in a `resume.pt`, in place.

    Raises InputError, with nothing changed, where that is not of this recipe and this network.
    """
    state = read_state(path)
    for name, value in vars(recipe).items():
        begun = getattr(state.recipe, name)
        if value != begun:
            raise InputError(
                f"{path.parent}: was begun with {name} {begun}, not {value}; "
                "resume with the same, or choose another --out"
            )
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    expected = {index: layout(parameter) for index, parameter in enumerate(parameters)}
    fits = {name: layout(tensor) for name, tensor in state.model.items()} == {
        name: layout(tensor) for name, tensor in model.state_dict().items()
    } and all(
        layout(moment) == (((), torch.float32) if name == "step" else expected.get(index))
        for index, moments in state.moments.items()
        for name, moment in moments.items()
    )
    if not fits:
        raise InputError(f"{path}: holds the state of another network; choose another --out")
    model.load_state_dict(state.model)
    # The groups' settings come from the recipe.
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state.moments})
    return state


def read_state(path: Path) -> State:
    """Read a `resume.pt`: tensors and plain containers alone, so that no code in the file can run.

    Raises InputError for everything but what `save_state` writes.
    """
    remedy = f"; train with --start {path.with_name('last.safetensors')} and another --out to go on from its weights"
    damaged = InputError(f"{path}: damaged, or not what a run writes to be resumed from{remedy}")
    if not path.is_file():
        raise damaged
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.testzip() is not None:  # PyTorch does not look at the checksums
                raise damaged
        with warnings.catch_warnings(action="ignore"):  # about other writers' files, which are refused below
            content = torch.load(path, map_location="cpu", weights_only=True)
        recipe = Recipe(**content["recipe"])
        state = State(recipe, content["step"], content["best"], content["model"], content["moments"])
        wrong = fault(state)
    except pickle.UnpicklingError as error:  # PyTorch's message says how to run the code after all
        raise InputError(
            f"{path}: holds more than a run's state, and reading that would run code from the file. Nothing was run. "
            "Do not trust the file"
        ) from error
    except Exception as error:  # there is no end to what a damaged file makes PyTorch raise
        raise damaged from error
    if wrong is not None:
        raise InputError(f"{path}: {wrong}, which no run writes{remedy}")
    return state


def fault(state: State) -> str | None:
    """What is wrong with a state as it was read, if anything is."""
    moments = state.moments
    if type(state.step) is not int or not 0 < state.step <= state.recipe.steps:
        return f"says that {state.step!r} of {state.recipe.steps} steps are done"
    if type(state.best) not in (int, float) or not -1 <= state.best <= 1:
        return f"has a best mIoU of {state.best!r}"
    if not plain(state.model) or not isinstance(moments, dict) or not all(plain(each) for each in moments.values()):
        return "has something else among its weights"
    if not all(each.keys() == {"step", "exp_avg", "exp_avg_sq"} for each in moments.values()):
        return "lacks some of AdamW's averages"
    bad = not_finite(state.model) or not_finite(flat(moments))
    return f"has NaN or infinity in {bad}" if bad else None


def plain(tensors: Any) -> bool:
    """Whether this is named tensors, each with memory for all of its numbers."""
    return isinstance(tensors, dict) and all(
        isinstance(name, str)
        and isinstance(tensor, Tensor)
        and (tensor.layout, tensor.device.type, tensor.is_quantized) == (torch.strided, "cpu", False)
        and tensor.numel() * tensor.element_size() <= tensor.untyped_storage().nbytes()
        for name, tensor in tensors.items()
    )


def flat(moments: Moments) -> dict[str, Tensor]:
    """The averages under one name each."""
    return {f"{name} of parameter {index}": tensor for index, each in moments.items() for name, tensor in each.items()}


def layout(tensor: Tensor) -> tuple[tuple[int, ...], torch.dtype]:
    return tuple(tensor.shape), tensor.dtype
