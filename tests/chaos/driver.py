"""Round after round with random seeds: `make chaos MINUTES=10 SEED=0`, or `python -m chaos.driver` in `tests`.

A seed draws graphs, parameters, deeds and victims; the machine's scheduler draws the rest, so a failing seed may have
to be repeated to fail again. A failure prints seed, round, and what was done to whom; all logs are kept.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from cluster.three_hosts import why_not

from .round import Round

CHAOS_S = 25.0
"""How long a round is disturbed."""


def main() -> int:
    """Play; 1 if a round failed."""
    parser = argparse.ArgumentParser(prog="chaos.driver")
    parser.add_argument("--minutes", type=float, default=10.0, help="begin no round after so many")
    parser.add_argument("--seed", type=int, default=0, help="of the first round; the others follow")
    parser.add_argument("--aloud", action="store_true", help="tell everything as it happens")
    arguments = parser.parse_args()
    if reason := why_not():
        print(f"SKIPPED: no chaos, {reason}")
        return 0
    give_up, seed, failed = time.monotonic() + 60 * arguments.minutes, arguments.seed, 0
    while time.monotonic() < give_up:
        failed += not play(seed, seed - arguments.seed + 1, arguments.aloud)
        seed += 1
    print(f"{seed - arguments.seed} rounds, {failed} failed: chaos on three hosts")
    return int(failed > 0)


def play(seed: int, number: int, aloud: bool) -> bool:
    """A round; did it hold?"""
    folder = Path(tempfile.mkdtemp(prefix=f"ppg-chaos-{seed}-"))
    game = Round(seed, folder, aloud)
    began = time.monotonic()
    try:
        game.play(CHAOS_S)
    except BaseException as error:
        print(f"FAILED: seed {seed}, round {number}: {error}\n  " + "\n  ".join(game.story.lines))
        print(f"  see {folder}", flush=True)
        if not isinstance(error, AssertionError):
            traceback.print_exc(file=sys.stdout)
        if not isinstance(error, Exception):
            raise
        return False
    finally:
        game.end()
    print(f"round {number} (seed {seed}): {_summary(game)}, in {time.monotonic() - began:.0f} s", flush=True)
    shutil.rmtree(folder)
    return True


def _summary(game: Round) -> str:
    capacity, deeds = game.capacity, game.monkey.deeds if game.monkey else Counter[str]()
    assert capacity is not None
    return (
        f"{sum(player.runs for player in game.players)} runs, {sum(player.fine_runs for player in game.players)} to "
        f"their good end, {sum(player.jobs_started for player in game.players)} jobs; {_told(deeds)}; "
        f"{capacity.samples} samples, a machine full in {capacity.full_samples}, over in {capacity.excepted_samples} "
        "as ADR 0071 has it"
    )


def _told(deeds: Counter[str]) -> str:
    return ", ".join(f"{deed} {count}" for deed, count in sorted(deeds.items()))


if __name__ == "__main__":
    sys.exit(main())
