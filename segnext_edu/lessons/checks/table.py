"""An exercise as a table: the reference, the cases it is tried on, and the mistakes that can be named."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from segnext_edu.lessons.checks.exercise import Part, Wrong, call, cause, check, described, number

Case = tuple[Any, ...]


@dataclass(frozen=True)
class Exercise:
    """Called with a student's function, it prints the verdict, and returns that function or the reference (`check`).

    The answer is compared with the reference in every case. `mistakes` names what wrong programs give: sentence →
    function of the arguments, or one function of the arguments that returns sentence → wrong result.
    """

    reference: Callable[..., Any]  # gives a number, a tensor, or a tuple of them
    cases: Mapping[str, Sequence[Case]]  # what a group of cases proves → what `given` makes the arguments of
    mistakes: Mapping[str, Callable[..., Any]] | Callable[..., Mapping[str, Any]]
    ours: Callable[..., Any] | None = None  # what a notebook goes on with, where that is not the reference
    given: Callable[..., Case] = lambda *case: case
    again: bool = False  # the answer gets arguments made anew, not copies, as a score must stay that of its features
    expected: str = "a tensor"  # in words
    names: tuple[str, ...] = ()  # of the parts, where several are returned
    index: int | None = None  # which of several parts is compared; all of them without it
    tolerance: float = 1e-6  # relative and absolute; 0 asks for equal numbers
    same_dtype: bool = True  # a tensor must have the reference's dtype
    read: Callable[..., Any] | None = None  # (result, right, *arguments) → the result to compare, or Wrong
    hint: Callable[..., str] = lambda result, *arguments: ""  # what to add where the kind or the shape is wrong
    say: Callable[..., str] | None = None  # (came, right, *arguments) → how the numbers differ
    suspect: Callable[..., str] = lambda came, right, *arguments: (
        ""
    )  # what to add where no mistake explains the numbers
    drawn: str = ""  # what to add where the answer gives other numbers when it is asked again
    everywhere: bool = False  # a mistake is named only if it explains the answer in all the cases
    changed: str = ""  # said when the answer has changed an argument in place; {} is its name
    retell: Callable[[str, str], str] = lambda said, proved: said  # what went wrong in a group of cases, in more words
    shape: str = ""  # what is proved when all cases have the right kind and shape, asked first
    kept: str = ""  # what is proved when no argument was changed
    gradients: str = ""  # what is proved when the gradients are right, too
    learned: Callable[..., Mapping[str, Tensor]] = lambda *arguments: {}  # what they are gradients of, by name
    parts: Sequence[Exercise | Part] = ()  # what else there is to prove

    def __call__(self, answer: Callable[..., Any]) -> Any:
        return check(answer, *self.all_parts(), ours=self.ours or self.reference)

    def all_parts(self) -> list[Part]:
        parts: list[Part] = (
            [lambda answer: self._prove(answer, self.shape, self.cases, self._form)] if self.shape else []
        )
        for proved, cases in self.cases.items():
            parts.append(
                lambda answer, proved=proved, cases=cases: self._prove(answer, proved, {"": cases}, self._expect)
            )
        if self.kept:
            parts.append(lambda answer: self.kept)  # every case has looked
        for part in self.parts:
            parts += part.all_parts() if isinstance(part, Exercise) else [part]
        if self.gradients:
            parts.append(self._gradients)
        return parts

    def _prove(self, answer: Callable[..., Any], proved: str, groups: Mapping[str, Sequence[Case]], part: Any) -> str:
        try:
            for case in sum(map(list, groups.values()), []):
                part(answer, case)
        except Wrong as wrong:
            wrong.args = (self.retell(str(wrong), proved),)
            raise
        return proved

    def _form(self, answer: Callable[..., Any], case: Case) -> tuple[Any, Any, Case, list[int]]:
        """What came, what is right, the arguments, and the places of those that were changed."""
        arguments = self.given(*case)
        copies = self.given(*case) if self.again else copied(arguments)
        result = call(answer, *copies)
        with torch.no_grad():
            right = self.reference(*arguments)
            came = (self.read or self._read)(result, right, *arguments)
        if self.index is not None:
            came, right = came[self.index], right[self.index]
        changed = [index for index, given in enumerate(copies) if not same(given, arguments[index])]
        return came, right, arguments, changed

    def _expect(self, answer: Callable[..., Any], case: Case) -> None:
        came, right, arguments, changed = self._form(answer, case)
        if changed and self.changed:
            name = list(inspect.signature(self.reference).parameters)[changed[0]]
            raise Wrong(self.changed.format(name))
        if not same(came, right, self.tolerance):
            why = self._why(answer, came, arguments) or self.suspect(came, right, *arguments)
            if self.drawn and not same(came, self._form(answer, case)[0]):
                why = self.drawn
            raise Wrong((self.say or differs)(came, right, *arguments) + why, came, right)

    def _why(self, answer: Callable[..., Any], came: Any, arguments: Case) -> str:
        seen = [(came, arguments)]
        if self.everywhere:
            every = [self._form(answer, case) for cases in self.cases.values() for case in cases]
            seen = [(came, arguments) for came, _, arguments, _ in every]
        suspects = [self._suspects(arguments) for _, arguments in seen]

        def explains(sentence: str) -> bool:
            return all(same(came, wrong.get(sentence), self.tolerance) for (came, _), wrong in zip(seen, suspects))

        return cause(explains, {sentence: sentence for sentence in suspects[0]})

    @torch.no_grad()
    def _suspects(self, arguments: Case) -> Mapping[str, Any]:
        if callable(self.mistakes):
            return self.mistakes(*arguments)
        return {sentence: outcome(wrong, arguments) for sentence, wrong in self.mistakes.items()}

    def _read(self, result: Any, right: Any, *arguments: Any) -> Any:
        if not isinstance(right, tuple):
            return self._read_one(result, right, self.expected, result, arguments)
        tensors = isinstance(right[0], Tensor)
        if isinstance(result, Tensor | np.ndarray) and result.ndim == 1 and not tensors:
            result = list(result)
        if (
            not isinstance(result, tuple | list)
            or len(result) != len(right)
            or (tensors and not all(isinstance(part, Tensor) for part in result))
        ):
            raise Wrong(f"Expected {self.expected}, but got {described(result)}.{self.hint(result, *arguments)}")
        names = self.names or (self.expected,) * len(right)
        return tuple(
            self._read_one(part, wanted, name, result, arguments) for part, wanted, name in zip(result, right, names)
        )

    def _read_one(self, part: Any, right: Any, what: str, result: Any, arguments: Case) -> Any:
        if not isinstance(right, Tensor):
            return number(part, what)
        if not isinstance(part, Tensor) or part.shape != right.shape:
            hint = self.hint(result, *arguments)
            raise Wrong(f"Expected {what} of shape {tuple(right.shape)}, but got {described(part)}.{hint}")
        if self.same_dtype and part.dtype != right.dtype:
            kind = str(right.dtype).removeprefix("torch.")
            which = "your answer is" if part is result else f"{what} came as"
            raise Wrong(f"All was {kind}, but {which} {described(part)}: the precision was lost.")
        return part.detach()

    def _gradients(self, answer: Callable[..., Any]) -> str:
        arguments = self.given(*next(iter(self.cases.values()))[-1])
        learned = self.learned(*arguments)
        result = call(answer, *copied(arguments))
        lost = "Was there a detach(), .data or no_grad()?"
        if not result.requires_grad:
            raise Wrong(f"No gradient comes back. {lost}")
        try:
            came = torch.autograd.grad(result.square().sum(), list(learned.values()), allow_unused=True)
        except RuntimeError as error:
            if "inplace" not in str(error):
                raise
            raise Wrong(
                "Nothing could be learned: autograd found a tensor changed in place. Write total = total + …, not +=."
            ) from None
        right = torch.autograd.grad(self.reference(*arguments).square().sum(), list(learned.values()))
        for name, a, b in zip(learned, came, right):
            if a is None or not same(a, b, max(self.tolerance, 1e-4)):
                raise Wrong(f"The numbers are right, the gradients are not: look at the gradient of {name}. {lost}")
        return self.gradients


def copied(value: Any) -> Any:
    """The value with copies of its tensors and arrays; modules and functions stay the same."""
    if isinstance(value, Tensor):
        return value.clone()
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, dict):
        return {key: copied(part) for key, part in value.items()}
    return type(value)(map(copied, value)) if type(value) in (list, tuple) else value


def same(came: Any, right: Any, tolerance: float = 0.0) -> bool:
    """Whether two results are equal, part by part; NaN is equal to NaN."""
    if isinstance(right, dict):
        return came.keys() == right.keys() and same(list(came.values()), list(right.values()), tolerance)
    if isinstance(right, tuple | list) and isinstance(came, tuple | list):
        return len(came) == len(right) and all(same(a, b, tolerance) for a, b in zip(came, right))
    if not isinstance(right, Tensor | np.ndarray | float | int):
        return came is right or came == right
    if not isinstance(came, Tensor | np.ndarray | float | int):
        return False
    came, right = (torch.as_tensor(x, dtype=torch.float64) for x in (came, right))
    return came.shape == right.shape and torch.allclose(came, right, rtol=tolerance, atol=tolerance, equal_nan=True)


def differs(came: Any, right: Any, *_: Any) -> str:
    """How tensors differ, where an exercise has no words of its own for it."""
    off = (came - right).abs().max().item()
    return f"The shape is right, the numbers are not: they are off by up to {off:.3g}."


def outcome(program: Callable[..., Any], arguments: Case) -> Any:
    """What a wrong program gives, or nothing where it cannot even run."""
    try:
        return program(*arguments)
    except (ArithmeticError, IndexError, RuntimeError):
        return None
