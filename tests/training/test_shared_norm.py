"""Two processes with half of a batch each make the step that one process makes with all of it.

What is random inside the network (dropout, the NMF's bases) each process draws for its own share; here it is switched
off, so that losses can be compared.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from segnext_edu.training.shared_norm import SharedBatchNorm, share_batch_norms
from tests.training.test_trainer import folder  # noqa: F401 (a fixture)

ROOT = Path(__file__).parents[2]
NORM = """
import sys, torch, torch.distributed as dist
from torch import nn
from segnext_edu.training.shared_norm import SharedBatchNorm
dist.init_process_group("gloo")
rank = dist.get_rank()
x, weight, target = (tensor.clone() for tensor in torch.load(sys.argv[1]))
mine = x[2 * rank : 2 * rank + 2].requires_grad_()
norm = SharedBatchNorm(3)
norm.weight.data = weight
((norm(mine) - target[2 * rank : 2 * rank + 2]) ** 2).sum().backward()
torch.save([mine.grad, norm.weight.grad, norm.running_mean, norm.running_var], f"{sys.argv[2]}/{rank}.pt")
dist.barrier()
dist.destroy_process_group()
"""
RUN = """
import sys
from segnext_edu.training.trainer import Run
from segnext_edu.training.recipe import Recipe
from segnext_edu.training.processes import part
from segnext_edu.training.trainer import Run
from segnext_edu.training.recipe import Recipe
import json, pathlib
recipe = Recipe(**json.loads(pathlib.Path(sys.argv[1]).read_text()))
run = Run(recipe, sys.argv[2], device="cpu")
assert run.accelerator.num_processes == int(sys.argv[3])
nmf = run.bare.decoder.hamburger.nmf
nmf.start = lambda batch: nmf.eval_bases.expand(batch, -1, -1)
run.bare.decoder.dropout.p = 0.0
for record in run:
    pass
part()
"""


def launched(code: str, place: Path, *arguments: object, processes: int = 2) -> None:
    """Run a script in so many processes. --multi_gpu is how accelerate starts several of them, on CPUs too."""
    script = place / "script.py"
    script.write_text(code)
    launcher = "-m accelerate.commands.launch --multi_gpu --num_machines 1 --mixed_precision no --dynamo_backend no"
    several = [*launcher.split(), "--num_processes", str(processes), "--main_process_port", "0"]
    command = [sys.executable, *(several if processes > 1 else []), str(script), *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "TMPDIR": str(place)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr


def test_it_is_batch_norm_over_all_processes(tmp_path: Path) -> None:
    x, target = torch.randn(2, 4, 3, 5, 6, generator=torch.Generator().manual_seed(0)) * 3 + 2
    weight = torch.tensor([1.0, 2.0, 3.0])
    torch.save([x, weight, target], tmp_path / "in.pt")
    launched(NORM, tmp_path, tmp_path / "in.pt", tmp_path)

    norm = nn.BatchNorm2d(3)
    norm.weight.data = weight
    whole = x.clone().requires_grad_()
    ((norm(whole) - target) ** 2).sum().backward()
    assert whole.grad is not None and norm.weight.grad is not None
    parts = [torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1)]
    torch.testing.assert_close(torch.cat([part[0] for part in parts]), whole.grad, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(parts[0][1] + parts[1][1], norm.weight.grad, rtol=1e-4, atol=1e-3)
    for part in parts:
        torch.testing.assert_close(part[2:], [norm.running_mean, norm.running_var])


def test_two_processes_lose_what_one_does(folder: Path, tmp_path: Path) -> None:  # noqa: F811
    recipe = {"data": str(folder), "variant": "nano", "steps": 5, "batch": 4, "crop": 48, "short_side": 40}
    (tmp_path / "recipe.json").write_text(json.dumps({**recipe, "lr": 3e-3, "warmup": 1}))
    losses = []
    for processes in (1, 2):
        launched(RUN, tmp_path, tmp_path / "recipe.json", tmp_path / str(processes), processes, processes=processes)
        lines = (tmp_path / str(processes) / "log.jsonl").read_text().splitlines()
        losses.append([json.loads(line)["loss"] for line in lines])
    assert losses[0][-1] < 0.9 * losses[0][0]
    assert losses[1] == pytest.approx(losses[0], rel=2e-3)


def test_only_batch_norms_are_turned_and_nothing_else_changes() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.GroupNorm(2, 4))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    share_batch_norms(model)
    assert [type(module) for module in model] == [nn.Conv2d, SharedBatchNorm, nn.GroupNorm]
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
