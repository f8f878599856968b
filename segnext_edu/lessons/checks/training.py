"""The checks of notebook 08: the loss, the learning rate's schedule, one step, and which images a batch holds."""

from __future__ import annotations

import copy
import pickle
import random
from collections import Counter
from collections.abc import Callable
from functools import partial
from math import cos, inf, isnan, pi
from numbers import Integral
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segnext_edu.data import IGNORE
from segnext_edu.lessons.checks.exercise import Wrong, call, check, described, number
from segnext_edu.lessons.checks.table import Exercise
from segnext_edu.training.recipe import lr_factor as right_factor
from segnext_edu.training.recipe import segmentation_loss as right_loss

__all__ = ["batch_indices", "lr_factor", "segmentation_loss", "training_step"]

SHAPES = ((2, 4, 5, 7), (3, 6, 8, 3), (2, 3, 4, 9))  # (B, K, H, W), never square, never one picture


def _pixels(shape: tuple[int, ...], ignored: float) -> tuple[Tensor, Tensor]:
    """Random logits and masks; a share of the pixels is unlabelled, more of them in the first picture."""
    generator = torch.Generator().manual_seed(sum(shape))
    batch, classes, *size = shape
    logits = 2 * torch.randn(shape, generator=generator)  # (B, K, H, W)
    masks = torch.randint(classes, (batch, *size), generator=generator)  # (B, H, W)
    share = torch.full((batch, 1, 1), ignored)
    share[0] = min(2 * ignored, 1.0)
    masks[torch.rand(masks.shape, generator=generator) < share] = IGNORE
    return logits, masks


def _summed(logits: Tensor, masks: Tensor, **options: Any) -> Tensor:
    return F.cross_entropy(logits, masks, ignore_index=IGNORE, reduction="sum", **options)


def _per_picture(logits: Tensor, masks: Tensor) -> Tensor:
    return torch.stack([right_loss(one, mask) for one, mask in zip(logits.split(1), masks.split(1))]).mean()


LOSS_MISTAKES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "That is the sum over the pixels: divide by how many are labelled, or large crops will count for more.": _summed,
    "That is the sum divided by the number of pictures: divide by the number of labelled pixels.": (
        lambda logits, masks: _summed(logits, masks) / len(masks)
    ),
    "That is the mean over all pixels, the unlabelled ones included: divide by the labelled ones alone.": (
        lambda logits, masks: _summed(logits, masks) / masks.numel()
    ),
    "That is what comes out when a softmax stands before the cross-entropy: F.cross_entropy wants bare logits, "
    "it takes the logarithm of the softmax itself.": lambda logits, masks: right_loss(logits.softmax(1), masks),
    "The probabilities stand there as they are. A loss needs their logarithm: F.cross_entropy takes bare logits.": (
        lambda logits, masks: F.nll_loss(logits.softmax(1), masks, ignore_index=IGNORE)
    ),
    "The softmax runs over the wrong axis. The classes are axis 1.": lambda logits, masks: F.nll_loss(
        logits.log_softmax(-1), masks, ignore_index=IGNORE
    ),
    "(B, K, H, W) was viewed as (pixels, K), which mixes classes and places. First the classes must go to the end: "
    ".permute(0, 2, 3, 1). Or leave the shape as it is: F.cross_entropy takes it.": lambda logits, masks: (
        F.cross_entropy(logits.reshape(-1, logits.shape[1]), masks.flatten(), ignore_index=IGNORE)
    ),
    "That is the right number with the wrong sign: a loss is minus the log of the probability.": lambda logits, masks: (
        -right_loss(logits, masks)
    ),
    "There the unlabelled pixels (255) are counted as if they were of class 0: leave them out.": lambda logits, masks: (
        right_loss(logits, masks.where(masks != IGNORE, 0))
    ),
    "There the unlabelled pixels (255) are counted as if they were of the last class: leave them out.": (
        lambda logits, masks: right_loss(logits, masks.where(masks != IGNORE, logits.shape[1] - 1))
    ),
    'There class 0 is left out as well. In a file 0 means "other", but here the labels have been moved down already: '
    "0 is a class like any other, and 255 alone is ignored.": lambda logits, masks: right_loss(
        logits, masks.where(masks != 0, IGNORE)
    ),
    "That is a mean of each picture's mean: a picture with three labelled pixels would weigh as much as a full one. "
    "Sum over the whole batch, then divide once.": _per_picture,
}


