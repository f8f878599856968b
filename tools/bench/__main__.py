"""The benchmarks: `python -m tools.bench` lists them, and each has a --help of its own."""

from __future__ import annotations

import sys
from importlib import import_module

BENCHMARKS = {
    "speed": "a picture on the CPU: mmsegmentation, the model, the optimised model",
    "gpu": "the same on a GPU, with CUDA graphs and the Triton kernel",
    "busy": "what a process costs that takes one core",
    "training": "training steps: images/s, waiting for data, memory",
    "scaling": "time and memory against the size of the picture",
    "sizes": "the networks of the lesson on speed, at several sizes",
    "figures": "how long an interaction with each interactive figure takes",
}


def main(arguments: list[str]) -> int:
    """Run one of them on the rest of the arguments; the exit code is its own, or 2 where there is no such benchmark."""
    name, *rest = arguments or ["--help"]
    if name in BENCHMARKS:
        return import_module(f"tools.bench.{name}").main(rest) or 0
    print(
        "usage: python -m tools.bench NAME [options]", *(f"  {n:10}{text}" for n, text in BENCHMARKS.items()), sep="\n"
    )
    return 0 if name in ("-h", "--help") else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
