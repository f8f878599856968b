"""Exercise 8.3: one training step."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from segnext_edu.data import IGNORE
from segnext_edu.lessons.checks.exercise import Wrong, call, check, number
from segnext_edu.training.recipe import segmentation_loss as right_loss


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


def training_step(answer: Callable[..., Any]) -> None:
    torch.optim.SGD([torch.zeros(1)])  # the first optimizer of a process imports for seconds: not on the answer's time
    check(answer, _one_step, _second_step)


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
    loss = right_loss(model(images), masks)
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
        after = right_loss(copy.deepcopy(right)(_small_batch(0)[0]), _small_batch(0)[1]).item()
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
