"""Exercises 8.3 and 8.4: one training step, and which images a batch holds."""

from __future__ import annotations

import copy
import pickle
import random
from collections import Counter
from collections.abc import Callable
from numbers import Integral
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from segnext_edu.data import IGNORE
from segnext_edu.lessons.checks.exercise import Wrong, call, check, described, number
from segnext_edu.training import recipe


class Watched(torch.optim.SGD):
    """Plain gradient descent that keeps a diary of what was called, backward included."""

    def __init__(self, model: nn.Module):
        self.diary: list[str] = []
        super().__init__(model.parameters(), lr=0.5)
        self.register_step_pre_hook(lambda *_: self.diary.append("step"))
        for parameter in list(model.parameters())[:1]:
            parameter.register_post_accumulate_grad_hook(lambda _: self.diary.append("backward"))

    def zero_grad(self, set_to_none: bool = True) -> None:
        self.diary.append("zero_grad")
        super().zero_grad(set_to_none)


def training_step(answer: Callable[..., Any]) -> Any:
    torch.optim.SGD([torch.zeros(1)])  # the first optimizer of a process imports for seconds: not on the answer's time
    return check(answer, _one_step, _second_step, ours=_right_step)


def _small_model() -> nn.Module:
    generator = torch.Generator().manual_seed(8)
    model = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 5, 1))
    for parameter in model.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) / 2
    return model.train()


