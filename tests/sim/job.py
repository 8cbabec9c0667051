"""A job process: reads its inputs, takes its time, writes its output. It goes on whatever happens to those above it,
until somebody kills it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ppg_cs import instructions as do
from ppg_cs.report import NOTHING, Reached, Report, Result
from ppg_protocol.records import Failure

from .files import made

if TYPE_CHECKING:
    from .simulation import Simulation
    from .supervisor import Supervisor

AWAIT_S = 10.0


class Job:
    """An attempt at work."""

    def __init__(self, sim: Simulation, supervisor: Supervisor, order: do.StartJob, memory_bytes: int) -> None:
        self.sim, self.supervisor = sim, supervisor
        self.key, self.process = order.key, order.process
        self.task = sim.task_of(supervisor.order.session, order.job)
        self.cores, self.memory_bytes = order.cores, memory_bytes
        self.pid = sim.world.new_pid()
        self.has_begun = False
        self.alive = True
        self._order = order
        self._content = b""
        self._await_until = sim.world.now + AWAIT_S

    @property
    def attempt(self) -> tuple[str, int]:
        """Unique over all sessions."""
        return self.supervisor.order.session, self.key

    def __repr__(self) -> str:
        return f"{self.task.job_id} (attempt {self.key} of {self.supervisor.name})"

    def begin(self) -> None:
        """The callback is reached."""
        if not self.alive:
            return
        if not self.has_begun:
            self.supervisor.job_begun(self)
            self.has_begun = True
            self.sim.judge.job_begins(self)
        if self._must_wait():
            self.sim.world.after(0.25, self.begin)
            return
        sim, session = self.sim, self.supervisor.order.session
        for path in self.task.paths:
            sim.files.remove(path)
        tasks = sim.runs[session].tasks
        sim.judge.inputs_are_there(self, tasks)
        self._content = made(self.task.job_id, self.task.version, sim.read(tasks, self.task))
        sim.world.note(f"job {self.task.job_id}", f"attempt {self.key} runs on {self.supervisor.name}")
        sim.world.after(self.task.runtime_s, self._write)

    def _must_wait(self) -> bool:
        for awaited in self._order.await_files:
            file = self.sim.files.by_path.get(awaited.path)
            if file is None or file.stat.mtime_ns != awaited.mtime_ns:
                self.sim.world.count("awaited files")
                if self.sim.world.now < self._await_until:
                    return True
                self._end("FileNotFoundError")
                return True
        return False

    def _write(self) -> None:
        if not self.alive:
            return
        if self.task.fails:
            self._end("ValueError")
            return
        stats = tuple(
            self.sim.files.write(path, self._content, self.attempt, self.sim.world.now) for path in self.task.paths
        )
        self.alive = False
        self.sim.judge.job_ends(self)
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
