"""Round after round with random seeds: `make fuzz ROUNDS=1000 SEED=0`, or `python -m crash.fuzz` in `tests`.

A seed draws graph, parameters and crashes; the machine's scheduler draws the rest, so a failing seed may have to be
repeated to fail again. What is needed to understand a failure is printed, and its folder is kept.
"""

from __future__ import annotations

import argparse
import gc
import os
import shutil
import sys
import time
import traceback

import ppg_mcp.run.execution
from ppg_mcp.fingerprints import function_digest

from . import building
from .places import folder_in_memory
from .rounds import Round


def main() -> int:
    """Play; 1 if a round failed."""
    parser = argparse.ArgumentParser(prog="crash.fuzz")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the first round; the others follow")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no round after so many")
    arguments = parser.parse_args()
    give_up = time.monotonic() + arguments.seconds
    warm_up()
    seeds = range(arguments.seed, arguments.seed + arguments.rounds)
    workers = [_fork(seeds[number :: arguments.workers], give_up) for number in range(arguments.workers)]
    return max([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in workers])


def warm_up() -> None:
    """What every run would import, and the text that it would read, is here before the first is forked."""
    assert ppg_mcp.run.execution
    function_digest(building.run)
    gc.freeze()


def _fork(seeds: range, give_up: float) -> int:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = play(seeds, give_up)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(code)
    return pid


def play(seeds: range, give_up: float) -> int:
    """Rounds one after the other; 1 if one failed."""
    started, played, fired, failed = time.monotonic(), 0, 0, 0
    for seed in seeds:
        if time.monotonic() > give_up:
            break
        folder = folder_in_memory(f"ppg-crash-{seed}")
        game = Round(seed, folder)
        played += 1
        try:
            game.play()
        except BaseException as error:
            failed += 1
            print(f"FAILED: seed {seed}: {error}\n  " + "\n  ".join(game.story) + f"\n  see {folder}", flush=True)
            if not isinstance(error, AssertionError):
                traceback.print_exc(file=sys.stdout)
        else:
            shutil.rmtree(folder)
        finally:
            game.end()
        fired += game.fired
    seconds = time.monotonic() - started
    print(f"{played} rounds, {fired} runs with kills, {failed} failed, in {seconds:.1f} s")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
