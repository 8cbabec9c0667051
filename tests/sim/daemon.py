"""A ppg-slave daemon: the real core and link, simulated supervisors. Turns are those of `ppg_cs.slave.daemon`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ppg_cs.slave import events as on
from ppg_cs.slave import exits
from ppg_cs.slave import instructions as do
from ppg_cs.slave.cluster_events import Drain
from ppg_cs.slave.core import SlaveCore
from ppg_protocol.cluster_messages import StartSession
from ppg_protocol.link import SERVER, ClientLink, Delivery
from ppg_protocol.messages import Heartbeat, Shutdown
from ppg_protocol.session import Timing
from ppg_protocol.session_events import Deliver, Established, HeartbeatDue, PeerReturned, PeerSilent, Refused

from . import links
from .supervisor import Supervisor
from .world import Host, Process

if TYPE_CHECKING:
    from .simulation import Simulation

SERVED_HEARTBEATS = 30
GRACE, LEAST_GRACE_S = 0.15, 0.5
LEAVE_S = 2.0


class Daemon(Process):
    """See the module. `restarts`: does somebody start it again when it leaves?"""

    def __init__(self, sim: Simulation, host: Host, user: str, cores: int, memory_bytes: int) -> None:
        super().__init__(sim.world, host, user, f"{user}@{host.name}")
        self.sim = sim
        self.cores, self.memory_bytes = cores, memory_bytes
        self.core = SlaveCore(host.name, cores, memory_bytes, sim.options.drain_s, str(self.pid))
        self.children: dict[str, Supervisor] = {}
        self.leases: dict[str, float] = {}
        self._connected_at = self.now
        self._connected = False
        self._refusal: str | None = None
        self._leave_at: float | None = None
        self._sweep_all()
        self.link = self._connect()
        self.wake()

    def _sweep_all(self) -> None:
        for left in [one for one in self.host.processes if isinstance(one, Supervisor) and one.user == self.user]:
            left.kill("was left by a dead daemon")

    def _connect(self) -> ClientLink:
        options = self.sim.options
        greeting = links.hello(self, "slave", links.COORDINATOR, 0)
        timing = Timing(options.heartbeat_s, options.silence_s)
        return links.client(self.sim.network, self, "ipc://coordinator", greeting, timing)

    @property
    def is_heard(self) -> bool:
        """As far as it knows, and is awake."""
        return self._connected and links.is_connected(self.link) and not self.is_frozen

    # --------------------------------------------------------------------------------------------------------- turns

    def deadline(self) -> float | None:
        """See Process."""
        leases = [until + self._grace_s for until in self.leases.values()]
        times = [self.link.deadline(), self.core.deadline(), self._leave_at, *leases]
        return min((at for at in times if at is not None and at < math.inf), default=None)

    @property
    def _grace_s(self) -> float:
        return max(LEAST_GRACE_S, GRACE * self.sim.options.lease_s)

    def play(self) -> None:
        """See Process."""
        if self._leave_at is not None:
            self._say_farewell()
            return
        for delivery in [*self.link.receive(self.now), *self.link.tick(self.now)]:
            self._on_delivery(delivery)
        if self._refusal is not None:
            self._on_refusal(self._refusal)
        self.take_posted()
        for session, until in list(self.leases.items()):
            if self.now >= until + self._grace_s:
                self.world.count("supervisors that outlived their lease")
                self.leases[session] = math.inf
                self.children[session].kill("does not keep to its lease")
        deadline = self.core.deadline()
        if deadline is not None and self.now >= deadline:
            self.handle(on.Elapsed())
        self.core.sanity_check()
        self.sim.judge.bounded(self, [self.link.session()])

    def _on_delivery(self, delivery: Delivery) -> None:
        match delivery.what:
            case Deliver(messages, _):
                for message in messages:
                    if not isinstance(message, Heartbeat):
                        self.handle(message)
            case HeartbeatDue():
                self.link.send(SERVER, [Heartbeat((), (), 0)], self.now)
            case Established():
                self._connected, self._connected_at = True, self.now
                self.handle(on.Connected(self._neighbours()))
            case PeerSilent():
                self._connected = False
            case PeerReturned():
                self._connected = True
            case Refused(reason):
                self._refusal = reason

    def _neighbours(self) -> tuple[str, ...]:
        if self.sim.options.apart:
            return ()
        others = (one for one in self.host.processes if isinstance(one, Daemon) and one is not self)
        return tuple(str(other.pid) for other in others)

    def _on_refusal(self, reason: str) -> None:
        self._refusal = None
        links.refused(self, reason)
        self.world.count("daemons refused")
        if self.now < self._connected_at + SERVED_HEARTBEATS * self.sim.options.heartbeat_s:
            self.handle(on.Unwanted(reason))
            return
        self._connected, self._connected_at = False, self.now
        self.link.close()
        self.link = self._connect()

    def _say_farewell(self) -> None:
        self.take_posted()
        self.link.receive(self.now)
        self.link.tick(self.now)
        session = self.link.session()
        assert session is not None
        assert self._leave_at is not None
        owes = session.outbox.first_kept <= session.outbox.sent
        if not owes or not self._connected or self.now >= self._leave_at:
            self.kill("leaves")

    # ---------------------------------------------------------------------------------------------------------- core

    def handle(self, event: Any) -> None:
        """An event for the core."""
        if self.alive and self._leave_at is None:
            for instruction in self.core.handle(event, self.now):
                self._perform(instruction)

    def _perform(self, i: do.Instruction) -> None:
        match i:
            case do.Tell(message):
                self.link.send(SERVER, [message], self.now)
            case do.Spawn(order):
                self._spawn(order)
            case do.PassLimit(limit):
                self._order(limit.session, limit)
            case do.DrainSession(session):
                self._order(session, Drain())
            case do.EndSession(session, reason):
                self._order(session, Shutdown(reason))
            case do.KillSession(session):
                if session in self.children:
                    self.children[session].kill("does not leave")
            case do.Sweep(project):
                self._later(0.05, lambda: self.handle(on.Swept(project)))
            case do.Leave(_, reason):
                self.note(f"leaving: {reason}")
                self._end_children()
                self._leave_at = self.now + LEAVE_S
                self.link.ask_for_acknowledgement(self.now)

    def _spawn(self, order: StartSession) -> None:
        self.note(f"spawns {order.session}")
        self.children[order.session] = Supervisor(self.sim, self, order)

    def _order(self, session: str, order: Any) -> None:
        child = self.children.get(session)
        if child is not None and child.alive:
            self.world.after(1e-4, lambda: child.on_order(order))

    def _later(self, mean_s: float, what: Any) -> None:
        self.world.after(self.world.luck.expovariate(1.0) * mean_s + 1e-4, lambda: self.post(what))

    def interrupt(self) -> None:
        """SIGTERM."""
        self.post(lambda: self.handle(on.Interrupted()))

    # --------------------------------------------------------------------------------------------------- supervisors

    def hear_lease(self, child: Supervisor, until: float) -> None:
        """It says how long its lease is."""
        session = child.order.session

        def heard() -> None:
            if self.children.get(session) is child and child.alive:
                self.leases[session] = until

        self.post(heard)

    def hear_held(self, child: Supervisor, *held: int) -> None:
        """It says what it holds."""
        self.post(lambda: self.handle(on.Held(child.order.session, *held)))

    def supervisor_died(self, child: Supervisor) -> None:
        """Its remains are swept before that counts."""
        session = child.order.session
        words = exits.words((child.exit_code or 0) << 8 if child.exit_code is not None else 9)

        def ended() -> None:
            if self.children.get(session) is child:
                del self.children[session]
            self.handle(on.Ended(session, child.pid, words))

        def reaped() -> None:
            self.leases.pop(session, None)
            self._later(0.05, ended)

        if self.alive:
            self.post(reaped)

    def _end_children(self) -> None:
        for child in list(self.children.values()):
            child.kill("its daemon goes")

    def on_death(self) -> None:
        """See Process."""
        for child in self.children.values():
            child.orphan()
        self.sim.daemon_died(self)
