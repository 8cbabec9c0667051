"""Plays seeds: `python -m sim.run --seed N --trace` in `tests`, or `make sim SEEDS=1000`.

A failure prints seed, commit, what was drawn and what went wrong; with the same code the same seed does the same.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterable
from functools import partial
from random import Random
from typing import NamedTuple

from . import options
from .faults import Faults
from .simulation import Simulation

AT_ONCE = 5
"""Seeds that a worker takes at a time."""


class Played(NamedTuple):
    """`failure`: empty if all went well."""

    seed: int
    steps: int
    virtual_s: float
    trace: str
    failure: str
    counted: dict[str, int]

    def __str__(self) -> str:
        verdict = " FAILED" if self.failure else ""
        return f"seed {self.seed}: {self.steps} steps, {self.virtual_s:.0f} s, {self.trace}{verdict}"


def simulation(seed: int) -> Simulation:
    """The world of a seed, before anything has happened."""
    sim = Simulation(seed, options.drawn(Random(f"options {seed}")))
    Faults(sim).begin()
    return sim


def play(seed: int, trace: bool = False) -> Played:
    """From its beginning to its end, or to its failure."""
    sim, failure = simulation(seed), ""
    sim.world.watcher = print if trace else None
    try:
        sim.play()
    except Exception:
        failure = (
            f"seed {seed} of commit {_commit()} failed at {sim.world.now:.3f} s: {sim.options}\n"
            f"{traceback.format_exc()}"
            f"to see it: make sim SEED={seed} SEEDS=1 SIM_ARGS=--trace"
        )
    return Played(seed, sim.world.steps, sim.world.now, sim.world.trace, failure, sim.world.counted)


def main() -> int:
    """1 if a seed failed."""
    parser = argparse.ArgumentParser(prog="sim.run")
    parser.add_argument("--seed", type=int, default=0, help="the first")
    parser.add_argument("--seeds", type=int, default=1, help="how many")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so many")
    parser.add_argument("--workers", type=int, default=1, help="processes that play at the same time")
    parser.add_argument("--trace", action="store_true", help="print all that happens; with one worker")
    parser.add_argument("--verbose", action="store_true", help="a line per seed")
    parser.add_argument("--first-failure", action="store_true", help="stop at the first")
    arguments = parser.parse_args()
    seeds = range(arguments.seed, arguments.seed + arguments.seeds)
    if arguments.workers == 1:
        return _report(map(partial(play, trace=arguments.trace), seeds), arguments)
    with multiprocessing.get_context("fork").Pool(arguments.workers) as pool:
        return _report(pool.imap_unordered(play, seeds, AT_ONCE), arguments)


def _report(games: Iterable[Played], arguments: argparse.Namespace) -> int:
    started, played, failed, counted = time.monotonic(), 0, 0, Counter[str]()
    for one in games:
        played += 1
        failed += bool(one.failure)
        counted.update(one.counted)
        if one.failure:
            print(f"\n{one.failure}", flush=True)
        if arguments.verbose:
            print(one, flush=True)
        if time.monotonic() > started + arguments.seconds or (one.failure and arguments.first_failure):
            break
    duration_s = time.monotonic() - started
    print(f"{played} seeds in {duration_s:.0f} s ({played / duration_s:.1f}/s), {failed} failed")
    print(", ".join(f"{what}: {times}" for what, times in sorted(counted.items())))
    return 1 if failed else 0


def _commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=os.path.dirname(__file__))
    return done.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