def _none_labelled(answer: Callable[..., Any]) -> str:
    logits, masks = _pixels(SHAPES[0], ignored=1.0)
    came = number(call(answer, logits, masks), "the loss of a batch without labels")
    if came != came:
        raise Wrong(
            "With not one labelled pixel your loss is NaN: a sum of nothing was divided by zero. "
            "Divide by at least 1, as in `.clamp(min=1)`."
        )
    if came != 0:
        raise Wrong(
            f"With not one labelled pixel your loss is {came:.4f}, expected 0: there is nothing to be wrong about."
        )
    return "0, not NaN, when nothing is labelled"


def _gradients(answer: Callable[..., Any]) -> str:
    for ignored in (0.3, 1.0):
        logits, masks = _pixels(SHAPES[1], ignored)
        mine, right = logits.clone().requires_grad_(), logits.clone().requires_grad_()
        loss = call(answer, mine, masks.clone())
        if not isinstance(loss, Tensor):
            raise Wrong(
                f"The number is right, but it is {described(loss)}: return the tensor. `.item()` or `float()` cuts "
                "the loss off from the weights, and `backward()` has nowhere to go. (logits.sum() * 0 can.)"
            )
        if not loss.requires_grad:
            when = "" if ignored < 1 else " when nothing is labelled"
            raise Wrong(
                f"The number is right, but no gradient flows{when}: was the loss detached, made anew with "
                "`torch.tensor`, or computed under `no_grad`?"
            )
        loss.backward()
        right_loss(right, masks).backward()
        assert right.grad is not None
        if mine.grad is None or not torch.allclose(mine.grad, right.grad, atol=1e-5):
            bad = mine.grad is not None and mine.grad.isnan().any()
            why = "not."
            if bad:
                why = "NaN: a division by zero is hidden, not avoided. Mend the divisor before dividing."
            elif mine.grad is None:
                why = "not: a new torch.zeros(…) knows nothing of the logits. logits.sum() * 0 is a 0 that does."
            raise Wrong(f"The number is right, but the gradients are {why}")
    return "gradients flow"


def _loss_off(came: float, right: float, logits: Tensor, masks: Tensor) -> str:
    unlabelled = f"{int((masks == IGNORE).sum())} unlabelled pixels of {masks.numel()}"
    return (
        f"For logits of shape {tuple(logits.shape)} and masks with {unlabelled} your loss is {came:.4f}, "
        f"expected {right:.4f}."
    )


segmentation_loss = Exercise(
    lambda logits, masks: right_loss(logits, masks).item(),
    {
        f"mean over the pixels ({len(SHAPES)} sizes)": [(shape, 0.0) for shape in SHAPES],
        "unlabelled pixels do not count": [(shape, 0.3) for shape in SHAPES],
    },
    LOSS_MISTAKES,
    given=_pixels,
    expected="the mean loss",
    tolerance=5e-5,
    say=_loss_off,
    changed="Your function changed the logits or the masks in place. The next step still needs them.",
    parts=[_none_labelled, _gradients],
)


def _times(right: float) -> dict[str, float]:
    return {
        f"It is {times:.3g} times that at every step. A factor is 1 at its top: no per cent, no rate.": times * right
        for times in (100, 1000, 10, 2, 0.5, 0.1, 0.01, 1e-3, 1e-4, 6e-5)
    }


