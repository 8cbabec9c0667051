"""Jobs over loaded data, each of which touches a part of it: loaded.py ENGINE {numpy,lists} SIZE JOBS [--parts 100]

SIZE: bytes of the array, or the number of lists. ENGINE `bare` is a loop of fork, callback, os._exit, wait, with as
many in flight as cores. Says the seconds from the first output to the last, which is what the jobs cost without
start-up and load, and how much memory the bare process has.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import engines

data: Any = None


def load_numpy(size: int) -> None:
    global data
    import numpy

    data = numpy.ones(size // 8)


def load_lists(size: int) -> None:
    global data
    data = [[number] for number in range(size)]


def touch_numpy(start: int, stop: int) -> None:
    data[start:stop].sum()


def touch_lists(start: int, stop: int) -> None:
    data[start:stop]  # a copy of the slice counts a reference to each list of it


def toucher(touch: Callable[[int, int], None], number: int, parts: int, stay_s: float) -> Callable[[Any], None]:
    def callback(path: Any) -> None:
        part = len(data) // parts
        start = number % parts * part
        touch(start, start + part)
        with open(f"out_{number}.txt", "w") as file:
            file.write("hello")
        time.sleep(stay_s)

    return callback


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("engine", choices=("bare", *engines.NAMES))
    arguments.add_argument("data", choices=("numpy", "lists"))
    arguments.add_argument("size", type=int)
    arguments.add_argument("jobs", type=int)
    arguments.add_argument("--parts", type=int, default=100, help="of the data, one of which a job touches")
    arguments.add_argument("--stay", type=float, default=0, help="seconds for which a job stays when it is done")
    options = arguments.parse_args()
    load = load_numpy if options.data == "numpy" else load_lists
    touch = touch_numpy if options.data == "numpy" else touch_lists
    callbacks = [toucher(touch, number, options.parts, options.stay) for number in range(options.jobs)]
    if options.engine == "bare":
        load(options.size)
        pss_bytes = engines.memory_bytes("Pss", "/proc/self/smaps_rollup")
        _fork(callbacks)
        engines.say(pss_bytes=pss_bytes, span_s=_span_s(options.jobs))
    else:
        _run(options.engine, lambda: load(options.size), callbacks)
        engines.say(span_s=_span_s(options.jobs))


def _fork(callbacks: Sequence[Callable[[Any], None]]) -> None:
    cores = len(os.sched_getaffinity(0))
    for number, callback in enumerate(callbacks):
        if number >= cores:
            os.wait()
        if not os.fork():
            callback(None)
            os._exit(0)
    for _ in callbacks[:cores]:
        os.wait()


def _run(name: str, load: Callable[[], None], callbacks: Sequence[Callable[[Any], None]]) -> None:
    engine = engines.engine(name)
    engine.new()
    loading = engine.load_job("data", load)
    for number, callback in enumerate(callbacks):
        engine.file_job(f"out_{number}.txt", callback).depends_on(loading)
    engine.run()


def _span_s(jobs: int) -> float:
    written_ns = [os.stat(f"out_{number}.txt").st_mtime_ns for number in range(jobs)]
    return (max(written_ns) - min(written_ns)) / 1e9 if jobs else 0.0


if __name__ == "__main__":
    main()
