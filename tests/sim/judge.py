"""What must hold after every step, looked at from outside of all processes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ppg_mcp.planner import Kind, State
from ppg_protocol import limits
from ppg_protocol.codec import Message
from ppg_protocol.messages import Ack, Run
from ppg_protocol.session import Session

from .files import Attempt
from .project import Order, Task
from .world import Host, Process, Violation

if TYPE_CHECKING:
    from .job import Job
    from .master import Master
    from .simulation import Simulation
    from .supervisor import Supervisor

WAITING_MAX = 2000
"""Messages and other things that wait in one place, in worlds as small as these."""


class Judge:
    """Raises Violation. `at_work`: living jobs by path; `supervisors`: living ones by host."""

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim
        self.at_work: dict[str, Job] = {}
        self.on: dict[str, dict[int, Job]] = {name: {} for name in sim.world.hosts}
        self.attempts: set[Attempt] = set()

    # ------------------------------------------------------------------------------------------------------------ jobs

    def job_begins(self, job: Job) -> None:
        """One attempt on one output; each attempt once; tombstone before; nothing redone; within the machine."""
        self._sim.world.count("jobs begun")
        if job.attempt in self.attempts:
            raise Violation(f"{job} was begun before")
        self.attempts.add(job.attempt)
        order = self._sim.runs[job.attempt[0]]
        row = order.project.disk.rows.get(job.task.job_id)
        if row is None or row.tombstone != f"{job.key}@{job.attempt[0]}":
            raise Violation(f"{job} begins, but its record is {row}")
        if job.task.job_id in order.standing:
            raise Violation(f"{job} begins, but its record of an earlier run holds")
        for path in job.task.paths:
            other = self.at_work.get(path)
            if other is not None and not self._sleeps_through_its_lease(other):
                raise Violation(f"{job} and {other} are at work on {path}")
            self.at_work[path] = job
        host = job.supervisor.host
        self.on[host.name][job.pid] = job
        self.fits(host)

    def job_ends(self, job: Job) -> None:
        """Its process is gone."""
        self.on[job.supervisor.host.name].pop(job.pid, None)
        for path in job.task.paths:
            if self.at_work.get(path) is job:
                del self.at_work[path]

    def _sleeps_through_its_lease(self, job: Job) -> bool:
        """It is as good as dead: its machine is suspended, and when it wakes up, first of all everything is ended."""
        supervisor = job.supervisor
        is_asleep = self._sim.world.now < supervisor.host.asleep_until
        if is_asleep and supervisor.core.is_lost(supervisor.now):
            self._sim.world.count("sleepers that lost their lease")
            return True
        return False

    def fits(self, host: Host) -> None:
        """What runs and is loaded there does not exceed it, but for a job that needs more than there is."""
        jobs = self.on[host.name].values()
        sessions = self._sim.supervisors_on(host)
        cores = sum(job.cores for job in jobs) + sum(m.cores for one in sessions for m in one.members.values())
        memory_bytes = sum(job.memory_bytes for job in jobs) + sum(one.data_bytes for one in sessions)
        if cores > host.cores:
            raise Violation(f"{cores} of {host.cores} cores of {host.name} are used: {list(jobs)}, {sessions}")
        if memory_bytes > host.memory_bytes and len(jobs) + len(sessions) > 1:
            raise Violation(f"{memory_bytes} of {host.memory_bytes} bytes of {host.name}: {list(jobs)}, {sessions}")

    def inputs_are_there(self, who: str, order: Order, task: Task) -> None:
        """No job before its inputs, and none reads what is not as it should be."""
        for index in task.inputs:
            for path in order.tasks[index].paths:
                file = self._sim.files.by_path.get(path)
                if file is None or file.digest != order.wanted[index]:
                    raise Violation(f"{who} begins, but {path} is {file}")

    def removes(self, supervisor: Supervisor, path: str) -> None:
        """Nobody deletes another's file."""
        file, other = self._sim.files.by_path.get(path), self.at_work.get(path)
        if other is not None:
            raise Violation(f"{supervisor.name} removes {path}, which {other} is to write")
        if file is not None and file.attempt not in supervisor.begun:
            raise Violation(f"{supervisor.name} removes {path}, which was made by {file.attempt}")

    # --------------------------------------------------------------------------------------------------------- records

    def basis(self, order: Order, task: Task) -> tuple[object, ...]:
        """Of what a record made now would be made: code, and the build of each output that is read."""
        rows = order.project.disk.rows
        inputs: list[object] = []
        for one in (order.tasks[i] for i in task.inputs):
            row = rows.get(one.job_id)
            builds = (one.job_id, row.build_id if row is not None else b"")
            inputs.append(builds if one.kind == Kind.OUTPUT else (one.job_id, self.basis(order, one)))
        return task.version, tuple(inputs)

    def standing(self, order: Order) -> frozenset[str]:
        """Outputs whose records and files hold, and those of all that they are made of: nothing of it is to be redone.
        A second opinion on the planner's."""
        holds: list[bool] = []
        for task in order.tasks:
            holds.append(all(holds[i] for i in task.inputs) and (task.kind != Kind.OUTPUT or self._holds(order, task)))
        return frozenset(t.job_id for t, held in zip(order.tasks, holds, strict=True) if held and t.paths)

    def _holds(self, order: Order, task: Task) -> bool:
        project = order.project
        row, file = project.disk.rows.get(task.job_id), self._sim.files.by_path.get(task.job_id)
        if row is None or row.tombstone or file is None or file.digest != order.wanted[task.index]:
            return False
        return project.basis.get(task.job_id) == (row.build_id, self.basis(order, task))

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
        peers = (master.exchange.link.session(peer) for peer in master.exchange.core.supervisors)
        self.bounded(master, [master.exchange.coordinator.session(), *peers])
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

    def look_at_supervisor(self, supervisor: Supervisor) -> None:
        """Its queues."""
        core = supervisor.core
        waiting = (*core.finished, *core.waiting.queued, *supervisor.reports, *supervisor.parts)
        if len(waiting) > WAITING_MAX:
            raise Violation(f"{len(waiting)} things wait in {supervisor.name}")
        self.bounded(supervisor, [supervisor.link.session()])

    def bounded(self, process: Process, sessions: Iterable[Session | None]) -> None:
        """What waits to be sent or acknowledged."""
        for session in sessions:
            if session is not None:
                session.sanity_check()
                if session.outbox.messages > min(limits.OUTBOX_MESSAGES, WAITING_MAX):
                    raise Violation(f"{session.outbox.messages} messages wait in an outbox of {process.name}")

    def run_ended(self, master: Master) -> None:
        """All files are as from scratch, but for what failed and what needs it."""
        planner, wanted = master.planner, self._sim.runs[master.store.session].wanted
        for job, task in enumerate(master.tasks):
            file = self._sim.files.by_path.get(task.job_id)
            if task.kind != Kind.OUTPUT or planner.state[job] in (State.FAILED, State.PRUNED):
                continue
            if planner.state[job] != State.DONE or file is None or file.digest != wanted[task.index]:
                raise Violation(f"{task.job_id} is {file} at the end, state {State(planner.state[job]).name}")
