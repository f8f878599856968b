"""Exported files answer as the checkpoint does, at any size, and where there is neither PyTorch nor this package."""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from segnext_edu import SegNeXt
from segnext_edu.checkpoints import read
from segnext_edu.cli import parser
from segnext_edu.data.images import to_tensor
from segnext_edu.files import InputError, repository_data
from segnext_edu.inference import export, run_exported
from segnext_edu.inference.export import checked, metadata, trace, write_onnx, write_pt2
from segnext_edu.inference.predict import predict

pytestmark = pytest.mark.slow

SHAPES = [(1, 3, 33, 33), (1, 3, 96, 128), (2, 3, 61, 200), (3, 3, 224, 40)]
CHECKPOINT = repository_data() / "checkpoints" / "nano_street.safetensors"


@pytest.fixture(scope="module")
def model() -> SegNeXt:
    return read(CHECKPOINT)


@pytest.fixture(scope="module")
def traced(model):
    """Traced once for both formats."""
    return trace(model)


@pytest.fixture(scope="module")
def files(model, traced, tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("exported")
    paths = {form: folder / f"model.{form}" for form in ("onnx", "pt2")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "trace", lambda model, whole=True: traced)
        assert write_onnx(model, paths["onnx"]) < 1e-4
        assert write_pt2(model, paths["pt2"]) < 1e-4
    return paths


@pytest.fixture(scope="module")
def session(files):
    import onnxruntime

    return onnxruntime.InferenceSession(files["onnx"], providers=["CPUExecutionProvider"])


def images(shape: tuple[int, ...]) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
@pytest.mark.parametrize("shape", SHAPES)
def test_onnx_answers_as_the_checkpoint_at_any_size(model, session, shape):
    x = images(shape)
    (logits,) = session.run(None, {"images": x.numpy()})
    assert np.abs(logits - model(x).numpy()).max() < 1e-4
    again = session.run(None, {"images": x.numpy()})[0]
    assert np.array_equal(logits, again)  # nothing in the graph is drawn


@torch.no_grad()
def test_pt2_answers_as_the_checkpoint_at_any_size(model, files):
    loaded = torch.export.load(files["pt2"]).module()
    for shape in SHAPES:
        x = images(shape)
        assert (loaded(x) - model(x)).abs().max() < 1e-4


def test_nothing_random_is_left_in_the_graph(traced):
    assert not [node for node in traced.graph.nodes if "rand" in str(node.target)]


def test_the_files_say_what_they_are(model, files, session):
    stored = session.get_modelmeta().custom_metadata_map
    assert stored == metadata(model)
    assert json.loads(stored["classes"]) == list(model.classes)
    assert json.loads(stored["short_side"]) == 320 and "non-commercial" in json.loads(stored["terms"])
    assert json.loads(stored["mean"]) == [0.485, 0.456, 0.406]
    inside = {export.METADATA: ""}
    torch.export.load(files["pt2"], extra_files=inside)
    assert json.loads(inside[export.METADATA]) == metadata(model)
    names = session.get_inputs() + session.get_outputs()
    assert [(put.name, put.shape) for put in names] == [
        ("images", ["batch", 3, "height", "width"]),
        ("logits", ["batch", len(model.classes), "height", "width"]),
    ]


def test_it_runs_where_there_is_neither_torch_nor_this_package(model, files, tmp_path):
    """The script is copied away and started by an interpreter that refuses to import either."""
    pixels = np.random.default_rng(0).integers(0, 256, (10, 14, 3), np.uint8)
    photo = Image.fromarray(pixels).resize((448, 320), Image.Resampling.BICUBIC)  # its own short side: no resizing
    photo.save(tmp_path / "photo.png")
    (tmp_path / "alone.py").write_text(
        "import sys, runpy\n"
        "class Refuse:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in ('torch', 'segnext_edu'):\n"
        "            raise AssertionError(name + ' was imported')\n"
        "sys.meta_path.insert(0, Refuse())\n"
        f"sys.argv = ['run_exported.py', {str(files['onnx'])!r}, 'photo.png', 'labels.png']\n"
        "runpy.run_path('run_exported.py', run_name='__main__')\n"
        "assert not {'torch', 'segnext_edu'} & set(sys.modules)\n"
    )
    (tmp_path / "run_exported.py").write_text(Path(run_exported.__file__).read_text("utf-8"), "utf-8")
    done = subprocess.run([sys.executable, "-I", "alone.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "non-commercial" in done.stdout and "%" in done.stdout
    labels = torch.from_numpy(np.array(Image.open(tmp_path / "labels.png"))).long() - 1
    assert (labels == predict(model, to_tensor(photo), 320)).float().mean() > 0.999


def test_a_graph_with_other_bases_is_told_by_its_answers(session):
    other = read(CHECKPOINT)
    other.decoder.hamburger.nmf.eval_bases.copy_(other.decoder.hamburger.nmf.eval_bases.flip(1))
    with pytest.raises(InputError, match="logits are off"):
        checked(other, lambda x: torch.from_numpy(session.run(None, {"images": x.numpy()})[0]))


@pytest.mark.parametrize("error", [2e-4, float("nan")])
def test_what_answers_wrongly_gets_no_name(model, tmp_path, monkeypatch, error):
    wrong = SimpleNamespace(module=lambda: lambda x: model(x) + error)
    monkeypatch.setattr(export, "trace", lambda model, whole=True: wrong)
    monkeypatch.setattr(torch.export, "save", lambda program, file, extra_files: file.write(b"graph"))
    monkeypatch.setattr(torch.export, "load", lambda file: wrong)
    with pytest.raises(InputError, match="nothing was written"):
        write_pt2(model, tmp_path / "model.pt2")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0])
@pytest.mark.parametrize("write", [write_onnx, write_pt2])
def test_weights_that_mean_nothing_are_not_exported(tmp_path, write, value):
    spoilt = read(CHECKPOINT)
    spoilt.decoder.classify.weight.data.fill_(value)
    with pytest.raises(InputError, match="the model cannot be exported: .*classif"):
        write(spoilt, tmp_path / "model")
    assert not any(tmp_path.iterdir())


class TestCommand:
    def arguments(self, *given: object) -> argparse.Namespace:
        return parser().parse_args(["export", *map(str, given)])

    @pytest.mark.parametrize("form", ["onnx", "pt2"])
    def test_it_says_where_the_file_is_and_how_near_its_answers_are(self, tmp_path, monkeypatch, capsys, form):
        written = []
        monkeypatch.setattr(export, f"write_{form}", lambda model, path: written.append(path) or 3e-6)
        assert export.main(self.arguments("--checkpoint", CHECKPOINT, "--format", form)) == 0
        printed = capsys.readouterr().out
        assert written == [Path(f"nano_street.{form}")]
        assert "non-commercial" in printed and f"nano_street.{form}: largest difference of the logits 3e-06" in printed

    def test_a_name_of_another_format_is_refused(self, tmp_path):
        with pytest.raises(InputError, match="ends in .onnx"):
            export.main(self.arguments("--checkpoint", CHECKPOINT, "--out", tmp_path / "model.pt2"))

    def test_a_missing_library_is_named(self, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "onnxscript", None)
        with pytest.raises(InputError, match="onnxscript is not installed.*pip install"):
            export.main(self.arguments("--checkpoint", CHECKPOINT, "--out", tmp_path / "model.onnx"))
