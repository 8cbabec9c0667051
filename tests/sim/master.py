"""A run of a project: the real planner, dispatcher, ClusterCore, links, and of the run loop the real `Turn`,
`Reception`, `Generating`, `Merge`, `Performer`, `Outbox`, `Origins` and `Exchange`.

Simulated are the survey (nodes come from the simulated store and files), the recorder (records without what is for
readers), and the beginning and end of a run. The graph is a real one, into which the script's jobs come as those of
generating jobs do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from ppg_mcp import planner as p
from ppg_mcp.cluster.core import ClusterCore, Surroundings
from ppg_mcp.cluster.exchange import Exchange
from ppg_mcp.cluster.former import former_machines, remember
from ppg_mcp.dispatcher import Dispatcher
from ppg_mcp.graph import Options as GraphOptions
from ppg_mcp.graph import Pipegraph
from ppg_mcp.job import Job
from ppg_mcp.planner import Files, Former, Kind, Node
from ppg_mcp.priority import Priorities
from ppg_mcp.run.merge import Merge
from ppg_mcp.run.origins import Origins
from ppg_mcp.run.outbox import Outbox
from ppg_mcp.run.performing import Performer
from ppg_mcp.run.situation import Situation
from ppg_mcp.run.turn import Turn
from ppg_mcp.store import pack_files, unpack_files
from ppg_protocol.cluster_messages import CloseSession, OpenSession, Prepare
from ppg_protocol.codec import Message
from ppg_protocol.errors import CommunicationFailure
from ppg_protocol.link import SERVER
from ppg_protocol.messages import Ready, Shutdown
from ppg_protocol.records import FileStat, Outcome
from ppg_protocol.session import Timing

from . import links
from .project import WITH_FILES, Order, Project, Task
from .store import FakeStore
from .world import Crash, Process

if TYPE_CHECKING:
    from .simulation import Simulation

QUIET_HEARTBEATS = 5
MARGIN, MARGIN_MIN_S = 0.25, 1.0
DELIVERY_PATIENCE_S = 2.0
FLAGS: Any = (True, False, False, None, 0, False, False, None)
"""Of the graph: quiet, no dump, not interactive, no log, no adoption, no early cutoff, no limit of cores."""


class Log:
    """Of a run: into the trace."""

    debugging = False

    def __init__(self, master: Master) -> None:
        self._master = master

    def info(self, text: str) -> None:
        """A line."""
        self._master.note(text)

    warning = info


class Results:
    """What became of jobs."""

    def __init__(self, master: Master) -> None:
        self._master = master
        self.failures: list[str] = []

    def ran(self, *arguments: object, **more: object) -> None:
        """It ended well."""

    def prune(self, *arguments: object, **more: object) -> None:
        """It can't be done."""

    def failed(self, job: Job, outcome: Outcome, *rest: object) -> None:
        """So a machine says."""
        self._master.sim.judge.job_failed(self._master.tasks[job.index], outcome)
        self.failed_here(job)

    def failed_here(self, job: Job, *arguments: object, **more: object) -> None:
        """So the dispatcher says."""
        job._result = cast(Any, SimpleNamespace(error_reason="it failed"))
        self.failures.append(job.job_id)


class Recorder:
    """Buffers records in the store."""

    def __init__(self, master: Master) -> None:
        self._master = master

    def success(self, job: int, files: Sequence[FileStat], *rest: object) -> tuple[bytes, bytes]:
        """Of a job that ended well."""
        master, task = self._master, self._master.tasks[job]
        build_id = master.world.luck.randbytes(16)
        master.store.record(task.job_id, build_id, *master.planner.digests(job), pack_files(files))
        order = master.sim.runs[master.store.session]
        master.project.basis[task.job_id] = build_id, master.sim.judge.basis(order, order.tasks[task.index])
        return build_id, files[0].digest

    def ended(self, *arguments: object, **more: object) -> None:
        """Only for readers."""


