"""Who computes a prediction: PyTorch, ONNX Runtime or OpenVINO, behind the same call.

The last two read the graph that `export` writes, up to the logits at stride 8. It is written once per checkpoint, into
the user's cache folder, and found there again by what the weights are.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import platformdirs
import torch
from torch import Tensor, nn

from segnext_edu.files import InputError
from segnext_edu.inference.export import Network, onnxruntime_session, write_onnx
from segnext_edu.inference.optimize import FastSegNeXt, optimize
from segnext_edu.machine import best_device
from segnext_edu.model.segnext import SegNeXt

NEEDS = {"openvino": ("openvino", "onnx", "onnxscript"), "onnxruntime": ("onnxruntime", "onnx", "onnxscript")}
ENGINES = ("auto", "torch", *NEEDS)  # of NEEDS the faster one first, as measured: see `python -m tools.bench engines`
GRAPH = 1  # the number of the graph's form; another one is not looked for in the cache


class Exported(nn.Module):
    """A model whose logits another engine computes; called in its two halves, as `predict` does.

    Shapes: images (B, 3, H, W), on the CPU → logits at stride 8, (B, K, H/8, W/8).
    """

    def __init__(self, model: SegNeXt, run: Network):
        super().__init__()
        self.variant, self.num_classes, self.run = model.variant, model.num_classes, run
        self.classes, self.card = model.classes, model.card

    def encode(self, images: Tensor) -> list[Tensor]:
        """The images themselves: the graph has no seam between encoder and decoder."""
        return [images]

    def decode(self, feats: Sequence[Tensor], bases: Tensor | None = None) -> Tensor:
        """The logits at stride 8."""
        return self.run(feats[0])


def with_engine(model: SegNeXt, engine: str = "auto", many: bool = True) -> FastSegNeXt | Exported:
    """The model, computed by an engine.

    "auto" takes the fastest one that is installed; on a GPU that is PyTorch. Where there are not `many` images to label
    it is PyTorch as well, unless the graph is in the cache: to write it takes as long as dozens of photographs.

    Raises InputError for an engine that is not installed, or asked for on a GPU.
    """
    if engine not in ENGINES:
        raise InputError(f"--engine {engine}: expected {', '.join(ENGINES[:-1])} or {ENGINES[-1]}")
    on_cpu = next(model.parameters()).device.type == "cpu"
    if engine == "auto":
        worth_it = on_cpu and (many or place(model).is_file())
        engine = next((name for name in NEEDS if worth_it and not lacking(name)), "torch")
    if engine == "torch":
        return optimize(model)
    if missing := lacking(engine):
        raise InputError(
            f"--engine {engine}: {missing[0]} is not installed; pip install {' '.join(NEEDS[engine])}, "
            "or leave --engine out"
        )
    if not on_cpu:
        raise InputError(f"--engine {engine}: computes on the CPU, and the model lies on a GPU; leave --engine out")
    session = {"openvino": openvino_session, "onnxruntime": onnxruntime_session}[engine]
    return Exported(model, session(graph(model, session)))


def device_for(engine: str) -> torch.device:
    """Where a model must lie for an engine."""
    return best_device() if engine in ("auto", "torch") else torch.device("cpu")


def lacking(engine: str) -> list[str]:
    """The libraries that an engine needs and this machine does not have."""
    return [name for name in NEEDS[engine] if find_spec(name) is None]


def graph(model: SegNeXt, session: Callable[[Path], Network]) -> Path:
    """The ONNX file of a model in the user's cache folder; written there, and tried, where it is missing."""
    path = place(model)
    if not path.is_file():
        write_onnx(model, path, whole=False, session=session)
    return path


def place(model: SegNeXt) -> Path:
    """The graph's file in the user's cache folder, or in the one that SEGNEXT_EDU_CACHE names."""
    named = os.environ.get("SEGNEXT_EDU_CACHE")
    folder = Path(named) if named else platformdirs.user_cache_path("segnext_edu")
    return folder / "graphs" / f"{fingerprint(model)}.onnx"


def fingerprint(model: SegNeXt) -> str:
    """What the graph depends on, in 32 hex digits."""
    digest = hashlib.sha256(f"{GRAPH} {model.variant} {torch.__version__} {model.classes} {model.card}".encode())
    for name, tensor in model.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:32]


def openvino_session(path: Path) -> Network:
    """The graph in a file, as OpenVINO computes it in float32 on as many threads as PyTorch has.

    It is compiled for each size of image anew, and the last few are kept.
    """
    import openvino  # pyright: ignore[reportMissingImports]

    core = openvino.Core()
    settings = {"INFERENCE_NUM_THREADS": torch.get_num_threads(), "PERFORMANCE_HINT": "LATENCY"}
    settings["INFERENCE_PRECISION_HINT"] = "f32"

    @lru_cache(maxsize=8)
    def compiled(shape: tuple[int, ...]) -> openvino.CompiledModel:
        model = core.read_model(path)
        model.reshape(shape)
        return core.compile_model(model, "CPU", settings)

    return lambda images: torch.from_numpy(compiled(tuple(images.shape))(images.contiguous().numpy())[0].copy())
