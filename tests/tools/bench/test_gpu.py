"""The GPU's bench, as far as it goes without one: its networks, its lines, its file, and what it says without a GPU."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch

from tools.bench import gpu, reference
from tools.bench.traffic import Card

CARD = Card(bandwidth=1e12, matrix=1e14, single=1e13)


def command(monkeypatch: pytest.MonkeyPatch, *given: str) -> int:
    monkeypatch.setattr(sys, "argv", ["bench_gpu", *given])
    return gpu.main()


def test_without_a_gpu_it_says_so_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert command(monkeypatch, "--json", str(tmp_path / "gpu.json")) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("error: ") and "GPU" in printed.err and printed.err.count("\n") == 1
    assert not printed.out and not list(tmp_path.iterdir())


@pytest.mark.parametrize("given", [("--batches", "0"), ("--repeats", "0")])
def test_nothing_to_measure(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, given: tuple) -> None:
    assert command(monkeypatch, *given) == 2
    assert "at least 1" in capsys.readouterr().err


def test_the_networks_give_the_same_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    """`compiled` is not called: it would be compiled for a minute."""
    monkeypatch.setattr(reference.importlib.util, "find_spec", lambda name: None)
    images = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    calls, missing = gpu.network_calls("tiny", images)
    assert list(calls) == ["ours", "optimised", "compiled"]
    assert missing["mmsegmentation"].startswith("ImportError: ")
    with torch.inference_mode():
        ours, optimised = calls["ours"](), calls["optimised"]()
    assert ours.shape == optimised.shape == (2, 150, 8, 12)
    assert (ours.argmax(1) == optimised.argmax(1)).float().mean() > 0.8
    assert (ours - optimised).abs().max() < 0.1 * ours.abs().max()


def row(variant: str, batch: int, width: int, height: int, *rest: object) -> dict:
    seconds = {"mmsegmentation": None, "ours": 4e-3, "optimised": 2e-3, "compiled": 1e-3}
    return {
        "variant": variant,
        "batch": batch,
        "width": width,
        "height": height,
        "seconds": seconds,
        "missing": {"mmsegmentation": "ImportError: not here"},
        "gib": dict.fromkeys(seconds, 0.25),
        "floor": 5e-4,
        "bound": "memory",
    }


def test_a_line_compares_with_the_first_that_ran() -> None:
    printed = gpu.line(row("base", 16, 2048, 1024))
    assert " ".join(printed.split()) == (
        "base 16 × 2048 × 1024 – 4.00 ( 1.00) 0.25 GiB 2.00 ( 2.00) 0.25 GiB 1.00 ( 4.00) 0.25 GiB 0.500 memory"
    )
    assert len(gpu.header()) == len(printed) + len("bound by") - len("memory")


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU that answers at once."""
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", torch.backends.cudnn.benchmark)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(gpu, "measure_card", lambda repeats: CARD)
    monkeypatch.setattr(gpu, "environment", lambda repeats, card: {"rates": vars(card), "repeats": repeats})
    monkeypatch.setattr(gpu, "measure", row)
    gate = {"seconds": dict.fromkeys(gpu.gate.WAYS, 1e-5), "missing": {}, "floor": 1e-6, "bound": "memory"}
    monkeypatch.setattr(gpu.gate, "measure", lambda shape, *rest: {"shape": shape, **gate})


@pytest.mark.usefixtures("pretended")
def test_it_goes_through_all_cases_and_writes_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, tmp_path: Path
) -> None:
    path = tmp_path / "gpu.json"
    assert command(monkeypatch, "--json", str(path)) == 0
    said = json.loads(path.read_text())
    cases = [(given["variant"], given["width"], given["height"], given["batch"]) for given in said["networks"]]
    sizes = [(512, 512, 1), (512, 512, 16), (2048, 1024, 1), (2048, 1024, 16)]
    assert cases == [(variant, *case) for variant in ("tiny", "base") for case in sizes]
    assert [given["shape"] for given in said["branches"]][12:16] == [
        [16, 32, 256, 512],
        [16, 64, 128, 256],
        [16, 160, 64, 128],
        [16, 256, 32, 64],
    ]
    assert len(said["branches"]) == 32
    assert said["setting"] == {"rates": vars(CARD), "repeats": 20}
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 1 + (1 + 8) + (1 + 32)
    assert "mmsegmentation is missing: ImportError: not here" in printed.err
    assert [file.name for file in tmp_path.iterdir()] == ["gpu.json"]


@pytest.mark.usefixtures("pretended")
def test_a_run_cut_short_leaves_the_rows_it_had(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def stopped_at_sixteen(*case: object) -> dict:
        if case[1] == 16:
            raise KeyboardInterrupt
        return row(*case)

    monkeypatch.setattr(gpu, "measure", stopped_at_sixteen)
    path = tmp_path / "gpu.json"
    assert command(monkeypatch, "--json", str(path), "--parts", "networks", "--variants", "tiny") == 130
    assert [given["batch"] for given in json.loads(path.read_text())["networks"]] == [1]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU that PyTorch can use")
def test_on_a_gpu_both_tables_appear(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(gpu, "COPIED", 2**20)
    monkeypatch.setattr(gpu, "SIDE", 512)
    path = tmp_path / "gpu.json"
    given = ("--variants", "tiny", "--sizes", "64x64", "--batches", "1", "--repeats", "1")
    assert command(monkeypatch, *given, "--json", str(path)) == 0
    (network,) = json.loads(path.read_text())["networks"]
    assert set(network["missing"]) <= {"mmsegmentation"}
    assert network["agrees"]["compiled"] > 0.8
