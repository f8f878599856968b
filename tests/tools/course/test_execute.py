"""What of a lesson is run when a hand-in is graded."""

from __future__ import annotations

from tools.course.execute import Execute, definitions

LESSON = """import torch
from torch import nn  # named

IGNORE = 255
photo = open_photo("scene.jpg")
photo[1:5] = 1


def twice(x):
    return 2 * x


class Part(nn.Module):
    pass


for step in range(10_000):
    train(step)
twice(21)"""


def test_a_lessons_names_are_kept_and_its_work_is_not() -> None:
    kept = definitions(LESSON)
    for needed in ("import torch", "from torch import nn", "IGNORE = 255", "def twice", "class Part"):
        assert needed in kept
    for work in ("open_photo", "photo[1:5]", "train(step)", "twice(21)"):
        assert work not in kept


def test_a_cell_that_is_no_python_is_skipped() -> None:
    assert definitions("what is this?") == "" == definitions("%pip install torch")


def test_importing_pytorch_may_take_longer_than_nbgraders_half_minute() -> None:
    assert Execute().timeout >= 60 > Execute().answer_timeout
