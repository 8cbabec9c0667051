"""A session's supervisor: the real core and link, simulated data processes and jobs.

The order of a turn is that of `ppg_cs.supervisor` and `ppg_cs.slave.cluster_supervisor`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ppg_cs import events as on
from ppg_cs import instructions as do
from ppg_cs.outbox import PLENTY_PER_CORE, Outbox
from ppg_cs.report import NOTHING, Report, Result
from ppg_cs.slave.cluster_core import ClusterSupervisorCore
from ppg_cs.slave.cluster_events import Drain
from ppg_cs.slave.exits import LEASE_OVER, ORPHANED, UNFIT
from ppg_mcp.planner import Kind
from ppg_protocol.cluster_messages import Farewell, Limit, Prepare, StartSession
from ppg_protocol.errors import RemoteProtocolError
from ppg_protocol.link import SERVER, Delivery
from ppg_protocol.messages import Heartbeat, Ready, Shutdown
from ppg_protocol.records import Failure, Usage
from ppg_protocol.session import Timing
from ppg_protocol.session_events import Deliver, Established, HeartbeatDue, Refused

from . import links
from .data_process import DataProcess
from .job import Job
from .project import Task
from .world import Process, Violation

if TYPE_CHECKING:
    from .daemon import Daemon
    from .simulation import Simulation

FAREWELL_S = 10.0
KILLED = 9
UNDECLARED_BYTES = 1000
"""What a load takes that was not declared."""


class Supervisor(Process):
    """See the module."""

    def __init__(self, sim: Simulation, daemon: Daemon, order: StartSession) -> None:
        super().__init__(sim.world, daemon.host, daemon.user, f"{daemon.name}/{order.session}")
        options = sim.options
        self.sim, self.daemon, self.order = sim, daemon, order
        self.core = ClusterSupervisorCore(
            daemon.host.name, daemon.cores, daemon.memory_bytes, daemon.cores + 4, options.lease_s, self.now
        )
        self.members: dict[int, DataProcess] = {}
        self.jobs: dict[int, Job] = {}
        self.reports: dict[int, Report] = {}
        self.parts: dict[int, bytes] = {}
        self.begun: set[tuple[str, int]] = set()
        """Attempts whose outputs are its to remove."""
        self.outbox = Outbox()
        self.exit_code: int | None = None
        self._leaving_until: float | None = None
        self._prepare: Prepare | None = None
        self._is_ready = False
        self._early: list[Any] = []
        self._lease_said = 0.0
        greeting = links.hello(self, "supervisor", order.session, order.epoch)
        timing = Timing(options.heartbeat_s, options.lease_s)
        self.link = links.client(sim.network, self, order.endpoint, greeting, timing)
        self.wake()

    # --------------------------------------------------------------------------------------------------------- turns

    def deadline(self) -> float | None:
        """See Process."""
        times = [self.link.deadline(), self.core.deadline(), self.outbox.deadline(), self._leaving_until]
        return min((at for at in times if at is not None), default=None)

    def play(self) -> None:
        """See Process."""
        if self._leaving_until is not None:
            self._say_farewell()
            return
        deliveries = self.link.receive(self.now)
        if self._may_go_on():
            for delivery in deliveries:
                self._on_delivery(delivery)
            self.take_posted()
            for delivery in self.link.tick(self.now):
                self._on_delivery(delivery)
            deadline = self.core.deadline()
            if deadline is not None and self.now >= deadline:
                self.handle(on.Tick())
            self._flush()
            self.core.sanity_check()
            self.sim.judge.look_at_supervisor(self)
        if self.alive and self.exit_code is not None:
            self._end_everything()
            self._leaving_until = self.now + FAREWELL_S
            if self.exit_code == ORPHANED and links.is_connected(self.link):
                self.world.count("farewells")
                self.link.send(SERVER, [Farewell("its daemon is gone")], self.now)
            self.link.ask_for_acknowledgement(self.now)
            self._say_farewell()

    def _may_go_on(self) -> bool:
        session = self.link.session()
        if session is not None and session.confirmed_at is not None:
            self.core.confirm(session.confirmed_at)
        if self.core.lease_until >= self._lease_said + self.sim.options.heartbeat_s / 2:
            self._lease_said = self.core.lease_until
            self.daemon.hear_lease(self, self._lease_said)
        if self.core.is_lost(self.now):
            self.world.count("leases over")
            self.exit_code = LEASE_OVER
        return self.exit_code is None

    def _say_farewell(self) -> None:
        self.take_posted()
        session = self.link.session()
        assert session is not None
        assert self._leaving_until is not None
        wants = self.exit_code in (UNFIT, ORPHANED) or self.core.draining
        self.link.receive(self.now)
        self.link.tick(self.now)
        owes = session.outbox.first_kept <= session.outbox.sent
        if not wants or not owes or self.now >= self._leaving_until:
            self.kill(f"leaves with {self.exit_code}")

    def _flush(self) -> None:
        plenty = self.exit_code is None and self.core.has_plenty(PLENTY_PER_CORE)
        if batch := self.outbox.due(self.now, plenty):
            self.link.send(SERVER, batch, self.now)

    def _on_delivery(self, delivery: Delivery) -> None:
        match delivery.what:
            case Deliver(messages, _):
                for message in messages:
                    if not isinstance(message, Heartbeat):
                        self._on_message(message)
            case HeartbeatDue():
                self.outbox.append(self.core.heartbeat())
            case Established():
                self._introduce()
            case Refused(reason):
                links.refused(self, reason)
                self.exit_code = 1

    def _on_message(self, message: Any) -> None:
        if isinstance(message, Prepare):
            if self._prepare is None:
                self._prepare = message
                self.perform(self.core.start())
            else:
                self._introduce()
        elif self._is_ready or isinstance(message, Shutdown):
            try:
                self.handle(message)
            except (RemoteProtocolError, KeyError) as error:
                raise AssertionError(f"{self.name} dropped {message}: {error!r}") from error
        else:
            self._early.append(message)

    def _introduce(self) -> None:
        if self._is_ready:
            d = self.daemon
            self.outbox.append(
                Ready(
                    d.host.name,
                    d.host.name,
                    self.pid,
                    d.cores,
                    d.memory_bytes,
                    links.PYTHON,
                    links.ENGINE,
                    time_ns=d.host.wall_ns(self.world.now),
                )
            )

    def _facts(self) -> None:
        if not self._is_ready:
            self._is_ready = True
            self._introduce()
            early, self._early = self._early, []
            for message in early:
                self._on_message(message)

    # ---------------------------------------------------------------------------------------------------- the daemon

    def on_order(self, order: Limit | Drain | Shutdown) -> None:
        """What the daemon says."""
        self.post(lambda: self.handle(order))

    # ---------------------------------------------------------------------------------------------------------- core

    def handle(self, event: Any) -> None:
        """An event for the core."""
        if self.alive and self.exit_code is None:
            self.perform(self.core.handle(event, self.now))

    def perform(self, instructions: list[do.Instruction]) -> None:
        """What the core says."""
        for i in instructions:
            match i:
                case do.Send(message):
                    self.outbox.append(message)
                case do.ForkPristine(process):
                    self.members[process] = DataProcess(process)
                    self._later(0.05, self._facts)
                case do.KeepPart(part, chunk):
                    self.parts[part] = bytes(chunk)
                case do.FeedParts(process, parts):
                    self._feed(process, parts)
                case do.DefineTasks(process, jobs):
                    self._define(process, jobs)
                case do.UnloadData(process, job):
                    self._unload(process, job)
                case do.StartJob():
                    self._order_job(i)
                case do.TakeBack(process):
                    self._take_back(process)
                case do.StartSuccessor():
                    self._start_successor(i)
                case do.Hold(number, cores, memory_bytes):
                    self.daemon.hear_held(self, number, cores, memory_bytes)
                case do.TakeOver(process):
                    self.members[process].key = 0
                    self._later(0.005, lambda p=process: self.handle(on.TookOver(p)))
                case do.Retire(process):
                    self._retire(process)
                case do.Kill(key):
                    self._kill(key)
                case do.KillDataProcess(process):
                    self.lose_data_process(process)
                case do.Sweep(places):
                    self._later(0.02, lambda p=places: self._swept([key for key, _ in p]))
                case do.RemoveOutputs(paths):
                    for path in paths:
                        self.sim.judge.removes(self, path)
                        self.sim.files.remove(path)
                case do.Leave(exit_code):
                    self.exit_code = exit_code
                case _:
                    pass

    def _later(self, mean_s: float, what: Any) -> None:
        self.world.after(self.world.luck.expovariate(1.0) * mean_s + 1e-4, lambda: self.post(what))

    def _swept(self, keys: list[int]) -> None:
        self.handle(on.Swept(tuple((key, self.reports.pop(key, NOTHING)) for key in keys), ()))

    # ---------------------------------------------------------------------------------------------- jobs and successors

    def _tasks(self, names: bytes) -> list[Task]:
        """Of a part of the task stream."""
        by_id = self.sim.runs[self.order.session].by_id
        return [by_id[name] for name in names.decode().split()]

    def _feed(self, process: int, parts: tuple[tuple[int, tuple[int, ...]], ...]) -> None:
        member = self.members.get(process)
        for part, jobs in parts if member is not None else ():
            tasks = self._tasks(self.parts[part])
            member.tasks.update(zip(jobs or range(len(tasks)), tasks, strict=True))

    def _define(self, process: int, jobs: tuple[int, ...]) -> None:
        member = self.members.get(process)
        if member is not None:
            member.tasks.update(zip(jobs, member.made, strict=True))

    def _unload(self, process: int, job: int) -> None:
        member = self.members.get(process)
        if member is not None:
            member.data.pop(job, None)

    @property
    def data_bytes(self) -> int:
        """Loaded in this session here, as far as it was declared. Forks share it."""
        return max((sum(member.data.values()) for member in self.members.values()), default=0)

    def _order_job(self, i: do.StartJob) -> None:
        member = self.members.get(i.process)
        if member is None:
            return  # its death is on its way to the core
        if i.after > member.ends:
            self.world.count("reliefs")
            if self.core.admission.is_above_limit:
                raise Violation(f"{self.name} is to give cores back, and orders {i} in advance")
            member.reliefs[i.after] = i
        else:
            self._start_job(member, i)

    def _take_back(self, process: int) -> None:
        member = self.members.get(process)
        if member is not None:
            self.world.count("reliefs taken back")
            keys = tuple(order.key for order in member.reliefs.values())
            member.reliefs.clear()
            self._say_of_jobs(member, 0.001, on.TakenBack(keys))

    def _say_of_jobs(self, member: DataProcess, mean_s: float, event: on.Event) -> None:
        """In its order, as through a channel; the end of the data process last."""
        delay_s = self.world.luck.expovariate(1.0) * mean_s + 1e-4
        member.said_until = max(self.world.now + delay_s, member.said_until + 1e-6)
        self.world.at(member.said_until, lambda: self.post(lambda: self.handle(event)))

    def _start_job(self, member: DataProcess, i: do.StartJob) -> None:
        if i.job not in member.tasks:
            raise Violation(
                f"data process {i.process} of {self.name} is to start job {i.job}, of which it knows nothing"
            )
        job = Job(self.sim, self, i, member.tasks[i.job], self.core.work[i.key].memory_bytes)
        self.jobs[i.key] = job
        self.begun.add(job.attempt)
        job.after(self.world.luck.expovariate(1.0) * 0.003, job.begin)

    def job_ended(self, job: Job, status: int, report: Report) -> None:
        """Its data process has reaped it."""
        self.jobs.pop(job.key, None)
        if self.alive:
            self.reports[job.key] = report
            usage = Usage(job.task.runtime_s, 0.0, 0)
            member = self.members[job.process]
            self._say_of_jobs(member, 0.002, on.Exited(job.key, status, usage, report))
            member.ends += 1
            if member.ends in member.reliefs:
                self._start_job(member, member.reliefs.pop(member.ends))

    def job_begun(self, job: Job) -> None:
        """It was forked."""
        self._say_of_jobs(self.members[job.process], 0.001, on.Forked(job.key, job.pid))

    def _start_successor(self, i: do.StartSuccessor) -> None:
        parent = self.members.get(i.process)
        if parent is None:
            return
        self.members[i.successor] = parent.fork(i.successor, i.key, i.cores)
        task = parent.tasks[i.job]
        self.sim.judge.inputs_are_there(f"{task} on {self.name}", self.sim.runs[self.order.session], task)
        self.sim.judge.fits(self.host)
        self._later(task.runtime_s, lambda: self._prepared(i, task))

    def _prepared(self, i: do.StartSuccessor, task: Task) -> None:
        member = self.members.get(i.successor)
        if member is None:
            return
        usage, member.cores = Usage(0.1, 0.0, 0), 0
        if task.fails:
            del self.members[i.successor]
            failure = Failure("ValueError", "it fails", "", b"", -1, -1)
            report = Report(None, Result(True, (), failure, b""), b"", b"")
            self.handle(on.DataProcessDied(i.successor, 0, usage, report))
            return
        generated = chunk = b""
        if task.kind == Kind.LOADING:
            member.data[i.job] = task.memory_needed
            self.sim.judge.fits(self.host)
        else:
            tasks = self.sim.runs[self.order.session].tasks
            member.made = tasks.made_by(task)
            generated, chunk = tasks.change(task).encode(), " ".join(one.job_id for one in member.made).encode()
        report = Report(None, Result(True, (), None, generated, chunk), b"", b"")
        self.handle(on.Prepared(i.key, usage, UNDECLARED_BYTES, report))

    def _retire(self, process: int) -> None:
        member = self.members.get(process)
        if member is not None:
            member.is_retired = True
            self.look_for_retired()

    def look_for_retired(self) -> None:
        """Data processes that only wait for their last job."""
        for member in list(self.members.values()):
            if member.is_retired and not any(job.process == member.number for job in self.jobs.values()):
                self.lose_data_process(member.number, status=0)

    def _kill(self, key: int) -> None:
        job = self.jobs.get(key)
        if job is not None:
            job.kill(KILLED)
        for member in list(self.members.values()):
            if member.key == key:
                self.lose_data_process(member.number)

    def lose_data_process(self, process: int, status: int = KILLED) -> None:
        """It dies, and what it had forked with it."""
        lost = self.members.pop(process, None)
        if lost is None:
            return
        for job in [job for job in self.jobs.values() if job.process == process]:
            self.reports[job.key] = job.kill(None)
        for member in list(self.members.values()):
            if member.key and member.parent == process:
                self.lose_data_process(member.number)
        self._say_of_jobs(lost, 0.002, on.DataProcessDied(process, status, Usage(0.0, 0.0, 0), NOTHING))

    def orphan(self) -> None:
        """Its daemon is gone. One that is frozen goes down with it: see decision 84."""
        if self.is_frozen:
            self.kill("its daemon goes")
        else:
            self.post(self._be_orphaned)

    def _be_orphaned(self) -> None:
        if self.exit_code is None:
            self.exit_code = ORPHANED

    def _end_everything(self) -> None:
        for job in list(self.jobs.values()):
            job.kill(None)
        self.members.clear()

    def on_death(self) -> None:
        """See Process: its jobs have PDEATHSIG."""
        self._end_everything()
        self.daemon.supervisor_died(self)
