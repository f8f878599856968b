"""A resume.pt is read as if a stranger had written it: whatever is wrong with it is said in our own words."""

from __future__ import annotations

import copy
import dataclasses
import os
import pickle
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from segnext_edu.files import InputError
from segnext_edu.model.segnext import SegNeXt
from segnext_edu.training.recipe import Recipe
from segnext_edu.training.resume import State, read_state, restore, save_state

RECIPE = Recipe("mini", "nano", steps=10, batch=1, crop=32, short_side=32)


def network(variant: str = "nano", classes: int = 2) -> tuple[nn.Module, torch.optim.AdamW]:
    model = SegNeXt(variant, classes)
    return model, torch.optim.AdamW(model.parameters(), lr=1e-3)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run of one step writes."""
    path = tmp_path_factory.mktemp("run") / "resume.pt"
    torch.manual_seed(0)
    model, optimizer = network()
    model(torch.randn(2, 3, 32, 32)).square().mean().backward()
    optimizer.step()
    save_state(path, State(RECIPE, 1, 0.5, model.state_dict(), optimizer.state_dict()["state"]))
    return path


@pytest.fixture
def path(good: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    copied = tmp_path / "resume.pt"
    copied.write_bytes(good.read_bytes())
    return copied


def changed(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    content = torch.load(path, weights_only=True)
    change(content)
    torch.save(content, path)


def refusal(path: Path) -> str:
    """What `restore` says; the model and the optimizer must stay as they were."""
    model, optimizer = network()
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(InputError) as caught:
        restore(path, RECIPE, model, optimizer)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert not optimizer.state_dict()["state"]
    said = str(caught.value)
    assert str(path.parent) in said and "\n" not in said
    assert "weights_only" not in said and "safe_globals" not in said
    return said


def test_what_was_saved_comes_back(good: Path) -> None:
    model, optimizer = network()
    state = restore(good, RECIPE, model, optimizer)
    assert (state.recipe, state.step, state.best) == (RECIPE, 1, 0.5)
    saved = torch.load(good, weights_only=True)
    assert all(torch.equal(tensor, saved["model"][name]) for name, tensor in model.state_dict().items())
    assert optimizer.state_dict()["state"].keys() == saved["moments"].keys()
    assert optimizer.param_groups[0]["lr"] == 1e-3


class TestADamagedState:
    @pytest.mark.parametrize("keep", [0, 1, 100, 0.5, 0.99])
    def test_truncated(self, path: Path, keep: float) -> None:
        content = path.read_bytes()
        path.write_bytes(content[: int(keep * len(content)) if isinstance(keep, float) else keep])
        assert "damaged" in refusal(path) and "--start" in refusal(path)

    def test_text_or_a_bare_pickle(self, path: Path) -> None:
        for content in (b"hello", pickle.dumps({"step": 1})):
            path.write_bytes(content)
            assert "damaged" in refusal(path)

    def test_a_folder(self, path: Path) -> None:
        path.unlink()
        path.mkdir()
        assert "damaged" in refusal(path)

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no such files here")
    def test_a_pipe_that_nobody_writes_to(self, path: Path) -> None:
        path.unlink()
        os.mkfifo(path)
        assert "damaged" in refusal(path)

    def test_a_flipped_bit_in_the_numbers(self, path: Path) -> None:
        """PyTorch itself reads such a file without a word."""
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        assert "damaged" in refusal(path)

    def test_flipped_bits_anywhere(self, path: Path) -> None:
        """They are refused in words, or were where nothing is read (padding, dates)."""
        whole, numbers = path.read_bytes(), random.Random(0)
        expected = read_state(path)
        for _ in range(60):
            content = bytearray(whole)
            place = numbers.choice((numbers.randrange(3000), numbers.randrange(-3000, 0)))
            content[place] ^= 1 << numbers.randrange(8)
            path.write_bytes(content)
            try:
                state = read_state(path)
            except InputError:
                continue
            assert (state.recipe, state.step, state.best) == (expected.recipe, expected.step, expected.best)
            assert all(torch.equal(tensor, expected.model[name]) for name, tensor in state.model.items())


class TestAStateThatNoRunWrote:
    @pytest.mark.parametrize("key", ["recipe", "step", "best", "model", "moments"])
    def test_missing_keys(self, path: Path, key: str) -> None:
        changed(path, lambda content: content.pop(key))
        assert "not what a run writes" in refusal(path)

    @pytest.mark.parametrize("step", [-5, 0, 11, 10**9, 1.0, True, "1", None, torch.tensor(1)])
    def test_absurd_steps(self, path: Path, step: Any) -> None:
        changed(path, lambda content: content.update(step=step))
        assert "of 10 steps are done" in refusal(path)

    @pytest.mark.parametrize("best", [float("nan"), 2, "0.5", None])
    def test_absurd_scores(self, path: Path, best: Any) -> None:
        changed(path, lambda content: content.update(best=best))
        assert "has a best mIoU of" in refusal(path)

    @pytest.mark.parametrize(
        "recipe", [{}, [], None, {"data": 3}, {"data": "mini", "lr": "fast"}, {"data": "x", "y": 1}]
    )
    def test_absurd_recipes(self, path: Path, recipe: Any) -> None:
        changed(path, lambda content: content.update(recipe=recipe))
        assert "not what a run writes" in refusal(path)

    def test_another_recipe(self, path: Path) -> None:
        changed(path, lambda content: content["recipe"].update(lr=0.5))
        assert "was begun with lr 0.5, not 6e-05; resume with the same" in refusal(path)

    def test_another_variant(self, path: Path) -> None:
        changed(path, lambda content: content["recipe"].update(variant="tiny"))
        assert "was begun with variant tiny, not nano" in refusal(path)

    @pytest.mark.parametrize("other", [("tiny", 2), ("nano", 3)])
    def test_another_networks_weights(self, path: Path, other: tuple[str, int]) -> None:
        changed(path, lambda content: content.update(model=network(*other)[0].state_dict()))
        assert "holds the state of another network" in refusal(path)

    @pytest.mark.parametrize(
        "tensor",
        [torch.zeros(16).to_sparse(), torch.zeros(16, device="meta"), torch.zeros(1).expand(10**12), "text", None,
         [0.0] * 16],
        ids=["sparse", "meta", "claims terabytes", "text", "none", "list"],
    )  # fmt: skip
    def test_something_else_than_weights(self, path: Path, tensor: Any) -> None:
        for group in ("model", "moments"):
            place = {"model": lambda content: content["model"], "moments": lambda content: content["moments"][0]}[group]
            name = {"model": "encoder.stages.0.norm.weight", "moments": "exp_avg"}[group]
            whole = path.read_bytes()
            changed(path, lambda content, place=place, name=name: place(content).update({name: tensor}))
            assert "something else among its weights" in refusal(path)
            path.write_bytes(whole)

    @pytest.mark.parametrize("dtype", [torch.float64, torch.int64, torch.complex64])
    def test_weights_of_another_type(self, path: Path, dtype: torch.dtype) -> None:
        changed(path, lambda content: content["model"].update({"decoder.classify.bias": torch.zeros(2, dtype=dtype)}))
        assert "another network" in refusal(path)

    @pytest.mark.parametrize("value", [float("nan"), float("inf")])
    def test_weights_or_averages_that_are_no_numbers(self, path: Path, value: float) -> None:
        whole = path.read_bytes()
        changed(path, lambda content: content["model"]["decoder.classify.bias"].fill_(value))
        assert "NaN or infinity in decoder.classify.bias" in refusal(path)
        path.write_bytes(whole)
        changed(path, lambda content: content["moments"][3]["exp_avg_sq"].fill_(value))
        assert "NaN or infinity in exp_avg_sq of parameter 3" in refusal(path)

    def test_averages_that_are_missing_or_too_many(self, path: Path) -> None:
        whole = path.read_bytes()
        changed(path, lambda content: content["moments"][0].pop("exp_avg"))
        assert "lacks some of AdamW's averages" in refusal(path)
        path.write_bytes(whole)
        changed(path, lambda content: content["moments"].update({10**6: content["moments"][0]}))
        assert "another network" in refusal(path)


def test_a_hostile_state_does_not_run_and_no_hint_tells_how_to_run_it(path: Path, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    torch.save({**dataclasses.asdict(RECIPE), "step": Bomb()}, path)
    said = refusal(path)
    assert "reading that would run code from the file. Nothing was run. Do not trust the file" in said
    assert not (tmp_path / "ran").exists()
