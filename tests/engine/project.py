"""A project directory that tests run pipegraphs in, and what one run did.

Every run is checked beyond what its test asks: a job that says it ran has other files than before, one that says it did
not has the very same files, and no process of the run is left.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pypipegraph as ppg
from ppg_mcp.planner import Kind

Build = Callable[[], Any]
Callback = Callable[..., None]
OUTPUTS = (Kind.OUTPUT, Kind.CACHED)


@dataclass
class Outcome:
    """Of one run. `ran`: ids of the jobs whose callbacks were called, sorted; loading and generating ones included."""

    graph: ppg.Pipegraph
    error: ppg.RuntimeError | None
    log: str
    ran: list[str] = field(default_factory=list)

    @property
    def failed(self) -> list[str]:
        """Ids of the jobs that failed themselves, sorted."""
        return sorted(failure.job_id for failure in self.error.failures) if self.error else []

    @property
    def pruned(self) -> list[str]:
        """Ids of the jobs that could not run, sorted."""
        return sorted(self.error.pruned) if self.error else []

    def job(self, job_id: str) -> Any:
        return self.graph.jobs[job_id]

    def exception(self, job_id: str) -> Any:
        return self.job(job_id).exception

    def reason(self, job_id: str) -> str:
        """What the log says on why a job was run, or not."""
        needle = f"({job_id!r}), because "
        lines = [line for line in self.log.splitlines() if needle in line]
        assert len(lines) == 1, lines or self.log
        return lines[0].partition(needle)[2]

    def warnings(self) -> list[str]:
        return [line.partition(" WARNING ")[2] for line in self.log.splitlines() if " WARNING " in line]


class Project:
    """Use the fixture of the same name. The working directory is `path`, with a folder `logs` in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "logs").mkdir()

    def run(self, build: Build, **options: Any) -> Outcome:
        """Build a new pipegraph and run it; failures of jobs are returned, everything else is raised."""
        graph = ppg.new_pipegraph(**{"quiet": True, "log_level": "DEBUG", **options})
        build()
        before = {path: version(path) for path in graph.writers}
        error = None
        try:
            ppg.run()
        except ppg.RuntimeError as failures:
            error = failures
        log = Path("logs/ppg_run.txt")
        outcome = Outcome(graph, error, log.read_text() if log.exists() else "")
        outcome.ran = sorted(job.job_id for job in graph.jobs.values() if job.was_run and job.kind != Kind.INVARIANT)
        _check_versions(graph, before)
        assert_no_children()
        return outcome

    def ran(self, build: Build, **options: Any) -> list[str]:
        """What ran, in a run in which nothing may fail."""
        outcome = self.run(build, **options)
        assert outcome.error is None, outcome.error
        return outcome.ran

    def read(self, path: str) -> str:
        return Path(path).read_text()

    def calls(self, name: str = "calls") -> list[str]:
        """What callbacks told `tell`, in order."""
        path = Path(name)
        return path.read_text().split() if path.exists() else []


def version(path: str | Path) -> tuple[int, int] | None:
    """Inode and mtime: other ones after every rewrite."""
    try:
        facts = os.stat(path)
    except OSError:
        return None
    return facts.st_ino, facts.st_mtime_ns


def _check_versions(graph: ppg.Pipegraph, before: dict[str, tuple[int, int] | None]) -> None:
    for path, then in before.items():
        job = graph.writers[path]
        now = version(graph.absolute(path))
        if job.kind in OUTPUTS:
            changed = then != now
            assert changed or not job.was_run or job.failed, f"{job!r} claims to have run, but {path} is as it was"
            assert not changed or job.was_run, f"{job!r} did not run, but {path} changed"


def assert_no_children() -> None:
    """Every process that a run started has been reaped."""
    try:
        pid, _ = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return
    raise AssertionError(f"a run left a child process: {pid or 'alive'}")


def tell(word: str, name: str = "calls") -> None:
    """Append a word to a file in one write, from any process."""
    fd = os.open(name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(fd, f"{word}\n".encode())
    os.close(fd)


def write(text: str = "x") -> Callback:
    """A callback that writes `text`; another text is another closure, so a changed function."""

    def callback(path: Any) -> None:
        Path(path).write_text(text)

    return callback


def write_all(text: str = "x") -> Callback:
    """The same for several files."""

    def callback(paths: Any) -> None:
        for path in paths:
            Path(path).write_text(text)

    return callback


def copy(*sources: str) -> Callback:
    """A callback that concatenates files."""

    def callback(path: Any) -> None:
        Path(path).write_text("".join(Path(source).read_text() for source in sources))

    return callback


def fail(path: Any) -> None:
    """A callback that raises after it wrote something."""
    Path(path).write_text("half")
    raise ValueError("as told", 7)
