"""Plays seeds: `python -m sim.run --seed N --trace` in `tests`, or `make sim SEEDS=1000`.

A failure prints its seed and the commit; with the same code the same seed does the same.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
import traceback
from collections import Counter
from random import Random

from . import options
from .faults import Faults
from .simulation import Simulation


def simulation(seed: int) -> Simulation:
    """The world of a seed, before anything has happened."""
    sim = Simulation(seed, options.drawn(Random(f"options {seed}")))
    Faults(sim).begin()
    return sim


def main() -> int:
    """1 if a seed failed."""
    parser = argparse.ArgumentParser(prog="sim.run")
    parser.add_argument("--seed", type=int, default=0, help="the first")
    parser.add_argument("--seeds", type=int, default=1, help="how many")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no seed after so many")
    parser.add_argument("--trace", action="store_true", help="print all that happens")
    parser.add_argument("--verbose", action="store_true", help="a line per seed")
    arguments = parser.parse_args()
    give_up = time.monotonic() + arguments.seconds
    played, failed, counted = 0, 0, Counter[str]()
    for seed in range(arguments.seed, arguments.seed + arguments.seeds):
        if time.monotonic() > give_up:
            break
        sim = simulation(seed)
        sim.world.watcher = print if arguments.trace else None
        played += 1
        try:
            sim.play()
        except Exception:
            failed += 1
            print(f"\nseed {seed} of commit {_commit()} failed at {sim.world.now:.3f} s: {sim.options}")
            traceback.print_exc(file=sys.stdout)
        counted.update(sim.world.counted)
        if arguments.verbose:
            print(f"seed {seed}: {sim.world.steps} steps, {sim.world.now:.0f} s, {sim.world.trace}", flush=True)
    print(f"{played} seeds, {failed} failed; {dict(sorted(counted.items()))}")
    return 1 if failed else 0


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