def _down_mistakes(s: int, n: int, w: int) -> dict[str, float]:
    left = 1 - s / n
    return {
        "That is how far the run has come, not what is left of it: 1 minus that.": s / n,
        "Off by one: steps count from 0, so at step 0 nothing is done yet (1 - step / steps, not step + 1).": (
            1 - (s + 1) / n
        ),
        "Off by one: divide by steps, not by steps - 1, or the last step is wasted at a rate of 0.": 1 - s / (n - 1),
        "There the way down begins only after the warm-up. Ours begins at step 0, as in the authors' code.": (
            1 - (s - w) / (n - w)
        ),
        "There the rate stays at its top after the warm-up: the way down is missing.": 1.0,
        "The polynomial's power is 1 here, a straight line: yours is bent (power 2).": left**2,
        "The polynomial's power is 1 here, a straight line: yours is bent (power 0.9).": left**0.9,
        "150 and 15 are the example's numbers. Write steps and warmup in their place.": right_factor(s, 150, 15),
        "That is half a cosine; ours is a straight line.": 0.5 + 0.5 * cos(pi * s / n),
        "The warm-up still works after its end: from step `warmup` on its factor is 1.": left * s / w,
    } | _times(right_factor(s, n, w))


def _up_mistakes(s: int, n: int, w: int) -> dict[str, float]:
    left = 1 - s / n
    return {
        "There is no warm-up in it: before step `warmup` the line is multiplied by step / warmup.": left,
        "That is the warm-up alone. The way down runs beneath it from step 0: multiply the two.": s / w,
        "That is the warm-up alone, and off by one. Multiply step / warmup by the way down.": (s + 1) / w,
        "Off by one: at step 0 the warm-up has not begun, so its factor is step / warmup, not (step + 1) / warmup.": (
            left * (s + 1) / w
        ),
        "Off by one: the warm-up reaches its end at step `warmup`, so divide by warmup and not by warmup - 1.": (
            left * s / (w - 1)
        ),
        "That warm-up runs backwards: it should rise from 0 to 1, and yours falls.": left * (1 - s / w),
        "You divided by the warm-up's factor: multiply.": left / (s / w) if s else inf,
        "You added the two factors (or subtracted): multiply.": left + s / w,
        "You took the smaller of the two: multiply them, as the authors' code does.": min(left, s / w),
        "There the warm-up climbs to the line's height at step `warmup`; ours multiplies the line at every step.": (
            (1 - w / n) * s / w
        ),
    } | _times(right_factor(s, n, w))


def _a_factor(result: Any, right: float, *run: int) -> float:
    came = number(result, "a factor between 0 and 1")
    if isnan(came):
        raise Wrong(
            f"lr_factor{run} gave NaN, which is no number; expected {right:.5f}. NaN comes of 0 / 0, of infinity times "
            "0, or of the root or the logarithm of a negative number."
        )
    return came


RUNS = ((200, 20), (160, 37), (90, 10))  # steps, and those of the warm-up
DOWN = [(step, n, w) for n, w in RUNS for step in (w + 1, n // 2, n - 7, n - 1, w)]
UP = [(step, n, w) for n, w in RUNS for step in (w // 2, 1, w - 1, 0)]
_factor = partial(
    Exercise,
    right_factor,
    everywhere=True,
    tolerance=1e-5,
    read=_a_factor,
    say=lambda came, right, *run: f"lr_factor{run} gave {came:.5f}, expected {right:.5f}.",
)
lr_factor = _factor(
    {"straight down, above 0 to the last step": DOWN},
    _down_mistakes,
    parts=[
        _factor({"warm-up on top of it": UP}, _up_mistakes),
        _factor(
            {"runs without one, too": [(0, 50, 0), (1, 50, 0), (25, 50, 0)]},
            {},
            retell=lambda said, _: (
                f"A run without warm-up (warmup = 0) goes wrong: are you dividing by warmup all the same? {said}"
            ),
        ),
    ],
)


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


def batch_indices(answer: Callable[[int, int, int, int], list[int]]) -> None:
    check(answer, _a_batch, _repeatable, _complete_passes, _shuffled)


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
                    "Are pictures drawn anew for every step? Shuffle all of them once a pass, then cut batches."
                    if count % batch == 0
                    else "Here a batch spans two passes: each of its places must look up the order of its own pass."
                )
                raise Wrong(
                    f"With {count} pictures in batches of {batch}, pass {epoch + 1} holds picture {often} {times} "
                    f"times and picture {never} never. {why}"
                )
    return "every picture once a pass"


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
