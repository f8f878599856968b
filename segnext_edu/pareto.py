"""Accuracy's other axis: `python -m segnext_edu.pareto` times SegNeXt beside other families at real picture sizes.

SegFormer-B0, -B1 and -B2 and MobileNetV2 with the head that transformers calls DeepLabV3+, as that library builds them,
with random weights: times do not depend on them. Each network runs in both memory layouts, SegNeXt optimised as well,
all in turn; each up to the logits of its own decoder, before they are enlarged to the picture. Multiply-adds are
counted for all by `count_macs`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from segnext_edu.bench import Stride8, alternate, environment
from segnext_edu.cli import add_clock
from segnext_edu.cost import count_macs, count_parameters
from segnext_edu.files import InputError, appears_whole
from segnext_edu.optimize import optimize
from segnext_edu.segnext import SegNeXt

CLASSES = 150
# depths and widths of SegFormer's encoder, width of its decoder (Xie et al., NeurIPS 2021, Tab. 6 and section 3.2)
SEGFORMERS = {
    "B0": ((2, 2, 2, 2), (32, 64, 160, 256), 256),
    "B1": ((2, 2, 2, 2), (64, 128, 320, 512), 256),
    "B2": ((3, 4, 6, 3), (64, 128, 320, 512), 768),
}


class Logits(nn.Module):
    """A network of transformers, to be called like any other: images (B, 3, H, W) → logits (B, K, h, w)."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images).logits


def segformer(name: str) -> nn.Module:
    """SegFormer of one of the sizes in SEGFORMERS; logits at stride 4."""
    from transformers import SegformerConfig, SegformerForSemanticSegmentation

    depths, widths, decoder = SEGFORMERS[name]
    config = SegformerConfig(depths=list(depths), hidden_sizes=list(widths), decoder_hidden_size=decoder)
    config.num_labels = CLASSES
    return Logits(SegformerForSemanticSegmentation(config))


def mobilenet() -> nn.Module:
    """MobileNetV2 with transformers' segmentation head, as configured there: logits at the encoder's last stride."""
    from transformers import MobileNetV2Config, MobileNetV2ForSemanticSegmentation

    config = MobileNetV2Config()
    config.num_labels = CLASSES
    return Logits(MobileNetV2ForSemanticSegmentation(config))


NETWORKS: dict[str, tuple[str, Callable[[], nn.Module]]] = {
    "SegNeXt-T": ("SegNeXt", partial(SegNeXt, "tiny", CLASSES)),
    "SegNeXt-S": ("SegNeXt", partial(SegNeXt, "small", CLASSES)),
    "SegNeXt-B": ("SegNeXt", partial(SegNeXt, "base", CLASSES)),
    **{f"SegFormer-{name}": ("SegFormer", partial(segformer, name)) for name in SEGFORMERS},
    "MobileNetV2 + DeepLabV3+": ("MobileNetV2", mobilenet),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS), help="which (all)")
    parser.add_argument("--sizes", nargs="+", default=["512x512", "512x1024"], help="height x width (512x512 512x1024)")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (2)")
    parser.add_argument("--repeats", type=int, default=5, help="pictures a network, after 1 to warm up (5)")
    add_clock(parser)
    parser.add_argument("--json", type=Path, help="write the table and what it holds for to this file, too")


def main(args: argparse.Namespace) -> int:
    """Print a line a network and size."""
    torch.set_num_threads(args.threads)
    setting = environment(args.repeats, args.processor_time) | {"output": "logits of each decoder", "classes": CLASSES}
    rows = measure(args.networks, [size_from(text) for text in args.sizes], args.repeats, args.processor_time)
    if args.json:
        with appears_whole(args.json) as part:
            part.write_text(json.dumps({"setting": setting, "rows": rows}, indent=1) + "\n", "utf-8")
    return 0


def size_from(text: str) -> tuple[int, int]:
    """512x1024 → (512, 1024): height and width, multiples of 32, the only ones that all the networks take."""
    numbers = text.split("x")
    if len(numbers) != 2 or not all(number.isdecimal() and int(number) and int(number) % 32 == 0 for number in numbers):
        raise InputError(f"{text}: a size is height x width in pixels, multiples of 32, such as 512x1024")
    return int(numbers[0]), int(numbers[1])


def measure(
    names: Sequence[str], sizes: Sequence[tuple[int, int]], repeats: int, processor_time: bool = False
) -> list[dict[str, Any]]:
    """A row a network and size, medians of `repeats` turns; `seconds` by layout, and optimised (None but for SegNeXt).

    Raises KeyError for a name that is not in NETWORKS.
    """
    rows = []
    for height, width in sizes:
        images = torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(0))
        nhwc = images.to(memory_format=torch.channels_last)
        calls: dict[tuple[str, str], Callable[[], Tensor]] = {}
        new = []
        for name in names:
            family, build = NETWORKS[name]
            model, again = build().eval(), build().eval()
            plain, last = (Stride8(net) if isinstance(net, SegNeXt) else net for net in (model, again))
            last.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
            calls[name, "as it comes"] = partial(plain, images)
            calls[name, "channels_last"] = partial(last, nhwc)
            if isinstance(model, SegNeXt):
                calls[name, "optimised"] = partial(Stride8(optimize(model)), nhwc)
            cost = {"parameters": count_parameters(plain), "multiply_adds": multiply_adds(build(), images.shape)}
            new.append({"network": name, "family": family, "height": height, "width": width} | cost)
        with torch.inference_mode():
            medians = alternate(list(calls.values()), repeats, 1, processor_time)
        times = dict(zip(calls, medians, strict=True))
        for row in new:
            kinds = ("as it comes", "channels_last", "optimised")
            row["seconds"] = {kind: times.get((row["network"], kind)) for kind in kinds}
            print(line(row), flush=True)
        rows += new
    return rows


def multiply_adds(network: nn.Module, shape: Sequence[int]) -> int:
    """Up to the network's own logits. Attention is counted as the two matrix products that it is."""
    if isinstance(network, Logits):
        network.network.set_attn_implementation("eager")  # pyright: ignore[reportCallIssue]
    return count_macs(Stride8(network) if isinstance(network, SegNeXt) else network, shape)


def line(row: dict[str, Any]) -> str:
    """A row of the table."""
    seconds = (f"{kind} {value * 1e3:.0f} ms" for kind, value in row["seconds"].items() if value is not None)
    size = f"{row['height']} × {row['width']}"
    return f"{row['network']:26}{size:>12}{row['multiply_adds'] / 1e9:9.2f} G   {', '.join(seconds)}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m segnext_edu.pareto", description=__doc__)
    add_arguments(parser)
    try:
        sys.exit(main(parser.parse_args()))
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
