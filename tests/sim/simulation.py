"""One seed, from its beginning to its end: the world, who is in it, and who is started again."""

from __future__ import annotations

from random import Random

from . import project as projects
from .coordinator import Coordinator
from .daemon import Daemon
from .files import Files
from .judge import Judge
from .master import Master
from .network import Network
from .options import Options
from .project import Order, Project, Task
from .supervisor import Supervisor
from .world import Host, Violation, World

MEMORY = 6 << 20
"""Jobs fill it exactly in many ways: then there is no room for what was not counted."""
ARRIVAL_S = 5.0
"""Mean time until another user comes."""
STEPS = 20
"""After so many it is asked whether everything is over."""
STEPS_MAX = 1_000_000
"""Ten times as many as the largest worlds take: more are taken for nothing."""
BOUND_S, BOUND_LEASES = 1000.0, 20
"""After the faults stop, everything has to end within so much virtual time, and so many leases."""


class Simulation:
    """`play` until everything has ended. Raises Violation.

    `revoked`: users whose keys count for nothing at the moment; `gone`: those who have left.
    """

    def __init__(self, seed: int, options: Options) -> None:
        self.seed, self.options = seed, options
        self.world = World(seed)
        self.network = Network(self.world, options.delay_s, options.silence_s)
        for name in ("head", *(f"s{number}" for number in range(options.slaves))):
            self._add_host(name)
        self.files = Files(lambda: self.world.hosts["head"].wall_ns(self.world.now))
        self.judge = Judge(self)
        self.runs: dict[str, Order] = {}
        self.revoked: set[str] = set()
        self.gone: set[str] = set()
        self.coordinator: Coordinator | None = Coordinator(self, self.world.hosts["head"])
        self.daemons: dict[tuple[str, str], Daemon | None] = {}
        self.masters: dict[str, Master] = {}
        self.users = [f"user{number}" for number in range(options.users)]
        self.projects: list[Project] = []
        for number in range(options.projects):
            self._add_project(number)
        for number, user in enumerate(self.users):
            arrives_at = self.world.luck.expovariate(1 / ARRIVAL_S) if number else 0.0
            self.world.after(arrives_at, lambda user=user: self._arrives(user))

    def _add_host(self, name: str) -> None:
        luck, drift = self.world.luck, self.options.drift
        cores, rate = luck.choice((1, 2, 4)), 1 + luck.uniform(-drift, drift)
        self.world.hosts[name] = Host(name, cores, MEMORY, luck.uniform(0, 1e5), rate)

    def _add_project(self, number: int) -> None:
        user = self.users[number % len(self.users)]
        cores = max(host.cores for host in self._slaves)
        options, luck = self.options, self.world.luck
        data_bytes = MEMORY if options.wide_loads else None
        project = projects.drawn(luck, f"p{number}", user, "head", options.size, cores, options.runs, data_bytes)
        if options.crowds:
            projects.crowd(project, Random(f"crowd {self.seed} {number}"))
        if options.all_kinds:
            projects.vary(project, Random(f"kinds {self.seed} {number}"))
        self.projects.append(project)

    @property
    def _slaves(self) -> list[Host]:
        return [*self.world.hosts.values()][1:]

    # ------------------------------------------------------------------------------------------------------ processes

    def _arrives(self, user: str) -> None:
        """With daemons on all machines, and projects to be run."""
        self.world.note(user, "arrives")
        for host in self._slaves:
            self.start_daemon(user, host)
        for project in self.projects:
            if project.user == user:
                self._later(self.world.luck.uniform(0, 3), project)

    def _leaves(self, user: str) -> None:
        """Ends all daemons as one does, and starts none again."""
        self.world.note(user, "leaves")
        self.gone.add(user)
        for daemon in self.daemons.values():
            if daemon is not None and daemon.user == user:
                daemon.interrupt()

    def _later(self, seconds: float, project: Project) -> None:
        self.world.after(seconds, lambda: self.start_master(project))

    def start_daemon(self, user: str, host: Host) -> None:
        """It is started (again), if its machine is there."""
        if host.is_up and user not in self.gone and self.daemons.get((user, host.name)) is None:
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
        order = project.order(frozenset())
        order.standing = self.judge.standing(order)
        self.world.count("records that hold", len(order.standing))
        self.runs[project.next_session] = order
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
            self._later(self.world.luck.expovariate(1.0) * 3.0 + 0.05, project)

    def run_ended(self, master: Master, trouble: str) -> None:
        """A run has come to its end."""
        project = master.project
        if trouble:
            return
        self.world.count("runs")
        project.runs_left -= 1
        project.edit(self.world.luck)
        theirs = [one for one in self.projects if one.user == project.user]
        if self.options.leaves and len(self.users) > 1 and all(one.runs_left <= 0 for one in theirs):
            self.world.after(self.world.luck.uniform(0, 5), lambda: self._leaves(project.user))

    # ------------------------------------------------------------------------------------------------------- for others

    def read(self, order: Order, task: Task) -> list[bytes]:
        """Contents of a job's inputs; of a load, what it loaded."""
        by_path = self.files.by_path
        return [
            by_path[path].digest if (path := order.tasks[i].job_id) in by_path else order.wanted[i] for i in task.inputs
        ]

    def supervisors_on(self, host: Host) -> list[Supervisor]:
        """Those that live there."""
        return [process for process in host.processes if isinstance(process, Supervisor)]

    # ------------------------------------------------------------------------------------------------------------ play

    @property
    def is_over(self) -> bool:
        """Has every project been run as often as wanted, and has everything of it ended?"""
        if any(project.runs_left > 0 or project.is_running for project in self.projects):
            return False
        return not any(self.supervisors_on(host) for host in self._slaves)

    def play(self) -> None:
        """Until the end."""
        step, world = self.world.step, self.world
        give_up = self.options.calm_at + BOUND_S + BOUND_LEASES * self.options.lease_s
        while not self.is_over:
            for _ in range(STEPS):
                step()
            if (world.now > give_up or world.steps > STEPS_MAX) and not self.is_over:
                raise Violation(f"not over after {world.now:.0f} s, {world.steps} steps: {self.pending()}")

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
        for host in self._slaves:
            words += [f"{one.name} lives" for one in self.supervisors_on(host)]
        return "\n".join(words)