class Survey:
    """What is known of jobs when they come: the simulated store's rows, and the files."""

    def __init__(self, master: Master, order: Order) -> None:
        self._master, self._order = master, order
        self.tasks: list[Task] = []
        """By index in the run."""

    def nodes(self, jobs: Sequence[Job]) -> list[Node]:
        """One per job."""
        tasks = [self._order.by_id[job.job_id] for job in jobs]
        self.tasks += tasks
        return [self._node(job, task) for job, task in zip(jobs, tasks, strict=True)]

    def _node(self, job: Job, task: Task) -> Node:
        own = (f"code of {task.job_id}", task.version.to_bytes(16, "big"))
        inputs = tuple(sorted(p.index for p in job.edges))
        if task.kind not in WITH_FILES:
            return Node(task.job_id, task.kind, inputs, own=own)
        sim = self._master.sim
        row, file = self._master.store.disk.rows.get(task.job_id), sim.files.by_path.get(task.job_id)
        former, edited = None, b""
        files = Files.FINE if file is not None else Files.MISSING
        if row is not None:
            recorded = unpack_files(row.files)[0] if row.files else None
            digest = recorded.digest if recorded is not None else b""
            former = Former(row.build_id, row.strict, row.content, not row.tombstone, digest)
            if file is not None and recorded is not None and file.stat.mtime_ns != recorded.mtime_ns:
                if task.kind != Kind.OUTPUT:
                    files = Files.DIFFERENT
                elif file.digest != recorded.digest:
                    edited = file.digest
        return Node(task.job_id, task.kind, inputs, former=former, files=files, edited=edited, own=own)


