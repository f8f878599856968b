"""Published weights by the command, from a web server on this machine, in both layouts and in every bad state."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from segnext_edu.__main__ import main
from segnext_edu.checkpoints import from_official, load
from segnext_edu.data import download
from segnext_edu.model.segnext import SegNeXt
from segnext_edu.official_names import official_name
from tests.conftest import Site, contents

Serve = Callable[[Site], Site]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(download, "PAUSE", 0.0)


def published(variant: str = "tiny", layout: str = "official", classes: int = 150, **more: object) -> bytes:
    """A file as the authors publish them, made by naming our tensors as theirs."""
    torch.manual_seed(3)
    weights = {official_name(name): tensor for name, tensor in SegNeXt(variant, classes).state_dict().items()}
    if layout == "mmseg":
        weights = {name.replace(".dwconv.dwconv.", ".dwconv."): tensor for name, tensor in weights.items()}
    return pickled({"meta": {"epoch": 3}, "state_dict": weights, **more})


def pickled(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def fetch(site: Site, folder: Path, variant: str = "tiny", *more: str) -> int:
    return main(["fetch-official", variant, "--url", site.url, "--out", str(folder / "it.safetensors"), *more])


@pytest.mark.parametrize("layout", ["official", "mmseg"])
def test_both_layouts_arrive(layout: str, serve: Serve, tmp_path: Path, capsys):
    content = published(layout=layout, optimizer={"state": {}, "param_groups": []})
    sha256 = hashlib.sha256(content).hexdigest()
    site = serve(Site(content, drops=2, drop_after=1_000_000))
    assert fetch(site, tmp_path, "tiny", "--sha256", sha256) == 0
    assert "it.safetensors is ready" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["it.safetensors"]
    assert [status for _, status in site.seen] == [200, 206, 206], "what was cut off goes on where it stopped"
    model = load(tmp_path / "it.safetensors")
    expected = from_official(torch.load(io.BytesIO(content), weights_only=True)["state_dict"])
    assert all(torch.equal(tensor, expected[name]) for name, tensor in model.state_dict().items())
    assert (model.variant, model.classes[2], model.card["source"]) == ("tiny", "sky", site.url)
    assert model.card["sha256"] == sha256


def test_other_classes_are_numbered(serve: Serve, tmp_path: Path):
    assert fetch(serve(Site(published("small", classes=19))), tmp_path, "small") == 0
    assert load(tmp_path / "it.safetensors").classes[:2] == ("class 1", "class 2")


class Bomb:
    def __init__(self, fuse: Path):
        self.fuse = fuse

    def __reduce__(self):
        return Path.touch, (self.fuse,)


def encoder_alone() -> bytes:
    names = torch.load(io.BytesIO(published()), weights_only=True)["state_dict"]
    weights = {name.removeprefix("backbone."): value for name, value in names.items() if name.startswith("backbone.")}
    return pickled({"state_dict": {**weights, "head.weight": torch.zeros(1000, 256)}})


def misshapen() -> bytes:
    weights = torch.load(io.BytesIO(published()), weights_only=True)["state_dict"]
    weights["backbone.norm1.weight"] = torch.zeros(33)
    return pickled({"state_dict": weights})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (lambda: published()[:-5000], "broken or not a PyTorch checkpoint"),
        (lambda: b"<html>Not found</html>", "broken or not a PyTorch checkpoint|holds more than weights"),
        (lambda: published("small"), "holds SegNeXt-small, not tiny; ask for small"),
        (encoder_alone, "holds no decoder .* encoder trained on ImageNet"),
        (misshapen, r"backbone.norm1.weight has shape \(33,\), expected \(32,\)"),
        (lambda: pickled({"state_dict": {}}), "holds no decoder"),
    ],
)
def test_what_is_not_what_it_claims(content: Callable[[], bytes], said: str, serve: Serve, tmp_path: Path, capsys):
    site = serve(Site(content()))
    assert fetch(site, tmp_path) == 2
    error = capsys.readouterr().err
    assert re.search(said, error), error
    assert error.count("\n") == 1
    assert contents(tmp_path) == {}


def test_a_malicious_file_does_not_run(serve: Serve, tmp_path: Path, capsys):
    (tmp_path / "out").mkdir()
    site = serve(Site(published(meta=Bomb(tmp_path / "ran"))))
    assert fetch(site, tmp_path / "out") == 2
    assert "Nothing was run" in capsys.readouterr().err
    assert contents(tmp_path) == {}


def test_a_tampered_file_is_refused_by_its_hash(serve: Serve, tmp_path: Path, capsys):
    content = published()
    site = serve(Site(content[:-100] + bytes(100)))
    assert fetch(site, tmp_path, "tiny", "--sha256", hashlib.sha256(content).hexdigest()) == 2
    assert "has the SHA-256" in capsys.readouterr().err
    assert contents(tmp_path) == {}


def test_what_is_there_is_left_alone(serve: Serve, tmp_path: Path, capsys):
    (tmp_path / "it.safetensors").write_text("mine")
    site = serve(Site(published()))
    assert fetch(site, tmp_path) == 2
    assert "is here already" in capsys.readouterr().err
    assert contents(tmp_path) == {"it.safetensors": b"mine"} and not site.seen
    assert main(["fetch-official", "tiny", "--url", site.url, "--out", str(tmp_path / "it.pth")]) == 2
    assert "ends in .safetensors" in capsys.readouterr().err
