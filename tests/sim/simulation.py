"""One seed, from its beginning to its end: the world, who is in it, and who is started again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from . import project as projects
from .coordinator import Coordinator
from .daemon import Daemon
from .files import Files
from .judge import Judge
from .master import Master
from .network import Network
from .options import Options
from .project import Project, Task
from .world import Host, Violation, World

MEMORY = 8 << 20
BOUND_S = 2000.0
"""After the faults stop, everything has to end within so much virtual time."""


@dataclass(frozen=True)
class Order:
    """What a session was started to make."""

    tasks: Sequence[Task]
    wanted: Sequence[bytes]


class Simulation:
    """`play` until everything has ended. Raises Violation."""

    def __init__(self, seed: int, options: Options) -> None:
        self.seed, self.options = seed, options
        self.world = World(seed)
        luck = self.world.luck
        self.files = Files()
        self.network = Network(self.world, options.delay_s, options.silence_s)
        for name in ("head", *(f"s{number}" for number in range(options.slaves))):
            cores = luck.choice((1, 2, 4))
            drift = luck.uniform(-options.drift, options.drift)
            self.world.hosts[name] = Host(name, cores, MEMORY, luck.uniform(0, 1e5), 1 + drift)
        self.judge = Judge(self)
        self.runs: dict[str, Order] = {}
        self.coordinator: Coordinator | None = Coordinator(self, self.world.hosts["head"])
        self.daemons: dict[tuple[str, str], Daemon | None] = {}
        self.masters: dict[str, Master] = {}
        self.users = [f"user{number}" for number in range(options.users)]
        for host in list(self.world.hosts.values())[1:]:
            for user in self.users:
                self.start_daemon(user, host)
        self.projects: list[Project] = []
        for number in range(options.projects):
            user = self.users[number % len(self.users)]
            cores = max(host.cores for host in list(self.world.hosts.values())[1:])
            one = projects.drawn(luck, f"p{number}", user, "head", options.size, cores, options.runs)
            self.projects.append(one)
            self.world.after(luck.uniform(0, 5), lambda one=one: self.start_master(one))

    # ------------------------------------------------------------------------------------------------------ processes

    def start_daemon(self, user: str, host: Host) -> None:
        """It is started (again), if its machine is there."""
        if host.is_up and self.daemons.get((user, host.name)) is None:
            self.daemons[user, host.name] = Daemon(self, host, user, host.cores, host.memory_bytes)

    def start_coordinator(self, kept: tuple[str, ...]) -> None:
        """Again."""
        if self.coordinator is None:
            self.coordinator = Coordinator(self, self.world.hosts["head"], kept)

    def start_master(self, project: Project) -> None:
        """The user runs the script."""
        if project.is_running:
            return
        project.is_running = True
        project.work_out()
        session = f"{project.name}-{project.disk.epoch + 1}"
        tasks = [
            Task(t.index, t.job_id, t.kind, t.inputs, t.cores_needed, t.memory_needed, t.runtime_s, t.fails, t.version)
            for t in project.tasks
        ]
        self.runs[session] = Order(tasks, list(project.wanted))
        self.masters[project.name] = Master(self, project)

    def daemon_died(self, daemon: Daemon) -> None:
        """Somebody starts it again."""
        self.daemons[daemon.user, daemon.host.name] = None
        pause_s = self.world.luck.expovariate(1.0) * 3.0 + 0.1
        self.world.after(pause_s, lambda: self.start_daemon(daemon.user, daemon.host))

    def coordinator_died(self, coordinator: Coordinator) -> None:
        """Somebody starts it again."""
        self.coordinator = None
        pause_s = self.world.luck.expovariate(1.0) * 5.0 + 0.1
        self.world.after(pause_s, lambda: self.start_coordinator(coordinator.kept))

    def master_died(self, master: Master) -> None:
        """Its user starts it again, until it has been run as often as wanted."""
        project = master.project
        self.masters.pop(project.name, None)
        project.is_running = False
        if project.runs_left > 0:
            pause_s = self.world.luck.expovariate(1.0) * 3.0 + 0.05
            self.world.after(pause_s, lambda: self.start_master(project))

    def run_ended(self, master: Master, trouble: str) -> None:
        """A run has come to its end."""
        if not trouble:
            self.world.count("runs")
            master.project.runs_left -= 1
            master.project.ended_well += 1
            master.project.edit(self.world.luck)

    # ------------------------------------------------------------------------------------------------------- for others

    def task_of(self, session: str, job: int) -> Task:
        """As it was when that session began."""
        return self.runs[session].tasks[job]

    def read(self, tasks: Sequence[Task], task: Task) -> list[bytes]:
        """Contents of a job's inputs; of a load, what it loaded."""
        wanted = self.runs_of(tasks).wanted
        return [
            self.files.by_path[path].digest if (path := tasks[i].job_id) in self.files.by_path else wanted[i]
            for i in task.inputs
        ]

    def runs_of(self, tasks: Sequence[Task]) -> Order:
        """The order with these tasks."""
        return next(order for order in self.runs.values() if order.tasks is tasks)

    # ------------------------------------------------------------------------------------------------------------ play

    @property
    def is_over(self) -> bool:
        """Has every project been run as often as wanted?"""
        return all(project.runs_left <= 0 and not project.is_running for project in self.projects)

    def play(self) -> None:
        """Until the end."""
        give_up = self.options.calm_at + BOUND_S
        while not self.is_over:
            self.world.step()
            if self.world.now > give_up:
                raise Violation(f"not over after {give_up:.0f} s: {self.pending()}")

    def pending(self) -> str:
        """What is not done, and why."""
        words = []
        for project in self.projects:
            master = self.masters.get(project.name)
            if master is None:
                words.append(f"{project.name}: no master, {project.runs_left} runs left")
                continue
            core, dispatcher = master.exchange.core, master.dispatcher
            words.append(
                f"{master.store.session}: clear {core.is_clear} {core.awaited}, note {core.note!r}, "
                f"shares {core.shares}, attached {list(core.attached)}, out {dispatcher.job_of} on "
                f"{dispatcher.machine_of}, demand {dict(dispatcher.demand)}"
            )
        return "\n".join(words)
