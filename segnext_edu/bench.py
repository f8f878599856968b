"""How long a picture takes, and how long it takes mmsegmentation: `python -m segnext_edu bench`.

Each network as its users run it (ours channels-last, theirs as it comes), the same weights in both, one after the other
in turn, so that whatever else the machine does falls on both alike. The medians are compared.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor

from segnext_edu.checkpoints import from_official
from segnext_edu.files import InputError
from segnext_edu.peers import MMSegmentation
from segnext_edu.segnext import VARIANTS, SegNeXt


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument(
        "--variants", nargs="+", choices=VARIANTS, default=["tiny", "base"], help="which sizes (tiny base)"
    )
    parser.add_argument("--size", type=int, default=512, help="height and width of the picture, pixels (512)")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (2)")
    parser.add_argument("--repeats", type=int, default=15, help="pictures a network, after 3 to warm up (15)")


def main(args: argparse.Namespace) -> int:
    """Print a line a size: our milliseconds, theirs where they are installed, the ratio, and that the answers agree."""
    if args.size < 32 or args.threads < 1 or args.repeats < 1:
        raise InputError("bench: --size must be at least 32, --threads and --repeats at least 1")
    torch.set_num_threads(args.threads)
    print(setting(args))
    print(f"{'':8}{'ours':>10}{'mmsegmentation':>18}{'ratio':>8}   largest difference of the logits")
    missing = ""
    for variant in args.variants:
        try:
            ours, theirs, difference = compare(variant, args.size, args.repeats)
        except ImportError as error:
            missing = str(error)
            print(
                f"{variant:8}{alone(variant, args.size, args.repeats) * 1e3:7.1f} ms{'–':>18}{'–':>8}   –", flush=True
            )
        else:
            times = f"{ours * 1e3:7.1f} ms{theirs * 1e3:15.1f} ms{theirs / ours:8.2f}"
            print(f"{variant:8}{times}   {difference:.1e} of the largest", flush=True)
    if missing:
        print(missing)
    return 0


def setting(args: argparse.Namespace) -> str:
    """What the times hold for. On a machine with other work to do (its load says) they hold for nothing."""
    allocator = [f"{name}={value}" for name, value in sorted(os.environ.items()) if name.startswith("MALLOC_")]
    machine = f"{platform.system()} {platform.machine()} ({torch.backends.cpu.get_cpu_capability()})"
    return (
        f"{args.size} × {args.size}, batch 1, float32, output at stride 8, median of {args.repeats}; "
        f"threads: {args.threads}, load before: {os.getloadavg()[0]:.1f}, {machine}, "
        f"torch {torch.__version__}, {', '.join(allocator) or 'no MALLOC_ settings'}"
    )


@torch.inference_mode()
def compare(variant: str, size: int, repeats: int) -> tuple[float, float, float]:
    """Our seconds, theirs, and by how much the logits differ at most, as a share of the largest, from the same bases.

    Raises ImportError where mmsegmentation is not installed.
    """
    peer = MMSegmentation(variant).eval()
    model = SegNeXt(variant).eval()
    model.load_state_dict(from_official(peer.state_dict()))
    model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    images, ours = candidate(model, size)

    torch.manual_seed(0)
    expected = peer(images)
    torch.manual_seed(0)
    bases = torch.rand(1, VARIANTS[variant].decoder_width, VARIANTS[variant].rank)
    answer = model.decode(model.encode(images), bases)
    difference = (answer - expected).abs().max() / expected.abs().max()
    times = alternate([ours, lambda: peer(images)], repeats)
    return times[0], times[1], difference.item()


@torch.inference_mode()
def alone(variant: str, size: int, repeats: int) -> float:
    """Our seconds."""
    model = SegNeXt(variant).eval().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return alternate([candidate(model, size)[1]], repeats)[0]


def candidate(model: SegNeXt, size: int) -> tuple[Tensor, Callable[[], Tensor]]:
    """A picture (1, 3, size, size), and what is timed: the model's answer to it at stride 8."""
    images = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    ours = images.to(memory_format=torch.channels_last)
    return images, lambda: model.decode(model.encode(ours))


def alternate(calls: list[Callable[[], Tensor]], repeats: int, warm_up: int = 3) -> list[float]:
    """The median seconds of each call, all of them made in turn."""
    seconds: list[list[float]] = [[] for _ in calls]
    for _ in range(warm_up + repeats):
        for call, times in zip(calls, seconds, strict=True):
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
    return [median(times[warm_up:]) for times in seconds]
