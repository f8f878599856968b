"""Learn SegNeXt (Guo et al., NeurIPS 2022) by building it: the package behind the notebooks.

from segnext_edu import SegNeXt
model = SegNeXt("tiny", num_classes=150).eval()
logits = model(images)  # (B, 3, H, W), ImageNet-normalised → (B, 150, H, W)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segnext_edu.model.segnext import VARIANTS, SegNeXt

__all__ = ["VARIANTS", "SegNeXt"]


def __getattr__(name: str) -> Any:
    """The model is imported on first use (PEP 562), so that the commands can answer --help without PyTorch."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from segnext_edu.model import segnext

    return getattr(segnext, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
