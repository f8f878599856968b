"""`python -m tests.fuzz --minutes 30 [--seed 1] [--families masks,zips]`, or one case again: `--family masks --case 7`.

What is known so far lies in --state, and the next call with the same file goes on there.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from segnext_edu.files import appears_whole
from tests.fuzz.judge import KINDS, family, judge
from tests.fuzz.worker import Stretch, Worker, example

# Family → its share of the time.
SHARES = {
    "pictures": 30,
    "masks": 20,
    "sizes": 4,
    "folders": 6,
    "zips": 6,
    "server": 10,
    "checkpoints": 6,
    "official": 6,
    "resume": 4,
    "arguments": 4,
    "writes": 4,
    "answers": 4,
    "commands": 4,
    "hand_ins": 2,
}
SHOWN = 3  # examples that are kept of each fault


class State:
    """What every family has been through, in a file."""

    def __init__(self, path: Path, seed: int | None) -> None:
        self.path, self.lock = path, threading.Lock()
        self.content: dict[str, Any] = {"seed": 0 if seed is None else seed, "families": {}}
        if path.exists():
            self.content = json.loads(path.read_text("utf-8"))
            if seed not in (None, self.content["seed"]):
                sys.exit(f"{path} belongs to the seed {self.content['seed']}; name another --state for the seed {seed}")
        self.seed: int = self.content["seed"]

    def of(self, name: str) -> dict[str, Any]:
        fresh = {"next": 0, "seconds": 0.0, "counts": dict.fromkeys(KINDS, 0), "faults": {}}
        return self.content["families"].setdefault(name, fresh)

    def add(self, name: str, stretch: Stretch) -> None:
        known = self.of(name)
        for number, verdict in stretch.faults.items():
            known["counts"][verdict.kind] += 1
            fault = known["faults"].setdefault(f"{verdict.kind}: {verdict.where}", {"count": 0, "examples": []})
            fault["count"] += 1
            if len(fault["examples"]) < SHOWN:
                again = f"python -m tests.fuzz --seed {self.seed} --family {name} --case {number}"
                shown = {"again": again, "error": verdict.error, "case": example(name, self.seed, number)}
                fault["examples"].append(shown)
        known["next"] += stretch.cases
        known["seconds"] += stretch.seconds
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with appears_whole(self.path) as part:
            part.write_text(json.dumps(self.content, indent=1), "utf-8")


def attack(state: State, names: list[str], seconds: float, cases: int, workers: int) -> None:
    """Run the families' cases side by side until the time, or the number of cases of each, is up."""
    end, busy, stopped = time.monotonic() + seconds, set(), threading.Event()

    def one(index: int) -> None:
        worker = Worker(state.seed, state.path.with_name(f"{state.path.name}.{index}.log"))
        try:
            while time.monotonic() < end and not stopped.is_set():
                with state.lock:
                    free = [n for n in names if n not in busy and state.of(n)["next"] < cases]
                    if not free:
                        return
                    name = min(free, key=lambda n: state.of(n)["seconds"] / SHARES[n])
                    busy.add(name)
                    start = state.of(name)["next"]
                stretch = worker.run(name, start, cases - start)
                with state.lock:
                    state.add(name, stretch)
                    busy.discard(name)
        finally:
            worker.end()
            worker.errors.unlink(missing_ok=True)

    with ThreadPoolExecutor(workers) as pool:
        try:
            for done in [pool.submit(one, index) for index in range(workers)]:
                done.result()
        finally:
            stopped.set()


def report(state: State, names: list[str]) -> int:
    """Print the figures and the faults. Returns the number of cases that were not taken well."""
    print(f"seed {state.seed}, {state.path}\n{'family':<12}{'cases':>10}" + "".join(f"{kind:>11}" for kind in KINDS))
    total, bad = 0, 0
    for name in names:
        known = state.of(name)
        total, bad = total + known["next"], bad + sum(known["counts"].values())
        print(f"{name:<12}{known['next']:>10,}" + "".join(f"{known['counts'][kind]:>11,}" for kind in KINDS))
    print(f"{total:,} cases, {bad:,} not taken well")
    for name in names:
        for what, fault in state.of(name)["faults"].items():
            print(f"{fault['count']:>8,} × {what}\n{'':>11}{fault['examples'][0]['again']}")
    return bad


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--families", default=",".join(SHARES), help="by name, with commas between them (all)")
    parser.add_argument("--cases", type=int, default=10**9, help="of each family at most")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--state", type=Path, default=Path("runs/fuzz.json"))
    parser.add_argument("--family", choices=SHARES)
    parser.add_argument("--case", type=int, default=0)
    args = parser.parse_args(arguments)
    if args.family:
        print(example(args.family, args.seed or 0, args.case))
        verdict = judge(family(args.family), args.seed or 0, args.case)
        print(f"{verdict.kind}: {verdict.where}\n{verdict.error}" if verdict else "taken well")
        return verdict is not None
    state, names = State(args.state, args.seed), args.families.split(",")
    try:
        attack(state, names, 60 * args.minutes, args.cases, args.workers)
    except KeyboardInterrupt:
        print("stopped; the same command goes on")
    return report(state, names) > 0


if __name__ == "__main__":
    sys.exit(main())