class Master(Process):
    """See the module. It is what the parts of the run loop take for a RunContext, and for a Machines.

    `doomed`: how many writes from now in a commit it is killed; None: it is not. `loses_power`: and how.
    """

    def __init__(self, sim: Simulation, project: Project) -> None:
        host = sim.world.hosts[project.host]
        super().__init__(sim.world, host, project.user, f"mcp {project.name}")
        self.sim, self.project = sim, project
        self.doomed: int | None = None
        self.loses_power = False
        session = project.next_session
        self.store = FakeStore(project.disk, session, self._writes)
        self.graph = _graph()
        self.order = self.graph.order
        self.planner = p.Planner()
        self.survey = Survey(self, sim.runs[session])
        self.tasks = self.survey.tasks
        self.dispatcher = Dispatcher(patient=True)
        self.priorities = Priorities(self.planner)
        self.log, self.results, self.recorder = Log(self), Results(self), Recorder(self)
        self.situation = Situation(self.planner, self.order, self.priorities, 0.0)
        self.outbox = Outbox()
        self.origins = Origins(sim.files.is_as_told)
        self.machines: Master | None = self
        self.hosts: dict[str, str] = {}
        self.told: set[int] = set()
        self.executed = 0
        self.explainer = SimpleNamespace(why=lambda job: "it must")
        self.progress = SimpleNamespace(note=lambda text: None)
        self.sync = SimpleNamespace(wrote=lambda path: None)
        run = cast(Any, self)
        self._performer = Performer(run, self._unlink)
        self.turn = Turn(run, self._performer)
        script = Merge(self.graph, self.planner, cast(Any, None), sim.runs[session].tasks.change(None))
        script.check()
        script.commit()
        self.exchange = self._new_exchange(session, sim.options)
        self._closing_until: float | None = None
        self._performer.perform(self.planner.extend(self.survey.nodes(self.order)))
        self.wake()

    def _writes(self) -> None:
        """See FakeStore: a slow disk keeps us, and we may be killed between any two writes."""
        if self.host.disk_s:
            self.stall(self.world.luck.expovariate(1.0) * self.host.disk_s)
        if self.doomed is not None:
            self.doomed -= 1
            if self.doomed < 0:
                raise Crash("SIGKILL in a commit")

    def _unlink(self, path: str) -> None:
        self.sim.judge.removes_temporary(self, path)
        self.sim.files.remove(path)

    def report_missing_inputs(self) -> None:
        """There are none."""

    def log_not_run(self) -> None:
        """Only for readers."""

    def _new_exchange(self, session: str, options: Any) -> Exchange:
        host, network = self.host, self.sim.network
        quiet_s = min(options.heartbeat_s * QUIET_HEARTBEATS, options.lease_s)
        epoch = self.store.epoch
        timing = Timing(options.heartbeat_s, quiet_s)
        link = links.server(network, self, session, links.hello(self, "mcp", session, epoch), timing)
        self._margin_s = max(MARGIN_MIN_S, options.lease_s * MARGIN)
        prepare = Prepare("/p", "/n", b"n", "py", "/p", 0, (), (), (), "", 0)
        us = Ready("", host.name, self.pid, 0, 0, links.PYTHON, links.ENGINE)
        older = former_machines(self.store).machines
        names = " ".join(task.job_id for task in self.sim.runs[session].tasks.declared).encode()
        opening = OpenSession(session, epoch, self.project.name, link.endpoint)
        surroundings = Surroundings(opening, prepare, [names], us, older, options.lease_s, self._margin_s)
        core = ClusterCore(surroundings, self.now)
        greeting = links.hello(self, "mcp", links.COORDINATOR, 0)
        silence = Timing(options.heartbeat_s, options.silence_s)
        coordinator = links.client(network, self, "ipc://coordinator", greeting, silence)
        return Exchange(core, link, coordinator, cast(Any, self.log), self._remember, "coordinator", self._wall_ns)

    def _remember(self, machines: set[str]) -> None:
        remember(self.store, machines, self.sim.options.lease_s + self._margin_s)
        self.store.commit()

    def _wall_ns(self) -> int:
        return self.host.wall_ns(self.world.now)

    # ----------------------------------------------------------------------------------------------------------- turns

    def deadline(self) -> float | None:
        """See Process."""
        times = [self.exchange.deadline(), self.turn.deadline, self._closing_until]
        soonest = min(at for at in times if at is not None)
        return None if soonest == math.inf else soonest

    def play(self) -> None:
        """See Process."""
        try:
            self.exchange.take_in(self.now)
        except CommunicationFailure as failure:
            self.world.count("masters refused")
            links.refused(self, str(failure))
            self._end(str(failure))
            return
        if self._closing_until is not None:
            self._close()
            return
        reports, commits = self.exchange.reports(), self.store.disk.commits
        self.turn.play(cast(Any, self), reports, self.now)
        if reports or commits != self.store.disk.commits:
            self.sim.judge.look_at(self)
        if self.planner.is_over:
            self._begin_to_close()

    def _begin_to_close(self) -> None:
        self.turn.flush(self.now)
        for machine in self.hosts:
            self.send(machine, [Shutdown("the run is over")])
        self._remember(set(self.dispatcher.machine_of.values()) - self.exchange.gone)
        self.exchange.coordinator.send(SERVER, [CloseSession(self.store.session)], self.now)
        self._closing_until = self.now + DELIVERY_PATIENCE_S

    def _close(self) -> None:
        assert self._closing_until is not None
        core, link, coordinator = self.exchange.core, self.exchange.link, self.exchange.coordinator
        sessions = [coordinator.session(), *(link.session(one.peer) for one in core.attached.values())]
        if self.now >= self._closing_until or all(one is None or not one.outbox.messages for one in sessions):
            self.sim.judge.run_ended(self)
            self._end("")

    def _end(self, trouble: str) -> None:
        self.project.is_running = False
        self.sim.run_ended(self, trouble)
        self.kill(trouble or "its run is over")

    def on_death(self) -> None:
        """See Process."""
        if self.loses_power:
            self.world.count("commits lost in power cuts", self.project.lose_power(self.store.session, self.world.luck))
        self.sim.master_died(self)

    # -------------------------------------------------------------------------------------- as the run loop's machines

    @property
    def is_clear(self) -> bool:
        """See Machines."""
        return self.exchange.core.is_clear

    def send(self, machine: str, messages: Sequence[Message]) -> None:
        """See Machines."""
        self.sim.judge.is_sent(self, messages)
        self.exchange.send(machine, messages, self.now)

    def demand(self, counts: Mapping[tuple[int, int, int], int]) -> None:
        """See Machines."""
        self.exchange.demand(counts, self.now)

    def define(self, machine: str, attempt: int, jobs: tuple[int, ...], chunk: bytes) -> None:
        """See Machines."""
        self.exchange.define(machine, attempt, jobs, chunk, self.now)


def _graph() -> Pipegraph:
    """Empty, for many machines."""
    return Pipegraph(Path("/"), Path("/status"), "cache", GraphOptions(*FLAGS, cluster=cast(Any, "cluster")))
