"""Learn SegNeXt (Guo et al., NeurIPS 2022) by building it: the package behind the notebooks.

from segnext_edu import SegNeXt
model = SegNeXt("tiny", num_classes=150).eval()
logits = model(images)  # (B, 3, H, W), ImageNet-normalised → (B, 150, H, W)
"""

from segnext_edu.model.segnext import VARIANTS, SegNeXt

__all__ = ["VARIANTS", "SegNeXt"]
