import dataclasses
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from segnext_edu.__main__ import main
from segnext_edu.checkpoints import load, save
from segnext_edu.data import load_scenes
from segnext_edu.files import InputError
from segnext_edu.inference.evaluate import evaluate, scored_scenes
from segnext_edu.model.segnext import SegNeXt
from segnext_edu.training.devices import in_bf16
from segnext_edu.training.recipe import Recipe, default_recipe
from segnext_edu.training.trainer import Run
from tests.training.test_run_folder import held_by_another_process
from tools.bench.baselines import SegFormerB0, UNet, parameter_groups

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Six small pictures that can be learned: bright is "light", dark is "dark"."""
    place = tmp_path_factory.mktemp("data")
    (place / "images").mkdir()
    (place / "annotations").mkdir()
    (place / "classes.txt").write_text("light\ndark\n")
    numbers = np.random.default_rng(0)
    for index in range(6):
        mask = np.where(np.arange(56)[None] + np.zeros((40, 1)) < 20 + 4 * index, 1, 2).astype(np.uint8)
        image = np.where(mask == 1, 200, 50)[..., None] + numbers.integers(-30, 30, (40, 56, 3))
        Image.fromarray(image.astype(np.uint8)).save(place / "images" / f"{index}.png")
        Image.fromarray(mask).save(place / "annotations" / f"{index}.png")
    return place


def recipe(folder: Path, **changes) -> Recipe:
    small = {"steps": 6, "batch": 2, "crop": 32, "short_side": 40, "lr": 1e-3, "warmup": 1}
    return default_recipe(data=str(folder), **{"variant": "nano", **small, **changes})


def weights(path: Path) -> dict[str, torch.Tensor]:
    return load(path).state_dict()


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


class TestRun:
    def test_a_run_leaves_what_it_promises(self, folder, tmp_path):
        records = list(Run(recipe(folder), tmp_path / "run", save_every=3, device="cpu"))
        assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
            "best.safetensors", "last.safetensors", "log.jsonl", "resume.pt"
        ]  # fmt: skip
        logged = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
        assert logged == records and [line["step"] for line in logged] == [1, 2, 3, 4, 5, 6]
        assert ["miou" in line for line in logged] == [False, False, True, False, False, True]
        model = load(tmp_path / "run" / "last.safetensors")
        assert model.classes == ("light", "dark") and model.variant == "nano"
        assert model.card["recipe"] == dataclasses.asdict(recipe(folder)) and model.card["score"]["step"] == 6
        best = load(tmp_path / "run" / "best.safetensors").card["score"]["miou"]
        assert best == max(line["miou"] for line in logged if "miou" in line)

    def test_it_learns(self, folder, tmp_path):
        records = list(Run(recipe(folder, steps=60, lr=5e-3), tmp_path / "run", save_every=60, device="cpu"))
        first, last = (sum(record["loss"] for record in part) for part in (records[:10], records[-10:]))
        assert last < 0.5 * first
        assert records[-1]["accuracy"] > 0.9

    @pytest.mark.parametrize("stop", [1, 2, 3, 5])
    def test_stopped_anywhere_and_resumed_it_ends_bit_for_bit_the_same(self, folder, tmp_path, stop):
        list(Run(recipe(folder), tmp_path / "whole", save_every=2, device="cpu"))
        interrupted = iter(Run(recipe(folder), tmp_path / "cut", save_every=2, device="cpu"))
        for _ in range(stop):
            next(interrupted)
        torch.rand(1000)  # whatever else the process does with the global generator
        records = list(Run(recipe(folder), tmp_path / "cut", resume=True, save_every=2, device="cpu"))
        assert records[0]["step"] == stop // 2 * 2 + 1
        for name in ("last", "best"):
            assert same(*(weights(tmp_path / run / f"{name}.safetensors") for run in ("whole", "cut")))
        steps = [json.loads(line)["step"] for line in (tmp_path / "cut" / "log.jsonl").read_text().splitlines()]
        assert steps == [1, 2, 3, 4, 5, 6]

    @pytest.mark.slow
    def test_killed_and_resumed_from_the_shell(self, folder, tmp_path):
        """SIGKILL, as soon as three steps are logged; then the same command with --resume."""
        many = recipe(folder, steps=20)  # so that it is not done before it is killed
        list(Run(many, tmp_path / "whole", save_every=2, device="cpu"))
        command = [sys.executable, "-m", "segnext_edu", "train", "--data", str(folder), "--out", str(tmp_path / "cut"),
                   "--variant", "nano", "--save-every", "2", "--device", "cpu"]  # fmt: skip
        for name in ("steps", "batch", "crop", "short_side", "lr", "warmup"):
            command += [f"--{name.replace('_', '-')}", str(getattr(many, name))]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        log = tmp_path / "cut" / "log.jsonl"
        while process.poll() is None and not (log.exists() and len(log.read_text().splitlines()) >= 3):
            time.sleep(0.005)
        process.kill()
        assert process.wait() == -signal.SIGKILL
        (tmp_path / "cut" / ".last.safetensors.1.part").touch()  # what a kill in the middle of writing leaves
        done = subprocess.run([*command, "--resume"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        for name in ("last", "best"):
            assert same(*(weights(tmp_path / run / f"{name}.safetensors") for run in ("whole", "cut")))
        assert not list((tmp_path / "cut").glob(".*"))

    def test_another_seed_is_another_run(self, folder, tmp_path):
        for seed in (0, 1):
            list(Run(recipe(folder, steps=2, seed=seed), tmp_path / str(seed), device="cpu"))
        assert not same(*(weights(tmp_path / str(seed) / "last.safetensors") for seed in (0, 1)))

    def test_a_run_is_not_overwritten(self, folder, tmp_path):
        list(Run(recipe(folder, steps=2), tmp_path / "run", device="cpu"))
        before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
        with pytest.raises(InputError, match="holds a run already; go on with --resume"):
            Run(recipe(folder, steps=2), tmp_path / "run", device="cpu")
        with pytest.raises(InputError, match="was begun with lr 0.001, not 0.1"):
            Run(recipe(folder, steps=2, lr=0.1), tmp_path / "run", resume=True, device="cpu")
        assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before

    def test_a_loss_that_explodes_ends_the_run_in_words(self, folder, tmp_path):
        run = Run(recipe(folder, lr=1e6, head_lr_mult=1e6, warmup=0), tmp_path / "run", device="cpu")
        with pytest.raises(InputError, match="loss is (nan|inf) at step .*: try a lower --lr, .*nothing was saved"):
            list(run)

    def test_weights_that_are_no_numbers_are_never_saved(self, folder, tmp_path):
        """Though the last loss was one, and whether or not other steps follow. The corrected run is not blocked."""
        for steps in (1, 6):
            out = tmp_path / str(steps)
            run = Run(recipe(folder, steps=steps), out, save_every=1, device="cpu")
            run.optimizer.optimizer.register_step_post_hook(
                lambda optimizer, args, kwargs, run=run: run.bare.decoder.classify.bias.data.fill_(math.inf)
            )
            with pytest.raises(InputError, match="NaN or infinity after step 1: try a lower --lr, .*nothing was saved"):
                list(run)
            list(Run(recipe(folder, steps=1), out, device="cpu"))
            assert load(out / "last.safetensors").card["score"]["step"] == 1

    def test_averages_that_are_no_numbers_are_never_saved(self, folder, tmp_path):
        """AdamW would never move those weights again."""
        run = Run(recipe(folder, steps=1), tmp_path / "run", device="cpu")
        run.optimizer.optimizer.register_step_post_hook(
            lambda optimizer, args, kwargs: next(iter(optimizer.state.values()))["exp_avg_sq"].fill_(math.inf)
        )
        with pytest.raises(InputError, match="exp_avg_sq of parameter 0 holds NaN or infinity after step 1"):
            list(run)

    def test_the_last_good_state_stays_and_the_run_goes_on_from_it(self, folder, tmp_path):
        out = tmp_path / "run"
        list(Run(recipe(folder), tmp_path / "whole", save_every=2, device="cpu"))
        run = Run(recipe(folder), out, save_every=2, device="cpu")
        steps = iter(run)
        assert [next(steps)["step"] for _ in range(2)] == [1, 2]
        good = {path.name: path.read_bytes() for path in out.iterdir() if path.suffix in (".safetensors", ".pt")}

        def spoil(optimizer, args, kwargs):
            if run.step == 3:
                run.bare.decoder.classify.bias.data[0] = math.inf

        run.optimizer.optimizer.register_step_post_hook(spoil)
        with pytest.raises(InputError, match="step 4: .* keeps what was saved after step 2, so choose another --out"):
            list(steps)
        assert good == {path.name: path.read_bytes() for path in out.iterdir() if path.name in good}
        list(Run(recipe(folder), out, resume=True, save_every=2, device="cpu"))
        assert same(*(weights(tmp_path / name / "last.safetensors") for name in ("whole", "run")))

    def test_a_run_that_fails_before_its_first_line_leaves_nothing(self, folder, tmp_path, capsys):
        """And the corrected command is not told that the folder holds a run."""
        command = ["train", "--data", str(folder), "--variant", "nano", "--steps", "1", "--batch", "2", "--crop", "32",
                   "--device", "cpu", "--out", str(tmp_path / "run"), "--start"]  # fmt: skip
        assert main([*command, str(tmp_path / "nowhere.safetensors")]) == 2
        assert "no such checkpoint" in capsys.readouterr().err and not (tmp_path / "run").exists()
        assert main(command[:-1]) == 0
        assert main([*command[:-1], "--resume", "--lr", "nan"]) == 2
        assert "--lr is nan; it must be a number from 0" in capsys.readouterr().err

    def test_out_is_tried_before_any_data_is_loaded(self, folder, tmp_path, monkeypatch):
        monkeypatch.setattr("segnext_edu.training.trainer.load_scenes", lambda *_: pytest.fail("data were loaded"))
        (tmp_path / "file").touch()
        with pytest.raises(InputError, match="no run can be written there"):
            Run(recipe(folder), tmp_path / "file", device="cpu")
        with held_by_another_process(tmp_path / "run"), pytest.raises(InputError, match="another process trains"):
            Run(recipe(folder), tmp_path / "run", resume=True, device="cpu")

    def test_a_damaged_state_is_refused_in_one_line_by_the_command(self, folder, tmp_path, capsys):
        list(Run(recipe(folder, steps=1), tmp_path / "run", device="cpu"))
        (tmp_path / "run" / "resume.pt").write_text("hello")
        before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
        assert main(["train", "--out", str(tmp_path / "run"), "--resume"]) == 2
        said = capsys.readouterr().err
        assert said.startswith("error: ") and said.count("\n") == 1 and "resume.pt: damaged" in said
        assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before

    def test_clipping_bounds_the_step(self, folder, tmp_path):
        def moved(max_grad_norm):
            run = Run(recipe(folder, steps=1, max_grad_norm=max_grad_norm), tmp_path / str(max_grad_norm), device="cpu")
            norms = []
            run.optimizer.optimizer.register_step_pre_hook(
                lambda optimizer, args, kwargs: norms.append(
                    torch.cat([p.grad.flatten() for g in optimizer.param_groups for p in g["params"]]).norm().item()
                )
            )
            list(run)
            return norms[0]

        assert moved(None) > 0.05 and moved(0.05) <= 0.0501

    def test_an_unknown_device_is_refused_in_words(self, folder, tmp_path):
        with pytest.raises(InputError, match="--device toaster: expected auto, cpu, cuda or mps"):
            Run(recipe(folder), tmp_path / "run", device="toaster")
        if not torch.cuda.is_available():
            with pytest.raises(InputError, match="no GPU that PyTorch can use"):
                Run(recipe(folder), tmp_path / "run", device="cuda")

    @pytest.mark.parametrize(
        ("device", "asked", "bf16"),
        [("cpu", "auto", False), ("cuda", "auto", True), ("cpu", "bf16", True), ("cuda", "float32", False)],
    )
    def test_precision(self, device, asked, bf16):
        assert in_bf16(torch.device(device), asked) is bf16

    def test_an_unknown_precision_is_refused_in_words(self, folder, tmp_path):
        with pytest.raises(InputError, match="--precision fp8: expected auto, float32, bf16"):
            Run(recipe(folder), tmp_path / "run", device="cpu", precision="fp8")

    def test_bf16_is_near_float32_and_says_so(self, folder, tmp_path):
        losses = {}
        for precision in ("float32", "bf16"):
            run = Run(recipe(folder, steps=4), tmp_path / precision, device="cpu", precision=precision)
            losses[precision] = [record["loss"] for record in run]
            card = load(tmp_path / precision / "last.safetensors").card
            assert card["precision"] == precision and card["threads"] == torch.get_num_threads()
        assert losses["bf16"] != losses["float32"]
        assert losses["bf16"] == pytest.approx(losses["float32"], rel=0.05)

    def test_bf16_that_would_never_end_is_refused_before_it_begins(self, folder, tmp_path):
        with pytest.raises(InputError, match="never comes back .* 128 pixels or more, and here they have 160"):
            Run(recipe(folder, crop=160), tmp_path / "run", device="cpu", precision="bf16")
        assert not (tmp_path / "run").exists()

    @pytest.mark.slow
    def test_compiled_it_is_the_same_run(self, folder, tmp_path, monkeypatch):
        """Traced as for any compiler, and run as traced: the compiler itself takes two minutes."""
        compile_with = torch.nn.Module.compile
        monkeypatch.setattr(torch.nn.Module, "compile", lambda self: compile_with(self, backend="aot_eager"))
        eager = [record["loss"] for record in Run(recipe(folder, steps=2), tmp_path / "eager", device="cpu")]
        run = Run(recipe(folder, steps=2), tmp_path / "compiled", device="cpu", compile=True)
        compiled = [record["loss"] for record in run]
        assert compiled == pytest.approx(eager, rel=1e-3)
        assert weights(tmp_path / "compiled" / "last.safetensors").keys() == run.bare.state_dict().keys()

    @pytest.mark.parametrize("network", [UNet, SegFormerB0])
    def test_another_network_trains_by_the_same_recipe(self, folder, tmp_path, network):
        run = Run(recipe(folder, steps=2), tmp_path / "run", device="cpu", network=network, groups=parameter_groups)
        before = [p.detach().clone() for p in run.bare.parameters()]
        assert 0 <= list(run)[-1]["miou"] <= 1
        assert not any(torch.equal(a, b) for a, b in zip(before, run.bare.parameters()) if a.any())


class TestBeginningWithACheckpoint:
    @pytest.fixture
    def start(self, tmp_path) -> Path:
        torch.manual_seed(5)
        path = tmp_path / "start.safetensors"
        save(SegNeXt("nano", 2), path, ["light", "dark"], {"terms": "Not for sale."})
        return path

    def test_the_first_loss_is_the_checkpoints(self, folder, tmp_path, start):
        run = Run(recipe(folder, start=str(start)), tmp_path / "run", device="cpu")
        assert same(run.bare.state_dict(), weights(start))

    def test_terms_pass_on(self, folder, tmp_path, start):
        list(Run(recipe(folder, steps=1, start=str(start)), tmp_path / "run", device="cpu"))
        assert load(tmp_path / "run" / "last.safetensors").card["terms"] == "Not for sale."

    @pytest.mark.slow
    def test_resumed_it_does_not_begin_again(self, folder, tmp_path, start):
        list(Run(recipe(folder, start=str(start)), tmp_path / "whole", save_every=2, device="cpu"))
        cut = iter(Run(recipe(folder, start=str(start)), tmp_path / "cut", save_every=2, device="cpu"))
        for _ in range(3):
            next(cut)
        list(Run(recipe(folder, start=str(start)), tmp_path / "cut", resume=True, save_every=2, device="cpu"))
        assert same(*(weights(tmp_path / run / "last.safetensors") for run in ("whole", "cut")))

    def test_a_frozen_encoder_stays_and_the_decoder_moves(self, folder, tmp_path, start):
        run = Run(recipe(folder, start=str(start), freeze_encoder=True), tmp_path / "run", device="cpu")
        list(run)
        ended, began = run.bare.state_dict(), weights(start)
        same_encoder = [torch.equal(ended[name], began[name]) for name in began if name.startswith("encoder.")]
        assert all(same_encoder)  # BatchNorm's statistics, too
        assert not torch.equal(ended["decoder.squeeze.0.weight"], began["decoder.squeeze.0.weight"])

    def test_another_variant_is_refused_in_words(self, folder, tmp_path, start):
        with pytest.raises(InputError, match="a 'nano' cannot begin another network; give the --variant"):
            Run(recipe(folder, variant="tiny", start=str(start)), tmp_path / "run", device="cpu")
        with pytest.raises(InputError, match="no such checkpoint"):
            Run(recipe(folder, start="nowhere.safetensors"), tmp_path / "run", device="cpu")


def launched(arguments: list[str], place: Path) -> None:
    """Run a script or a module in two processes. --multi_gpu is how accelerate starts several of them, on CPUs too."""
    launcher = "-m accelerate.commands.launch --multi_gpu --num_processes 2 --num_machines 1 --mixed_precision no"
    several = [*launcher.split(), "--dynamo_backend", "no", "--main_process_port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "TMPDIR": str(place)}
    done = subprocess.run([sys.executable, *several, *arguments], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr


def logged(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_two_processes_make_one_run(folder, tmp_path):
    """`accelerate launch` with two CPU processes: each trains on its half of the batch and scores its half of the data,
    one of them writes, and the score is that of the whole validation split."""
    command = "-m segnext_edu train --variant nano --steps 2 --batch 4 --crop 32 --short-side 40 --lr 1e-3 --device cpu"
    launched([*command.split(), "--data", str(folder), "--out", str(tmp_path / "two")], tmp_path)
    lines = logged(tmp_path / "two")
    assert [line["step"] for line in lines] == [1, 2]
    model = load(tmp_path / "two" / "last.safetensors")
    whole = evaluate(model, scored_scenes(load_scenes(folder, "val"), model.classes), 40)
    assert lines[1]["miou"] == pytest.approx(whole.miou(), abs=1e-3)


# Dropout and the NMF's bases are drawn by each process for its own share, and on CPUs each has its own batch
# statistics. All three are switched off here, so that what is left can be compared: shares, loss, gradients.
STEPS = """
import json, sys
import psutil
from torch import nn
from segnext_edu.training.recipe import Recipe
from segnext_edu.training.trainer import Run
run = Run(Recipe(**json.loads(sys.argv[1])), sys.argv[2], device="cpu")
nmf = run.bare.decoder.hamburger.nmf
nmf.start = lambda batch: nmf.eval_bases.expand(batch, -1, -1)
run.bare.decoder.dropout.p = 0.0
for module in run.bare.modules():
    if isinstance(module, nn.BatchNorm2d):
        module.train = lambda mode=True, module=module: nn.Module.train(module, False)
