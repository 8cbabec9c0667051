"""A job process: reads its inputs, takes its time, writes its output. It goes on whatever happens to those above it,
until somebody kills it, or its machine sleeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ppg_cs import instructions as do
from ppg_cs.report import NOTHING, Reached, Report, Result
from ppg_protocol.records import Failure

from .files import Attempt, made
from .project import Task

if TYPE_CHECKING:
    from .simulation import Simulation
    from .supervisor import Supervisor

AWAIT_S = 10.0
WAKE_S = 0.005
"""On a machine that wakes up, how much later than its processes jobs go on."""


class Job:
    """An attempt at work."""

    def __init__(
        self, sim: Simulation, supervisor: Supervisor, order: do.StartJob, task: Task, memory_bytes: int
    ) -> None:
        self.sim, self.supervisor, self.task = sim, supervisor, task
        self.key, self.process = order.key, order.process
        self.cores, self.memory_bytes = order.cores, memory_bytes
        self.pid = sim.world.new_pid()
        self.has_begun = False
        self.alive = True
        self._order = order
        self._content = b""
        self._await_until = sim.world.now + AWAIT_S

    @property
    def attempt(self) -> Attempt:
        """Unique over all sessions."""
        return self.supervisor.order.session, self.key

    def __repr__(self) -> str:
        return f"{self.task.job_id} (attempt {self.key} of {self.supervisor.name})"

    def after(self, seconds: float, what: Callable[[], None]) -> None:
        """Go on in so many seconds, if it lives then."""

        def go_on() -> None:
            asleep_until = self.supervisor.host.asleep_until
            if self.alive and self.sim.world.now < asleep_until:
                self.sim.world.at(asleep_until + WAKE_S, go_on)
            elif self.alive:
                what()

        self.sim.world.after(seconds, go_on)

    def begin(self) -> None:
        """The callback is reached."""
        if not self.has_begun:
            self.supervisor.job_begun(self)
            self.has_begun = True
            self.sim.judge.job_begins(self)
        if self._must_wait():
            self.after(0.25, self.begin)
            return
        if not self.alive:
            return
        sim, order = self.sim, self.sim.runs[self.supervisor.order.session]
        for path in self.task.paths:
            sim.files.remove(path)
        sim.judge.inputs_are_there(str(self), order, self.task)
        self._content = made(self.task.job_id, self.task.version, sim.read(order, self.task))
        sim.world.note(f"job {self.task.job_id}", f"attempt {self.key} runs on {self.supervisor.name}")
        self.after(self.task.runtime_s, self._write)

    def _must_wait(self) -> bool:
        """Until the file system shows what other machines have made; in vain for too long, it fails."""
        for awaited in self._order.await_files:
            file = self.sim.files.by_path.get(awaited.path)
            if file is None or file.stat.mtime_ns != awaited.mtime_ns:
                self.sim.world.count("awaited files")
                if self.sim.world.now < self._await_until:
                    return True
                self._end("FileNotFoundError")
                return False
        return False

    def _write(self) -> None:
        if self.task.fails:
            self._end("ValueError")
            return
        stats = tuple(self.sim.files.write(path, self._content, self.attempt) for path in self.task.paths)
        self.alive = False
        self.sim.judge.job_ends(self, well=True)
        reached = Reached(self.task.job_id, self.task.paths, False)
        self.supervisor.job_ended(self, 0, Report(reached, Result(True, stats, None, b""), b"", b""))
        self.supervisor.look_for_retired()

    def _end(self, error: str) -> None:
        self.alive = False
        self.sim.judge.job_ends(self)
        failure = Failure(error, "it fails", "", b"", -1, -1)
        self.supervisor.job_ended(self, 0, Report(None, Result(True, (), failure, b""), b"", b""))
        self.supervisor.look_for_retired()

    def kill(self, status: int | None) -> Report:
        """SIGKILL. With a status, its data process reaps it."""
        if not self.alive:
            return NOTHING
        self.alive = False
        self.sim.judge.job_ends(self)
        reached = Reached(self.task.job_id, self.task.paths, False) if self._content else None
        report = Report(reached, None, b"", b"")
        self.supervisor.jobs.pop(self.key, None)
        if status is not None:
            self.supervisor.job_ended(self, status, report)
        return report