def _small_batch(seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    masks = torch.randint(5, (2, 6, 9), generator=generator)  # (B, H, W)
    masks[0, :2] = IGNORE
    return torch.randn(2, 3, 6, 9, generator=generator), masks


def _right_step(model: nn.Module, optimizer: torch.optim.Optimizer, images: Tensor, masks: Tensor) -> float:
    loss = recipe.segmentation_loss(model(images), masks)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def _weights(model: nn.Module) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def _steps(step: Callable[..., Any], count: int) -> tuple[list[Any], nn.Module, list[str]]:
    """Make some steps on different batches: what they returned, the model after them, the diary."""
    model = _small_model()
    optimizer = Watched(model)
    returned = [call(step, model, optimizer, *_small_batch(seed)) for seed in range(count)]
    return returned, model, optimizer.diary


def _one_step(answer: Callable[..., Any]) -> str:
    before = _small_model()
    (returned,), model, diary = _steps(answer, 1)
    (expected,), right, _ = _steps(_right_step, 1)
    if "step" not in diary and not torch.equal(_weights(model), _weights(before)):
        raise Wrong(
            "The weights have moved, but not by optimizer.step(): use the optimizer that your function is given."
        )
    _order(diary)
    if not torch.allclose(_weights(model), _weights(right), atol=1e-5):
        moved = (_weights(model) - _weights(before)).abs().max().item()
        statistics = torch.equal(model[1].running_mean, before[1].running_mean)  # pyright: ignore
        raise Wrong(
            f"After one step the weights are not where they should be (they moved by up to {moved:.3f}). "
            + (
                "The model ran in eval mode, where BatchNorm uses stored statistics: call model.train(), or neither."
                if statistics
                else "The order of the calls is right, so look at the loss: bare logits, and 255 ignored?"
            )
        )
    loss = number(returned, "the loss")
    if abs(loss - expected) > 1e-4:
        after = recipe.segmentation_loss(copy.deepcopy(right)(_small_batch(0)[0]), _small_batch(0)[1]).item()
        late = "That is the loss after the step: return the one you went backward from."
        why = late if abs(loss - after) < 1e-4 else ""
        raise Wrong(f"The weights are right, but the loss you return is {loss:.4f}, expected {expected:.4f}. {why}")
    return "forward, backward, step"


def _order(diary: list[str]) -> None:
    """Say what is wrong with the order of the calls, where that alone can be told."""
    told = f"You called, in this order: {', '.join(diary) or 'nothing'}."
    if "backward" not in diary:
        raise Wrong(f"{told} Without loss.backward() there are no gradients, and no weight knows which way to go.")
    if "step" not in diary:
        raise Wrong(f"{told} Without optimizer.step() the gradients are there, but no weight moves.")
    if diary.count("step") > 1 or diary.count("backward") > 1:
        raise Wrong(f"{told} Once each is enough: one batch, one backward, one step.")
    if diary.index("step") < diary.index("backward"):
        raise Wrong(f"{told} The step comes before the backward: it uses the gradients of the batch before, or none.")
    if "zero_grad" in diary[diary.index("backward") : diary.index("step")]:
        raise Wrong(f"{told} zero_grad between backward and step throws the fresh gradients away: no weight moves.")


def _second_step(answer: Callable[..., Any]) -> str:
    _, model, diary = _steps(answer, 3)
    _, right, _ = _steps(_right_step, 3)
    if not torch.allclose(_weights(model), _weights(right), atol=1e-4):
        missing = (
            "zero_grad is missing: PyTorch adds every backward to the gradients that are there, so the second step "
            "goes along the sum of both batches, the hundredth along the sum of a hundred."
        )
        raise Wrong(
            "The first step is right, the second is not. "
            + ("Something is left over from step to step." if "zero_grad" in diary else missing)
        )
    return "nothing left over for the next step"


def batch_indices(answer: Callable[[int, int, int, int], list[int]]) -> Any:
    return check(answer, _a_batch, _repeatable, _complete_passes, _shuffled, ours=recipe.batch_indices)


def _indices(answer: Callable[..., Any], step: int, batch: int, count: int, seed: int) -> list[int]:
    came = call(answer, step, batch, count, seed)
    asked = f"batch_indices({step}, {batch}, {count}, {seed})"
    if isinstance(came, Tensor):
        raise Wrong(f"{asked} gave {described(came)}; expected a list of whole numbers: `.tolist()` makes one.")
    if isinstance(came, list | tuple) and any(isinstance(index, Tensor) for index in came):
        raise Wrong(f"{asked} gave a list of tensors; expected a list of whole numbers: `.item()` makes one of each.")
    if not isinstance(came, list | tuple) or not all(isinstance(index, Integral) for index in came):
        raise Wrong(f"{asked} gave {described(came)}; expected a list of whole numbers.")
    came = [int(index) for index in came]
    if len(came) != batch:
        short = " A batch may span two passes: take the rest from the next one." if len(came) < batch else ""
        if not came and step * batch >= count:
            short = " The first pass is over by then: place // count is the pass, place % count the place in it."
        raise Wrong(f"{asked} gave {len(came)} pictures, expected {batch}.{short}")
    if not all(0 <= index < count for index in came):
        raise Wrong(
            f"{asked} gave {came}, but the pictures are numbered 0 to {count - 1}: the position needs `% count`."
        )
    return came


def _a_batch(answer: Callable[..., Any]) -> str:
    for step, batch, count in ((0, 4, 12), (2, 4, 12), (3, 4, 12), (1, 3, 5), (7, 3, 5)):
        _indices(answer, step, batch, count, 0)
    return "full batches"


def _repeatable(answer: Callable[..., Any]) -> str:
    state, others = torch.get_rng_state(), (random.getstate(), np.random.get_state())
    first = _indices(answer, 3, 4, 50, 1)
    moved = not torch.equal(state, torch.get_rng_state())
    elsewhere = pickle.dumps((random.getstate(), np.random.get_state())) != pickle.dumps(others)
    random.setstate(others[0])
    np.random.set_state(others[1])
    _indices(answer, 0, 4, 50, 1)
    torch.rand(1)
    again = _indices(answer, 3, 4, 50, 1)
    torch.set_rng_state(state)
    if first != again:
        raise Wrong(
            f"Asked twice for step 3 it gave {first} and then {again}. A resumed run would see other pictures: shuffle "
            "with a torch.Generator of your own, seeded anew in every call."
        )
    if moved:
        raise Wrong(
            "The order is repeatable, but the call changed PyTorch's global random state, on which dropout and the "
            "NMF's bases draw: use a torch.Generator of your own instead of torch.manual_seed."
        )
    if elsewhere:
        raise Wrong(
            "The order is repeatable, but the call changed the global random state of Python or NumPy, on which others "
            "draw: use a generator of your own, torch.Generator, random.Random or np.random.default_rng."
        )
    return "the same step, the same pictures"


def _complete_passes(answer: Callable[..., Any]) -> str:
    for batch, count in ((4, 12), (3, 5), (4, 10)):
        seen = [index for step in range(count) for index in _indices(answer, step, batch, count, 2)]
        for epoch, start in enumerate(range(0, len(seen) - count + 1, count)):
            counts = Counter(seen[start : start + count])
            if len(counts) < count:
                often, times = counts.most_common(1)[0]
                never = min(set(range(count)) - set(counts))
                why = (
                    "Are pictures drawn anew for every step? Shuffle all of them once per pass, then cut batches."
                    if count % batch == 0
                    else "Here a batch spans two passes: each of its places must look up the order of its own pass."
                )
                raise Wrong(
                    f"With {count} pictures in batches of {batch}, pass {epoch + 1} holds picture {often} {times} "
                    f"times and picture {never} never. {why}"
                )
    return "every picture once per pass"


def _shuffled(answer: Callable[..., Any]) -> str:
    steps = [_indices(answer, step, 5, 20, 3) for step in range(12)]
    first, second, third = (sum(steps[start : start + 4], []) for start in (0, 4, 8))
    if first == sorted(first):
        raise Wrong("The first pass is 0, 1, 2, 3, …: nothing is shuffled, and neighbours in a file are often alike.")
    if first == second or second == third:
        raise Wrong("All passes have the same order: the pass's number must go into the seed of its shuffle.")
    other = [index for step in range(4) for index in _indices(answer, step, 5, 20, 4)]
    if other == first:
        raise Wrong("Seed 3 and seed 4 give the same order: the seed is not used.")
    return "in a new order each pass, decided by the seed"
