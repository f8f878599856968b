"""Each faulty loop has the fault it is said to have, and no other."""

from __future__ import annotations

import ast
import difflib
import inspect
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segnext_edu.lessons import faulty_loops
from segnext_edu.training.recipe import segmentation_loss

LOOPS = {name: getattr(faulty_loops, name) for name in ("loop_a", "loop_b", "loop_c")}


def statements(function: Callable) -> list[str]:
    (definition,) = ast.parse(inspect.getsource(function)).body
    assert isinstance(definition, ast.FunctionDef)
    return [ast.unparse(statement) for statement in definition.body[1:]]  # without the docstring


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    """Images (2, 3, 8, 12), and files (2, 16, 24): left no label, then label 3, then label 9."""
    generator = torch.Generator().manual_seed(0)
    columns = torch.tensor([0, 3, 9], dtype=torch.uint8).repeat_interleave(torch.tensor([5, 8, 11]))
    return torch.randn(2, 3, 8, 12, generator=generator), columns.expand(2, 16, 24).contiguous()


def learner() -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(1)
    model = nn.Conv2d(3, 12, 1)
    return model, torch.optim.SGD(model.parameters(), lr=0.1)


def taught(loop: Callable, batch: tuple[Tensor, Tensor], monkeypatch: pytest.MonkeyPatch) -> Tensor:
    """The labels that a loop trains on, (B, h, w)."""
    seen = []

    def spy(logits: Tensor, masks: Tensor) -> Tensor:
        seen.append(masks)
        return segmentation_loss(logits, masks)

    monkeypatch.setattr(faulty_loops, "segmentation_loss", spy)
    loop(*learner(), *batch)
    return seen[0]


@pytest.mark.parametrize("name", LOOPS)
def test_one_line_is_wrong(name: str) -> None:
    right, wrong = statements(faulty_loops.sound_loop), statements(LOOPS[name])
    changes = [line for line in difflib.ndiff(right, wrong) if line[0] in "+-"]
    assert sum(line[0] == "-" for line in changes) == 1 and sum(line[0] == "+" for line in changes) <= 1


def test_the_sound_loop_is_a_step(batch: tuple[Tensor, Tensor]) -> None:
    (model, optimizer), (images, files) = learner(), batch
    masks = torch.where(files == 0, 255, files.long() - 1)[:, 1::2, 1::2]  # every second pixel, both ways
    before = model.get_parameter("weight").detach().clone()
    loss = F.cross_entropy(model(images), masks, ignore_index=255)
    (gradient,) = torch.autograd.grad(loss, [model.get_parameter("weight")])
    assert faulty_loops.sound_loop(model, optimizer, images, files) == pytest.approx(loss.item(), rel=1e-5)
    assert torch.allclose(model.get_parameter("weight"), before - 0.1 * gradient, atol=1e-6)


def test_the_sound_loop_learns_the_labels_of_the_files(batch: tuple[Tensor, Tensor], monkeypatch) -> None:
    assert taught(faulty_loops.sound_loop, batch, monkeypatch).unique().tolist() == [2, 8, 255]


def test_a_teaches_class_0_where_there_is_no_label(batch: tuple[Tensor, Tensor], monkeypatch) -> None:
    right, wrong = (taught(loop, batch, monkeypatch) for loop in (faulty_loops.sound_loop, faulty_loops.loop_a))
    assert (wrong[right == 255] == 0).all() and wrong[right != 255].equal(right[right != 255])


def test_b_carries_old_gradients_along(batch: tuple[Tensor, Tensor]) -> None:
    model, optimizer = learner()
    faulty_loops.loop_b(model, optimizer, *batch)
    first = model.get_parameter("weight").grad
    assert first is not None
    first = first.clone()
    faulty_loops.loop_b(model, optimizer, torch.zeros_like(batch[0]), batch[1])  # gives the weight no gradient
    now = model.get_parameter("weight").grad
    assert now is not None and torch.equal(now, first)


def test_c_invents_classes_where_two_meet(batch: tuple[Tensor, Tensor], monkeypatch) -> None:
    right, wrong = (taught(loop, batch, monkeypatch) for loop in (faulty_loops.sound_loop, faulty_loops.loop_c))
    invented = set(wrong.unique().tolist()) - set(right.unique().tolist())
    assert invented and all(label < 8 for label in invented)
    assert 0 < (wrong != right).float().mean() < 0.5  # at the borders alone
