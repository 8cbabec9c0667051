"""Three engines behind one small interface, so that a program builds the same graph for each of them.

`ours` and `original` are both called `pypipegraph`: which one it is depends on the environment that the program runs
in. `successor` is pypipegraph2. Only what benchmarks need is here.

Rule: nothing of the measuring side is imported, and nothing that an engine would not import itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

NAMES = ("ours", "original", "successor")


class Named:
    """`pypipegraph`, this one or the original."""

    def __init__(self, is_ours: bool) -> None:
        import pypipegraph

        self.api: Any = pypipegraph
        self.is_ours = is_ours

    def new(self, cores: int | None = None, adopt: bool = False) -> None:
        options: dict[str, Any] = {"adopt": True} if adopt else {}
        if cores is not None:
            from pypipegraph.resource_coordinators import LocalSystem

            more = {} if self.is_ours else {"interactive": False}
            options["resource_coordinator"] = LocalSystem(max_cores_to_use=cores, **more)
        self.api.new_pipegraph(quiet=True, dump_graph=False, interactive=False, **options)

    def file_job(self, path: str, callback: Callable[[Any], None]) -> Any:
        return self.api.FileGeneratingJob(path, callback)

    def load_job(self, name: str, callback: Callable[[], None]) -> Any:
        return self.api.DataLoadingJob(name, callback)

    def run(self) -> None:
        self.api.run_pipegraph()


class Successor:
    """`pypipegraph2`."""

    def __init__(self) -> None:
        import pypipegraph2

        self.api: Any = pypipegraph2

    def new(self, cores: int | None = None, adopt: bool = False) -> None:
        options = {} if cores is None else {"cores": cores}
        self.api.new(run_mode=self.api.RunMode.NONINTERACTIVE, dir_config=".ppg", **options)

    def file_job(self, path: str, callback: Callable[[Any], None]) -> Any:
        return self.api.FileGeneratingJob(path, callback)

    def load_job(self, name: str, callback: Callable[[], None]) -> Any:
        """A load has to say what its result depends on: here, on its inputs."""
        answer = self.api.UseInputHashesForOutput()

        def load() -> Any:
            callback()
            return answer

        return self.api.DataLoadingJob(name, load)

    def run(self) -> None:
        self.api.run()


def engine(name: str) -> Named | Successor:
    return Successor() if name == "successor" else Named(is_ours=name == "ours")


def say(**facts: float) -> None:
    """Tell the measuring side: one line of JSON, the last of standard output."""
    print("\n" + json.dumps(facts), flush=True)


def memory_bytes(field: str, file: str = "/proc/self/status") -> int:
    """`VmHWM` (peak of resident memory) of this process, or another field of a file that is written like that one."""
    with open(file) as lines:
        for line in lines:
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    raise LookupError(f"{file} has no {field}")
