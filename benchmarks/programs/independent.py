"""Independent jobs that write five bytes each, with a callback each: independent.py ENGINE JOBS [--cores N] [--adopt]

--adopt takes over files that are there already. --modules FILE: one job more, which writes there what it finds
imported. Says the peak of the master's resident memory.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

import engines


def writer(number: int) -> Callable[[Any], None]:
    """A callback of its own for each job: another closure."""

    def write(path: Any) -> None:
        with open(f"out_{number}.txt", "w") as file:
            file.write("hello")

    return write


def tell_modules(path: Any) -> None:
    """Without those that no import makes: the main program, and what extensions make up."""
    names = sorted(name for name, module in sys.modules.items() if getattr(module, "__spec__", None))
    with open(path, "w") as file:
        file.write("\n".join(names))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("engine", choices=engines.NAMES)
    arguments.add_argument("jobs", type=int)
    arguments.add_argument("--cores", type=int)
    arguments.add_argument("--adopt", action="store_true")
    arguments.add_argument("--modules")
    options = arguments.parse_args()
    engine = engines.engine(options.engine)
    engine.new(options.cores, options.adopt)
    build(engine, options.jobs)
    if options.modules:
        engine.file_job(options.modules, tell_modules)
    engine.run()
    engines.say(peak_rss_bytes=engines.memory_bytes("VmHWM"))


def build(engine: engines.Named | engines.Successor, jobs: int) -> None:
    for number in range(jobs):
        engine.file_job(f"out_{number}.txt", writer(number))


if __name__ == "__main__":
    main()
