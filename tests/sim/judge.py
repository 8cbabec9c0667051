"""What must hold after every step, looked at from outside of all processes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ppg_mcp.planner import Kind, State
from ppg_protocol import limits
from ppg_protocol.codec import Message
from ppg_protocol.messages import Ack, Run

from .world import Host, Violation

if TYPE_CHECKING:
    from .job import Job
    from .master import Master
    from .project import Task
    from .simulation import Simulation


class Judge:
    """Raises Violation. `at_work`: living jobs by path."""

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim
        self.at_work: dict[str, Job] = {}
        self.on: dict[str, dict[int, Job]] = {name: {} for name in sim.world.hosts}
        self.attempts: set[tuple[str, int]] = set()

    # ------------------------------------------------------------------------------------------------------------ jobs

    def job_begins(self, job: Job) -> None:
        """One attempt on one output; each attempt once; within the machine."""
        self._sim.world.count("jobs begun")
        if job.attempt in self.attempts:
            raise Violation(f"{job} was begun before")
        self.attempts.add(job.attempt)
        for path in job.task.paths:
            other = self.at_work.get(path)
            if other is not None:
                raise Violation(f"{job} and {other} are at work on {path}")
            self.at_work[path] = job
        host = job.supervisor.host
        self.on[host.name][job.pid] = job
        self._fits(host)

    def job_ends(self, job: Job) -> None:
        """Its process is gone."""
        if self.on[job.supervisor.host.name].pop(job.pid, None) is not None:
            for path in job.task.paths:
                del self.at_work[path]

    def _fits(self, host: Host) -> None:
        jobs = self.on[host.name].values()
        cores = sum(job.cores for job in jobs)
        memory_bytes = sum(job.memory_bytes for job in jobs)
        if cores > host.cores:
            raise Violation(f"{cores} of {host.cores} cores of {host.name} are used: {list(jobs)}")
        if memory_bytes > host.memory_bytes and len(jobs) > 1:
            raise Violation(f"{memory_bytes} of {host.memory_bytes} bytes of {host.name} are used: {list(jobs)}")

    def inputs_are_there(self, job: Job, tasks: Sequence[Task]) -> None:
        """No job before its inputs, and none reads what is not as it should be."""
        for index in job.task.inputs:
            for path in tasks[index].paths:
                file = self._sim.files.by_path.get(path)
                wanted = self._sim.runs[job.supervisor.order.session].wanted[index]
                if file is None or file.digest != wanted:
                    raise Violation(f"{job} begins, but {path} is {file}")

    # --------------------------------------------------------------------------------------------------------- masters

    def is_sent(self, master: Master, messages: Sequence[Message]) -> None:
        """What leaves is justified by what is durable."""
        rows, planner = master.store.disk.rows, master.planner
        for message in messages:
            if isinstance(message, Run) and planner.kind[message.job] == Kind.OUTPUT:
                row = rows.get(master.tasks[message.job].job_id)
                if row is None or row.tombstone != f"{message.attempt}@{master.store.session}":
                    raise Violation(f"{message} leaves {master.name} without its tombstone: {row}")
            if isinstance(message, (Run, Ack)) and master.store.pending:
                raise Violation(f"{message} leaves {master.name} before its commit")

    def look_at(self, master: Master) -> None:
        """The fold of the store is what the master believes."""
        master.dispatcher.sanity_check()
        master.exchange.core.sanity_check()
        self._bounded(master)
        if master.store.pending:
            return
        rows, planner = master.store.disk.rows, master.planner
        out = {job: attempt for attempt, job in master.dispatcher.job_of.items()}
        for job, task in enumerate(master.tasks):
            if task.kind != Kind.OUTPUT:
                continue
            row = rows.get(task.job_id)
            if planner.state[job] == State.DONE and (
                row is None or row.tombstone or row.build_id != planner.strict[job]
            ):
                raise Violation(f"{task.job_id} is done for {master.name}, but its record is {row}")
            if job in out and (row is None or not row.tombstone):
                raise Violation(f"{task.job_id} is out as attempt {out[job]}, but its record is {row}")

    def _bounded(self, master: Master) -> None:
        links = [master.exchange.coordinator.session()]
        links += [master.exchange.link.session(peer) for peer in master.exchange.core.supervisors]
        for session in links:
            if session is not None:
                session.sanity_check()
                if session.outbox.messages > min(limits.OUTBOX_MESSAGES, 2000):
                    raise Violation(f"{session.outbox.messages} messages wait in an outbox of {master.name}")

    def run_ended(self, master: Master) -> None:
        """All files are as from scratch, but for what failed and what needs it."""
        planner, project = master.planner, master.project
        for job, task in enumerate(master.tasks):
            file = self._sim.files.by_path.get(task.job_id)
            if task.kind != Kind.OUTPUT or planner.state[job] in (State.FAILED, State.PRUNED):
                continue
            if planner.state[job] != State.DONE or file is None or file.digest != project.wanted[job]:
                raise Violation(f"{task.job_id} is {file} at the end, state {State(planner.state[job]).name}")
