"""A run: it begins with what its start knows, goes on after a kill as if nothing had been, and can be finished."""

import contextlib
import dataclasses
import json

import pytest
import torch

from segnext_edu import checkpoints
from segnext_edu.files import InputError
from segnext_edu.model.mscan import StochasticDepth
from segnext_edu.model.segnext import SegNeXt
from tools.publish import publish
from tools.street.crops import Cropping
from tools.street.labels import CLASSES, FACADE
from tools.street.score import finish
from tools.street.train import Plan, Run, build, lr_schedule

PLAN = Plan(variant="nano", start=None, steps=6, cool=2, warmup=2, cropping=Cropping(batch=2, crop=32, short_side=64))


def run(plan, streets, out, stop=None):
    made = Run(plan, streets, out, save_every=2, bf16=False)
    if stop is not None:  # as a kill between two saves would leave it
        save, made._save = made._save, lambda: save() if made.step < stop else exit(1)
    with contextlib.suppress(SystemExit):
        made.train()
    return made


@pytest.fixture(scope="module")
def whole(streets, tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    return run(PLAN, streets, out), out


def test_a_killed_run_ends_as_one_left_alone(whole, streets, tmp_path):
    run(PLAN, streets, tmp_path, stop=4)
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 4  # two of them after the last save
    again = run(PLAN, streets, tmp_path)
    for name, tensor in whole[0].model.state_dict().items():
        assert torch.equal(tensor, again.model.state_dict()[name]), name
    for name, tensor in whole[0].average.state_dict().items():
        assert torch.equal(tensor, again.average.state_dict()[name]), name
    logs = [[json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()] for out in (whole[1], tmp_path)]
    assert [(line["step"], line["loss"]) for line in logs[0]] == [(line["step"], line["loss"]) for line in logs[1]]


def test_resuming_under_another_plan_is_refused_but_the_end_may_move(whole, streets):
    with pytest.raises(InputError, match="another lr"):
        Run(dataclasses.replace(PLAN, lr=1.0), streets, whole[1], 2, False)
    assert Run(dataclasses.replace(PLAN, steps=9), streets, whole[1], 2, False).step == 6


def test_the_rate_rises_stays_and_falls():
    plan = dataclasses.replace(PLAN, steps=10, warmup=2, cool=4)
    assert [lr_schedule(step, plan) for step in range(10)] == [0.5, 1, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25]


def test_the_start_keeps_what_it_knows_and_gets_new_rows(tmp_path):
    start = SegNeXt("nano", len(FACADE))
    checkpoints.save(start, tmp_path / "start.safetensors", FACADE, {})
    model = build(dataclasses.replace(PLAN, start=str(tmp_path / "start.safetensors"), drop_path=0.3)).eval()
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(model(x)[:, : len(FACADE)], start.eval()(x))
    rates = [module.rate for module in model.modules() if isinstance(module, StochasticDepth)]
    assert rates[0] == 0 and rates[-1] == pytest.approx(0.3)


def test_a_start_with_other_classes_is_refused_in_words(tmp_path):
    checkpoints.save(SegNeXt("nano", 2), tmp_path / "start.safetensors", ["cat", "dog"], {})
    with pytest.raises(InputError, match="knows cat, dog"):
        build(dataclasses.replace(PLAN, start=str(tmp_path / "start.safetensors")))


def test_the_average_lags_behind_the_weights(whole):
    made = whole[0]
    far = [not torch.equal(a, b) for a, b in zip(made.average.parameters(), made.model.parameters())]
    assert all(far) and not made.average.training


def test_finish_and_publish(whole, streets, tmp_path):
    line = finish(whole[1], streets, tmp_path / "done")
    path = publish(tmp_path / "done", "street", None, tmp_path / "out")
    model = checkpoints.read(path)
    assert model.classes == CLASSES and "non-commercial" in model.card["terms"]
    assert model.card["score"] == line and line["step"] == 6
    log = [json.loads(text) for text in path.with_name("street.log.jsonl").read_text().splitlines()]
    assert log[5] == line and str(streets) not in json.dumps(model.card)
