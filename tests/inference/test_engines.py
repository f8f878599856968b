"""Another engine behind the same call: the same labels, one graph per checkpoint, and words for what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from segnext_edu.__main__ import main
from segnext_edu.checkpoints import read
from segnext_edu.data import load_scenes
from segnext_edu.inference import engines
from segnext_edu.inference.engines import Exported, fingerprint, place, with_engine
from segnext_edu.inference.evaluate import evaluate
from segnext_edu.inference.optimize import FastSegNeXt
from segnext_edu.inference.predict import predict
from segnext_edu.inference.sliding_window import SlidingWindow
from segnext_edu.inference.tta import MULTI_SCALE
from segnext_edu.model.segnext import SegNeXt

pytestmark = pytest.mark.slow
OTHERS = [
    pytest.param("onnxruntime", marks=pytest.mark.skipif(bool(engines.lacking("onnxruntime")), reason="not installed")),
    pytest.param("openvino", marks=pytest.mark.skipif(bool(engines.lacking("openvino")), reason="not installed")),
]


@pytest.fixture(scope="module")
def scene() -> Image.Image:
    return load_scenes("mini", "val")[59]["image"]


@pytest.mark.parametrize("engine", OTHERS)
class TestAnotherEngine:
    @pytest.mark.parametrize(
        "how", [{}, {"tta": MULTI_SCALE}, {"window": SlidingWindow(64, 32)}], ids=["plain", "TTA", "sliding window"]
    )
    def test_the_same_labels(self, engine: str, how: dict, scene: Image.Image) -> None:
        model = read("nano_mini")
        here, there = predict(model, scene, 96, **how), predict(with_engine(model, engine), scene, 96, **how)
        assert (here == there).float().mean() > 0.9999

    def test_the_same_logits(self, engine: str) -> None:
        model = read("tiny_street")
        other, images = with_engine(model, engine), torch.randn(1, 3, 96, 160)
        with torch.inference_mode():
            here, there = (each.decode(each.encode(images)) for each in (model, other))
        assert (here - there).abs().max() < 1e-4

    def test_the_same_score(self, engine: str, scene: Image.Image) -> None:
        model = read("nano_mini")
        pairs = load_scenes("mini", "val").select(range(4))
        assert evaluate(with_engine(model, engine), pairs, 96).miou() == pytest.approx(
            evaluate(model, pairs, 96).miou(), abs=1e-4
        )

    def test_the_command(self, engine: str, scene: Image.Image, tmp_path: Path) -> None:
        scene.save(tmp_path / "photo.png")
        for name in ("torch", engine):
            command = ["predict", tmp_path / "photo.png", "--checkpoint", "nano_mini", "--engine", name]
            assert main([*map(str, command), "--out", str(tmp_path / f"{name}.png")]) == 0
        here, there = (Image.open(tmp_path / f"{name}.png").tobytes() for name in ("torch", engine))
        assert here == there


@pytest.mark.skipif(bool(engines.lacking("onnxruntime")), reason="not installed")
def test_a_graph_is_written_once_and_belongs_to_its_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    model = read("nano_mini")
    with_engine(model, "onnxruntime")
    written = place(model).stat().st_mtime_ns
    monkeypatch.setattr(engines, "write_onnx", None)  # and is not called again
    assert isinstance(with_engine(model, "onnxruntime"), Exported)
    assert place(model).stat().st_mtime_ns == written
    with torch.no_grad():
        model.decoder.classify.weight[0] += 1e-3
    assert not place(model).exists()


def test_auto_writes_no_graph_for_a_few_photographs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SEGNEXT_EDU_CACHE", str(tmp_path))
    monkeypatch.setattr(engines, "lacking", lambda engine: [])
    assert isinstance(with_engine(read("nano_mini"), "auto", many=False), FastSegNeXt)
    assert not list(tmp_path.iterdir())


def test_what_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    model = read("nano_mini")
    monkeypatch.setattr(engines, "lacking", lambda engine: ["openvino"] if engine == "openvino" else [])
    with pytest.raises(engines.InputError, match=r"--engine openvino: openvino is not installed; pip install openvino"):
        with_engine(model, "openvino")
    with pytest.raises(engines.InputError, match="--engine toaster: expected auto, torch, openvino or onnxruntime"):
        with_engine(model, "toaster")
    monkeypatch.setattr(engines, "lacking", lambda engine: ["onnx"])
    assert isinstance(with_engine(model, "auto"), FastSegNeXt)


def test_a_fingerprint_is_of_the_weights() -> None:
    models = [read("nano_mini"), read("nano_mini"), read("nano_street")]
    first, second, other = map(fingerprint, models)
    assert first == second != other
    assert isinstance(models[0], SegNeXt)
