"""Faults, drawn one after the other until it is calm. Whatever they break is mended, but for machines that vanish."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .network import DIAL_MAX_S
from .options import CUT, LATE, LOSSY, SHARED
from .supervisor import Supervisor
from .world import Host, Process

if TYPE_CHECKING:
    from .daemon import Daemon
    from .simulation import Simulation

REVOKED_S = 10.0
"""By then a coordinator has cut off a user that was revoked."""


class Faults:
    """Of one simulation."""

    def __init__(self, sim: Simulation) -> None:
        self._sim, self._world, self._luck = sim, sim.world, sim.world.luck
        self._by_name: dict[str, Callable[[], None]] = {
            "break a connection": sim.network.break_some,
            "partition": self._partition,
            "cut one way": lambda: self._partition(one_way=True),
            "kill a daemon": self._kill_daemon,
            "kill a supervisor": self._kill_supervisor,
            "kill a data process": self._kill_data_process,
            "kill a master": self._kill_master,
            "kill a master in a commit": self._doom_master,
            "kill a master that is not heard": self._kill_unheard,
            "cut the power of a master": self._cut_power,
            "kill the coordinator": self._kill_coordinator,
            "freeze": self._freeze,
            "freeze a busy supervisor": self._freeze_busy,
            SHARED: self._freeze_busy_daemon,
            LATE: self._make_late,
            CUT: self._cut_off,
            LOSSY: sim.network.doom_some,
            "suspend a machine": self._suspend,
            "set a wall clock": self._set_clock,
            "slow disk": self._slow_disk,
            "revoke a user": self._revoke,
            "drain": self._drain,
            "signal a daemon": self._signal,
            "vanish": self._vanish,
        }

    def begin(self) -> None:
        """From now on."""
        if self._sim.options.calm_at:
            self._next()

    def _next(self) -> None:
        self._world.after(self._luck.expovariate(1.0) * self._sim.options.fault_s, self._strike)

    def _strike(self) -> None:
        if self._world.now < self._sim.options.calm_at:
            name = self._luck.choice(self._sim.options.faults)
            self._world.note("fault", name)
            self._world.count(f"fault: {name}")
            self._by_name[name]()
            self._next()

    def _daemons(self) -> list[Daemon]:
        return [daemon for daemon in self._sim.daemons.values() if daemon is not None]

    def _supervisors(self) -> list[Supervisor]:
        return [child for daemon in self._daemons() for child in daemon.children.values() if child.alive]

    def _long(self) -> float:
        """Sometimes shorter than a lease, sometimes longer."""
        return self._luck.choice((0.1, 0.5, 1.0, 2.0)) * self._luck.uniform(0.5, 1.5) * self._sim.options.lease_s

    def _partition(self, one_way: bool = False) -> None:
        self._cut(*self._luck.sample(list(self._world.hosts.values()), 2), one_way)

    def _cut(self, a: Host, b: Host, one_way: bool = False) -> None:
        self._sim.network.partition(a, b, one_way)
        self._world.after(self._long(), lambda: self._sim.network.heal(a, b))

    def _kill(self, processes: list[Process]) -> None:
        if processes:
            self._luck.choice(processes).kill("SIGKILL")

    def _kill_daemon(self) -> None:
        self._kill([*self._daemons()])

    def _kill_supervisor(self) -> None:
        self._kill([*self._supervisors()])

    def _kill_data_process(self) -> None:
        members = [(child, number) for child in self._supervisors() for number in child.members]
        if members:
            child, number = self._luck.choice(members)
            child.note(f"data process {number} dies")
            child.lose_data_process(number)

    def _kill_master(self) -> None:
        self._kill([*self._sim.masters.values()])

    def _doom_master(self) -> None:
        masters = [*self._sim.masters.values()]
        if masters:
            self._luck.choice(masters).doomed = self._luck.randint(0, 6)

    def _cut_power(self) -> None:
        """What it started elsewhere goes on."""
        masters = [*self._sim.masters.values()]
        if masters:
            master = self._luck.choice(masters)
            master.doomed, master.loses_power = self._luck.randint(0, 12), True

    def _busy(self) -> list[Supervisor]:
        return [one for one in self._supervisors() if one.jobs]

    def _kill_unheard(self) -> None:
        """What it started goes on, and does not hear of the next one."""
        busy = [(one, self._sim.masters.get(one.order.session.rpartition("-")[0])) for one in self._busy()]
        pairs = [(one, master) for one, master in busy if master is not None and one.host is not master.host]
        if pairs:
            supervisor, master = self._luck.choice(pairs)
            if self._luck.random() < 0.5:
                self._cut(supervisor.host, master.host)
            else:
                supervisor.freeze(self._luck.uniform(0.5, 2.0) * self._sim.options.lease_s)
            master.kill("SIGKILL")

    def _kill_coordinator(self) -> None:
        self._kill([self._sim.coordinator] if self._sim.coordinator else [])

    def _freeze(self) -> None:
        processes: list[Process] = [*self._supervisors(), *self._sim.masters.values(), *self._daemons()]
        if self._sim.coordinator is not None:
            processes.append(self._sim.coordinator)
        process = self._luck.choice(processes) if processes else None
        if process in self._daemons() and len(self._sim.users) > 1:  # see "Limit" in ADR 0071
            process.freeze(self._luck.uniform(0.1, 0.5) * self._sim.options.lease_s)
        elif process is not None:
            process.freeze(self._long())

    def _freeze_busy(self) -> None:
        """For longer than its lease."""
        busy = self._busy()
        if busy:
            self._luck.choice(busy).freeze(self._luck.uniform(1.0, 2.0) * self._sim.options.lease_s)

    def _freeze_busy_daemon(self) -> None:
        """For so long that it counts as silent, and comes back before its lease is over: see "Limit" in ADR 0071. What
        it started goes on, as does whoever shares its machine."""
        busy, silence_s, longest_s = self._busy_daemons(), self._sim.options.silence_s, self._longest_absence_s
        if busy and longest_s > silence_s:
            self._luck.choice(busy).freeze(self._luck.uniform(silence_s, longest_s))

    def _busy_daemons(self) -> list[Daemon]:
        return [one for one in self._daemons() if one.is_heard and any(child.jobs for child in one.children.values())]

    @property
    def _longest_absence_s(self) -> float:
        """Who is away for so long was heard within the lease, and is again within it, dialling included."""
        return self._sim.options.lease_s - 2 * DIAL_MAX_S - self._sim.options.heartbeat_s

    def _make_late(self) -> None:
        """A coordinator that is started again soon, before a busy daemon hears of it: that is back within the grace.
        Meanwhile another user wants the machine."""
        self._restart_without_one()

    def _cut_off(self) -> None:
        """Likewise, and before that daemon is back its machine is cut off, for about as long as it is waited for."""
        daemon, late_s = self._restart_without_one()
        if daemon is not None:
            host, head = daemon.host, self._world.hosts["head"]
            heal_at = self._sim.options.lease_s + self._luck.uniform(0.3, 0.8) * late_s
            self._world.after(0.95 * late_s, lambda: self._sim.network.partition(host, head))
            self._world.after(heal_at, lambda: self._sim.network.heal(host, head))

    def _restart_without_one(self) -> tuple[Daemon | None, float]:
        """Returns who is late, and by how many seconds."""
        coordinator, longest_s = self._sim.coordinator, self._longest_absence_s
        users = {master.user for master in self._sim.masters.values()}
        busy = [one for one in self._busy_daemons() if users - {one.user}]
        if coordinator is None or not busy or longest_s <= 0:
            return None, 0.0
        daemon, late_s = self._luck.choice(busy), self._luck.uniform(0.5, 1.0) * longest_s
        daemon.freeze(late_s)
        coordinator.kill("SIGKILL")
        self._world.after(self._luck.uniform(0.1, 0.3), lambda: self._sim.start_coordinator(coordinator.kept))
        return daemon, late_s

    def _suspend(self) -> None:
        host = self._luck.choice([*self._world.hosts.values()])
        seconds = self._long()
        self._world.note(host.name, f"sleeps for {seconds:.2f} s")
        host.suspend(self._world, seconds)

    def _set_clock(self) -> None:
        host = self._luck.choice([*self._world.hosts.values()])
        host.wall_offset_s += self._luck.choice((-86400.0, -3600.0, -1.0, 0.5, 3600.0))

    def _slow_disk(self) -> None:
        host = self._world.hosts["head"]
        host.disk_s = self._luck.choice((0.01, 0.1, 1.0))
        self._world.after(self._long(), lambda: setattr(host, "disk_s", 0.0))

    def _revoke(self) -> None:
        """One of several users; authorised again once everything of it was ended."""
        user, coordinator = self._luck.choice(self._sim.users), self._sim.coordinator
        if coordinator is not None and len(self._sim.users) > 1 and user not in self._sim.revoked:
            coordinator.revoke(user)
            self._world.after(REVOKED_S + self._long(), lambda: self._sim.revoked.discard(user))

    def _drain(self) -> None:
        host = self._luck.choice(list(self._world.hosts)[1:])
        if self._sim.coordinator is not None:
            self._sim.coordinator.drain(host, True)
            self._world.after(self._long(), lambda: self._undrain(host))

    def _undrain(self, host: str) -> None:
        """The operator looks whether it was of use."""
        coordinator = self._sim.coordinator
        if coordinator is not None:
            coordinator.drain(host, False)
        self._world.after(1.0, lambda: self._undrain_again(host))

    def _undrain_again(self, host: str) -> None:
        coordinator = self._sim.coordinator
        if coordinator is None or coordinator.is_frozen or host in coordinator.kept:
            self._undrain(host)

    def _signal(self) -> None:
        daemons = self._daemons()
        if daemons:
            self._luck.choice(daemons).interrupt()

    def _vanish(self) -> None:
        """A machine, for good; never the largest one, which some jobs may need."""
        hosts = [host for host in list(self._world.hosts.values())[1:] if host.is_up]
        hosts.remove(max(hosts, key=lambda host: host.cores))
        if hosts:
            host = self._luck.choice(hosts)
            host.is_up = False
            for process in list(host.processes):
                process.kill("its machine vanished")
