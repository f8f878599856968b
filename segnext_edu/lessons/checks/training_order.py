"""Exercise 8.4: which pictures make up a step's batch."""

from __future__ import annotations

import pickle
import random
from collections import Counter
from collections.abc import Callable
from numbers import Integral
from typing import Any

import numpy as np
import torch
from torch import Tensor

from segnext_edu.lessons.checks.exercise import Wrong, call, check, described


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