for record in run:
    pass
threads = psutil.Process().num_threads()
several = run.accelerator.num_processes > 1
run.close()
assert not several or psutil.Process().num_threads() < threads  # one that outlives Python aborts it, now and then
"""


@pytest.mark.slow
def test_two_processes_make_the_steps_of_one(folder, tmp_path):
    settings = {"data": str(folder), "variant": "nano", "steps": 5, "batch": 4, "crop": 48, "short_side": 40}
    script, text = tmp_path / "script.py", json.dumps({**settings, "lr": 3e-3, "warmup": 1})
    script.write_text(STEPS)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, str(script), text, str(tmp_path / "one")], check=True, env=environment)
    launched([str(script), text, str(tmp_path / "two")], tmp_path)
    one, two = ([line["loss"] for line in logged(tmp_path / name)] for name in ("one", "two"))
    assert one[-1] < 0.95 * one[0]
    assert two == pytest.approx(one, rel=2e-3)


def test_a_process_alone_sums_itself_and_keeps_what_it_gave(folder, tmp_path):
    run, x = Run(recipe(folder), tmp_path / "run", device="cpu"), torch.arange(3)
    total = run._sum(x)
    total += 1
    assert x.tolist() == [0, 1, 2] and total.tolist() == [1, 2, 3]
    run.close()


def test_a_batch_that_cannot_be_shared_out_is_refused_in_words(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("accelerate.Accelerator.num_processes", 3)
    with pytest.raises(InputError, match="--batch 2 cannot be shared out to 3 processes"):
        Run(recipe(folder), tmp_path / "run", device="cpu")


def test_a_reader_follows_one_batch_through_ten_modules(tmp_path):
    """From the start of a run to the first update of the weights. The network is one of the ten: its parts stand in
    five modules, a notebook each. Where no batch goes is none of them: the run's folder, the choice of a device."""
    ran: set[str] = set()

    def note(frame, event, argument):
        module = frame.f_globals.get("__name__", "")
        if event == "call" and module.startswith("segnext_edu") and not importing(frame):
            ran.add("segnext_edu.model" if module.startswith("segnext_edu.model.") else module)

    def importing(frame) -> bool:
        return frame is not None and ("importlib" in frame.f_code.co_filename or importing(frame.f_back))

    sys.setprofile(note)
    try:
        next(iter(Run(default_recipe("mini", "nano", steps=2, batch=2, crop=64), tmp_path / "run", device="cpu")))
    finally:
        sys.setprofile(None)
    assert "segnext_edu.training.trainer" in ran and "segnext_edu.model" in ran
    ran -= {"segnext_edu.training.run_folder", "segnext_edu.training.devices", "segnext_edu.machine"}
    assert len(ran) <= 10, sorted(ran)
