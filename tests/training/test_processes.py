"""What processes add up. That several of them agree, test_shared_norm.py and test_run.py show."""

from __future__ import annotations

from pathlib import Path

import psutil
import torch
import torch.distributed as dist

from segnext_edu.training.processes import meet, part, total


def test_a_process_alone_adds_up_itself_and_keeps_what_it_gave() -> None:
    meet()
    x = torch.arange(3)
    result = total(x)
    result += 1
    assert x.tolist() == [0, 1, 2] and result.tolist() == [1, 2, 3]
    part()


def test_at_parting_the_groups_threads_have_ended(tmp_path: Path) -> None:
    """One that goes on beyond Python's own end aborts the process, now and then."""
    before = psutil.Process().num_threads()
    dist.init_process_group("gloo", init_method=(tmp_path / "store").as_uri(), rank=0, world_size=1)
    meet()
    assert total(torch.ones(2)).tolist() == [1, 1]
    assert psutil.Process().num_threads() > before
    part()
    assert not dist.is_initialized() and psutil.Process().num_threads() == before
