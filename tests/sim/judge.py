"""What must hold after every step, looked at from outside of all processes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ppg_mcp.planner import Kind, State
from ppg_protocol import limits
from ppg_protocol.codec import Message
from ppg_protocol.messages import Ack, Run
from ppg_protocol.records import Outcome
from ppg_protocol.session import Session

from .files import Attempt
from .project import GENERATES, ON_DEMAND, WITH_FILES, Order, Task
from .world import Host, Process, Violation

if TYPE_CHECKING:
    from .job import Job
    from .master import Master
    from .simulation import Simulation
    from .supervisor import Supervisor

WAITING_MAX = 2000
"""Messages and other things that wait in one place, in worlds as small as these."""


class Judge:
    """Raises Violation. `at_work`: living jobs by id, which is their path; `on`: by host and pid; `ended`: jobs that
    ended well, with their session."""

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim
        self.at_work: dict[str, Job] = {}
        self.on: dict[str, dict[int, Job]] = {name: {} for name in sim.world.hosts}
        self.attempts: set[Attempt] = set()
        self.ended: set[tuple[str, str]] = set()
        self.sent: dict[tuple[str, int], int] = {}
        """By session and job, the last attempt."""

    # ------------------------------------------------------------------------------------------------------------ jobs

    def job_begins(self, job: Job) -> None:
        """One attempt of one job; each attempt once; tombstone before; nothing redone, or done for nobody; final jobs
        last; within the machine."""
        self._sim.world.count("jobs begun")
        if job.attempt in self.attempts:
            raise Violation(f"{job} was begun before")
        self.attempts.add(job.attempt)
        order = self._sim.runs[job.attempt[0]]
        row = order.project.disk.rows.get(job.task.job_id)
        has_tombstone = row is not None and row.tombstone == f"{job.key}@{job.attempt[0]}"
        may_be_lost = job.attempt[0] in order.project.cut_off and (row is None or not row.sequence)
        if job.task.paths and not has_tombstone and not may_be_lost:
            raise Violation(f"{job} begins, but its record is {row}")
        if job.task.job_id in order.standing:
            raise Violation(f"{job} begins, but its record of an earlier run holds")
        if job.task.kind in ON_DEMAND and not self._is_wanted(order, job.task):
            raise Violation(f"{job} begins, but whoever needs it need not run")
        other = self.at_work.get(job.task.job_id)
        if other is not None and not self._sleeps_through_its_lease(other):
            raise Violation(f"{job} and {other} are at work at the same time")
        if job.task.kind == Kind.FINAL:
            self._is_last(job, order)
        self.at_work[job.task.job_id] = job
        host = job.supervisor.host
        self.on[host.name][job.pid] = job
        self.fits(host)

    def job_ends(self, job: Job, well: bool = False) -> None:
        """Its process is gone."""
        self.on[job.supervisor.host.name].pop(job.pid, None)
        if self.at_work.get(job.task.job_id) is job:
            del self.at_work[job.task.job_id]
        if well:
            self.ended.add((job.attempt[0], job.task.job_id))

    def job_failed(self, task: Task, outcome: Outcome) -> None:
        """Only what raises has an exception: others fail by what was done to them."""
        if outcome == Outcome.EXCEPTION and not task.fails:
            raise Violation(f"{task} failed, and there is nothing wrong with it")

    def _is_wanted(self, order: Order, task: Task) -> bool:
        users = order.dependants(task, lambda one: one.job_id in order.standing)
        return any(one.kind not in ON_DEMAND for one in users)

    def _is_last(self, job: Job, order: Order) -> None:
        """Final jobs run after everything else, and only if nothing failed."""
        busy = [other for other in self._at_work_for(order) if other.task.kind != Kind.FINAL]
        undone = [task for task in order.tasks if task.kind == Kind.OUTPUT and not self._is_made(order, task)]
        finals = [order.tasks[i] for i in job.task.inputs if order.tasks[i].kind == Kind.FINAL]
        early = [task for task in finals if (job.attempt[0], task.job_id) not in self.ended]
        if busy or undone or early:
            raise Violation(f"{job} begins, but {busy} are at work, and {undone + early} not done")

    def _at_work_for(self, order: Order) -> list[Job]:
        """Jobs of any session of the project that live."""
        jobs = [job for job in self.at_work.values() if self._sim.runs[job.attempt[0]].project is order.project]
        return [job for job in jobs if not self._sleeps_through_its_lease(job)]

    def _is_made(self, order: Order, task: Task) -> bool:
        """Is its file as it should be, and is its record durable?"""
        row, file = order.project.disk.rows.get(task.job_id), self._sim.files.by_path.get(task.job_id)
        return row is not None and not row.tombstone and file is not None and file.digest == order.wanted[task.index]

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
        inputs = [order.tasks[i] for i in task.inputs]
        for one in inputs:
            for path in one.paths if task.kind != Kind.FINAL or one.kind == Kind.OUTPUT else ():
                file = self._sim.files.by_path.get(path)
                if file is None or file.digest != order.wanted[one.index]:
                    raise Violation(f"{who} begins, but {path} is {file}")

    def removes(self, supervisor: Supervisor, path: str) -> None:
        """Nobody deletes another's file."""
        file, other = self._sim.files.by_path.get(path), self.at_work.get(path)
        if other is not None:
            raise Violation(f"{supervisor.name} removes {path}, which {other} is to write")
        if file is not None and file.attempt not in supervisor.begun:
            raise Violation(f"{supervisor.name} removes {path}, which was made by {file.attempt}")

    def removes_temporary(self, master: Master, path: str) -> None:
        """Nobody needs it any more: whoever does was made, and that is durable, or it is going to be made again; nobody
        who reads it is at work."""
        order = self._sim.runs[master.store.session]
        task, file = order.by_id[path], self._sim.files.by_path.get(path)
        self._sim.world.count("temporaries removed", int(file is not None))
        is_ours = file is None or self._sim.runs[file.attempt[0]].project is order.project
        if task.kind != Kind.TEMPORARY or not is_ours:
            raise Violation(f"{master.name} removes {path}, {task.kind.name}, which is {file}")
        users = order.dependants(task, lambda one: self._is_through(master, order, one))
        is_as_it_should_be = master.planner.state[master.graph.by_id[path].index] == State.DONE
        needing = [one for one in users if one.kind not in ON_DEMAND and is_as_it_should_be]
        at_work = [job for job in self._at_work_for(order) if task.index in (job.task.index, *job.task.inputs)]
        if needing or at_work:
            raise Violation(f"{master.name} removes {path}, but {needing} need it, and {at_work} are at work")
        if not master.store.is_durable:
            raise Violation(f"{master.name} removes {path} before the records of who needed it are durable")

    def _is_through(self, master: Master, order: Order, task: Task) -> bool:
        """It does not need its inputs any more; or it is not known to its master yet, and they will be made again."""
        job = master.graph.by_id.get(task.job_id)
        if job is None:
            return True
        if task.kind in GENERATES:
            return bool(master.planner.state[job.index] == State.DONE)
        return task.kind in WITH_FILES and self._is_made(order, task)

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
        """Jobs whose records and files hold, and those of all outputs that they are made of: nothing of it is to be
        redone. A second opinion on the planner's. Not temporaries that a generated job may need when they are gone."""
        holds: list[bool] = []
        for task in order.tasks:
            holds.append(all(holds[i] for i in task.inputs) and (task.kind != Kind.OUTPUT or self._holds(order, task)))
        grows = any(task.kind in GENERATES for task in order.tasks)
        kinds = (Kind.OUTPUT, Kind.CACHED) if grows else WITH_FILES
        held = [task for task in order.tasks if holds[task.index] and task.kind in kinds]
        return frozenset(task.job_id for task in held if self._holds(order, task))

    def _holds(self, order: Order, task: Task) -> bool:
        project = order.project
        row, file = project.disk.rows.get(task.job_id), self._sim.files.by_path.get(task.job_id)
        if row is None or row.tombstone or file is None or file.digest != order.wanted[task.index]:
            return False
        return project.basis.get(task.job_id) == (row.build_id, self.basis(order, task))

    # --------------------------------------------------------------------------------------------------------- masters

    def is_sent(self, master: Master, messages: Sequence[Message]) -> None:
        """What leaves is justified by what is committed, and by what is durable where something rests on that."""
        rows, planner = master.store.disk.rows, master.planner
        for message in messages:
            if isinstance(message, Run) and planner.kind[message.job] in WITH_FILES:
                row = rows.get(master.tasks[message.job].job_id)
                if row is None or row.tombstone != f"{message.attempt}@{master.store.session}":
                    raise Violation(f"{message} leaves {master.name} without its tombstone: {row}")
                if row.sequence and not master.store.is_durable:
                    raise Violation(f"{message} leaves {master.name}, and a power cut would bring its record back")
                self.sent[master.store.session, message.job] = message.attempt
            if isinstance(message, Ack):
                self._are_acknowledged(master, message.attempts)
            if isinstance(message, (Run, Ack)) and master.store.pending:
                raise Violation(f"{message} leaves {master.name} before its commit")

    def _are_acknowledged(self, master: Master, attempts: Sequence[int]) -> None:
        """A result that was taken for one can't be lost any more."""
        for job, task in enumerate(master.tasks):
            is_told = self.sent.get((master.store.session, job)) in attempts and master.planner.state[job] == State.DONE
            row = master.store.disk.durable.get(task.job_id)
            if is_told and task.kind in WITH_FILES and (row is None or row.tombstone):
                raise Violation(f"{master.name} acknowledges {task.job_id}, but a power cut would leave {row}")

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
            if task.kind not in WITH_FILES:
                continue
            row = rows.get(task.job_id)
            build_id = planner.strict[job] if task.kind == Kind.OUTPUT else row and row.build_id
            if planner.state[job] == State.DONE and (row is None or row.tombstone or row.build_id != build_id):
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
        """All files are as from scratch, but for what failed and what needs it, and no temporary is left."""
        order = self._sim.runs[master.store.session]
        state = {task.job_id: State(master.planner.state[job]) for job, task in enumerate(master.tasks)}
        off = {job_id for job_id, one in state.items() if one in (State.FAILED, State.PRUNED)}
        for task in master.tasks:
            file, is_off = self._sim.files.by_path.get(task.job_id), task.job_id in off
            is_well = state[task.job_id] == State.DONE
            if task.kind == Kind.OUTPUT:
                is_well &= file is not None and file.digest == order.wanted[task.index]
            elif task.kind == Kind.TEMPORARY:
                is_well = file is None or any(one.job_id in off for one in order.dependants(task))
            elif task.kind != Kind.FINAL:
                continue
            if not is_well and not is_off:
                raise Violation(f"{task.job_id} is {file} at the end, state {state[task.job_id].name}")
