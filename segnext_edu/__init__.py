"""Learn SegNeXt (Guo et al., NeurIPS 2022) by building it: the package behind the notebooks.

from segnext_edu import SegNeXt, load, predict
model = SegNeXt("tiny", num_classes=150).eval()
logits = model(images)  # (B, 3, H, W), ImageNet-normalised → (B, 150, H, W)
labels = predict(load("tiny_street"), "photo.jpg")  # (H, W), indices into the model's classes
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segnext_edu.checkpoints import load
    from segnext_edu.inference.evaluate import evaluate
    from segnext_edu.inference.optimize import optimize
    from segnext_edu.inference.predict import predict
    from segnext_edu.model.segnext import VARIANTS, SegNeXt

__all__ = ["VARIANTS", "SegNeXt", "evaluate", "load", "optimize", "predict"]

MODULES = {
    "VARIANTS": "model.segnext",
    "SegNeXt": "model.segnext",
    "evaluate": "inference.evaluate",
    "load": "checkpoints",
    "optimize": "inference.optimize",
    "predict": "inference.predict",
}


def __getattr__(name: str) -> Any:
    """Names are imported on first use (PEP 562), so that the commands can answer --help without PyTorch."""
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
