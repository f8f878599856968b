"""Notebook 04's still figures show the numbers that they are given."""

from __future__ import annotations

import torch

from segnext_edu.checkpoints import read
from segnext_edu.data import load_scenes
from segnext_edu.lessons.figures import msca_plots as plots
from segnext_edu.metrics import ConfusionMatrix


def test_fields_say_how_many_pixels_they_hold() -> None:
    field = torch.zeros(9, 9)
    field[3:6, 3:6] = 2
    assert plots.show_fields({"small": field, "all": torch.ones(9, 9)}).alt.endswith("small 9, all 81.")


def test_a_task_is_drawn_with_its_three_parts() -> None:
    picture = plots.show_task(torch.zeros(1, 2, 4, 5), torch.zeros(1, 1, 4, 5))
    assert picture.png.startswith(b"\x89PNG") and "marks" in picture.alt


def test_an_ablation_is_told_in_words() -> None:
    classes = ("wall", "pole", "streetlight", "fence", "person")
    whole, broken = ConfusionMatrix(5), ConfusionMatrix(5)
    target = torch.arange(5).repeat(2)
    whole.update(target, target)
    broken.update(torch.zeros_like(target), target)
    said = plots.show_ablation({"off: none": whole, "off: 21": broken}, classes).alt
    assert "off: none: accuracy 1.00, pole 1.00" in said and "off: 21: accuracy 0.20, pole 0.00" in said


def test_learning_curves_are_means_of_twenty_steps() -> None:
    picture = plots.show_learning({"product": [(None, [1.0] * 40), (None, [0.5] * 40)]}, 1.0)
    assert picture.png.startswith(b"\x89PNG")


def test_every_gate_is_there() -> None:
    model = read("nano_mini")
    gates = plots.all_gates(model, load_scenes("mini", "val")[0]["image"])
    assert gates.dim() == 1 and gates.numel() > 100_000 and (gates < 0).any() and (gates > 1).any()
