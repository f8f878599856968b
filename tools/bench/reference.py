"""Other people's SegNeXt, to be measured against; imported only where it is installed, as the extra `bench` does."""

from __future__ import annotations

import importlib.util
import sys
import types
import warnings

import torch
from torch import Tensor, nn

from segnext_edu.model.segnext import VARIANTS
from tools.bench.baselines import Contender


class _Extension(types.ModuleType):
    """Stands in for mmcv's compiled operators, which the lite package lacks: imported by name, never called here."""

    def __getattr__(self, name: str) -> None:
        if name.startswith("__"):
            raise AttributeError(name)


class MMSegmentation(nn.Module):
    """mmsegmentation 1.2.2's SegNeXt, with its parameters under their published names.

    Shapes: images (B, 3, H, W) → logits at stride 8, (B, K, H/8, W/8). In eval mode too it draws the NMF's bases anew
    at each call, from the global generator: `torch.rand(B, D, R)`.

    Raises ImportError where mmsegmentation is not installed.
    """

    def __init__(self, variant: str, num_classes: int = 150):
        super().__init__()
        if importlib.util.find_spec("mmseg") is None:
            raise ImportError("mmsegmentation is not here to compare with; `make bench` installs it and compares")
        sys.modules.setdefault("mmcv._ext", _Extension("mmcv._ext"))
        size = VARIANTS[variant]
        with warnings.catch_warnings(action="ignore"):
            from mmseg.models.backbones.mscan import MSCAN  # pyright: ignore[reportMissingImports]
            from mmseg.models.decode_heads.ham_head import LightHamHead  # pyright: ignore[reportMissingImports]

            self.backbone = MSCAN(
                embed_dims=list(size.channels),
                depths=list(size.depths),
                mlp_ratios=list(size.mlp_ratios),
                drop_path_rate=size.drop_path,
                norm_cfg={"type": "BN"},
            )
            self.decode_head = LightHamHead(
                in_channels=list(size.channels[1:]),
                in_index=[1, 2, 3],
                channels=size.decoder_width,
                ham_channels=size.decoder_width,
                ham_kwargs={"MD_R": size.rank},
                num_classes=num_classes,
                norm_cfg={"type": "GN", "num_groups": 32},
                align_corners=False,
            )

    def forward(self, images: Tensor) -> Tensor:
        return self.decode_head(self.backbone(images))  # (B, K, H/8, W/8)


class TrainedMMSegmentation(Contender):
    """The same network as something that `Run` can train.

    Args:
        memory_format: of its pictures and maps. As it comes it trains on contiguous ones, (B, C, H, W) in memory, too.

    Shapes: images (B, 3, H, W) → logits (B, K, H, W). Raises ImportError where mmsegmentation is not installed.
    """

    def __init__(self, variant: str, num_classes: int, memory_format: torch.memory_format = torch.contiguous_format):
        super().__init__()
        self.memory_format = memory_format
        whole = MMSegmentation(variant, num_classes)
        self.variant, self.num_classes = f"mmsegmentation's {variant}", num_classes
        self.encoder, self.decoder = whole.backbone, whole.decode_head

    def encode(self, images: Tensor) -> list[Tensor]:
        """Images (B, 3, H, W) → four maps at strides 4, 8, 16, 32."""
        return list(self.encoder(images.contiguous(memory_format=self.memory_format)))
