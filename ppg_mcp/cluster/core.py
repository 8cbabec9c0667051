"""Which machines work for this run, and when one is lost: a pure machine from events to instructions.

A machine's way:

    share ─> (the slave starts a supervisor) ─> came: Prepare and all parts of the task stream are sent
          ─> Ready, and it fits ─> attached: what may be sent there is granted
          ─> quiet: nothing is granted, but nothing is lost either ─> heard again: granted again
          ─> lost: quiet for lease and margin; or it, or its slave, says that it has ended; or another one comes

Rules
- A supervisor ends its jobs when its lease is over, counted from when it sent what we acknowledged last. We count from
  when we heard of it last, which is later, and add a margin: so nothing of it runs when its jobs start elsewhere.
- One that says farewell runs nothing any more, and is lost at once.
- One whose link has ended, because it is unfit or spoke nonsense, is told to leave, but may not hear it: it is lost
  when its slave says that it has ended, or by the same time.
- Whose Python, cloudpickle or engine differs, or says Unfit, or whose slave says that it is hopeless, is dismissed and
  not asked for again. The user is told once, with the facts of both.
- Machines that an earlier run of the project used, and that may still run something of it, are waited for: until the
  coordinator says that they are cleared, or for lease and margin. Until then nothing is sent to anybody.
- The coordinator may come and go: shares stay as they were last decided. One that does not know us is told everything.
- Data is part of the demand before it is loaded, if it was declared how large it is: else it might never find room in a
  share that was made without it. If not, as soon as it was measured on one machine.
- What no machine can give that was there within LARGEST_LEASES leases is bounded (see `largest`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ppg_coordinator.words import listing
from ppg_protocol.cluster_messages import (
    Cleared,
    Exclude,
    Farewell,
    OpenSession,
    Prepare,
    Share,
    Shares,
    SupervisorEnded,
    Unfit,
)
from ppg_protocol.codec import Message
from ppg_protocol.messages import Define, Heartbeat, Ready
from ppg_protocol.records import Blob

from ..dispatcher import LargestMachines, MachineShare
from .comparison import differences, misfit, skew
from .demand import DemandStatement
from .events import (
    Bound,
    CoordinatorCame,
    CoordinatorQuiet,
    CoordinatorSaid,
    Demanded,
    Dismiss,
    Elapsed,
    Event,
    Generated,
    Grant,
    Instruction,
    Pass,
    PeerBack,
    PeerCame,
    PeerQuiet,
    PeerRefused,
    PeerSaid,
    Say,
    ToCoordinator,
    ToPeer,
)
from .largest import LargestLately
from .loss import Lose

LARGEST_LEASES = 5
"""So long a machine may be away before jobs that only it can run fail."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What does not change during a run. `us`: our facts as a Ready. `older`: machine ids that an earlier run used."""

    open_session: OpenSession
    prepare: Prepare
    parts: Sequence[bytes]
    us: Ready
    older: frozenset[str]
    lease_s: float
    margin_s: float


@dataclass(slots=True)
class Supervisor:
    """A supervisor. `ready` once it fits. `quiet_since`: not heard of since then. `abandoned`: why its link ended."""

    peer: bytes
    host: str
    ready: Ready | None = None
    quiet_since: float | None = None
    abandoned: str = ""
    data_bytes: int = 0


@dataclass(slots=True)
class ClusterCore:
    """See the module. `handle` takes events in."""

    surroundings: Surroundings
    started: float
    supervisors: dict[bytes, Supervisor] = field(default_factory=dict)
    attached: dict[str, Supervisor] = field(default_factory=dict)
    """By machine id; invariant: `ready`, and in `supervisors`."""
    shares: dict[str, Share] = field(default_factory=dict)
    note: str = ""
    """Why there is not more, as the coordinator said last."""
    awaited: set[str] = field(default_factory=set)
    """Machines that may still run something of an earlier run."""
    excluded: dict[str, str] = field(default_factory=dict)
    """Machines that do not fit, and why."""
    _generated: list[Define] = field(default_factory=list)
    """Parts of generators, for machines that come later."""
    demanded: Mapping[tuple[int, int, int], int] = field(default_factory=dict)
    _demand: DemandStatement = field(default_factory=DemandStatement)
    _connected: bool = False
    _largest: LargestLately = field(init=False)
    _warned: set[tuple[str, str]] = field(default_factory=set)
    _out: list[Instruction] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.awaited = set(self.surroundings.older)
        self._largest = LargestLately(LARGEST_LEASES * self.surroundings.lease_s)

    @property
    def is_introduced(self) -> bool:
        """Has a coordinator been told of us?"""
        return self._demand.stated is not None

    @property
    def is_clear(self) -> bool:
        """May jobs be started?"""
        return not self.awaited

    @property
    def waits_for(self) -> str:
        """Why there are no machines, or no more of them; empty if nothing is known."""
        if not self.is_clear:
            return "waits until nothing of the last run, which was killed, runs any more on its machines"
        if not self._connected and not self.attached:
            return "waits for the coordinator, which is not heard of"
        if self.shares and not self.attached:
            return f"waits for supervisors to begin on {listing([share.host for share in self.shares.values()])}"
        return self.note

    def handle(self, event: Event, now: float) -> list[Instruction]:
        """What to do about an event."""
        self._out = []
        match event:
            case CoordinatorCame(host):
                self._introduce(host, now)
            case CoordinatorSaid(message):
                self._on_coordinator(message, now)
            case CoordinatorQuiet(back):
                self._connected = back
                words = "is back" if back else "is not heard of; the run goes on with the machines that it has"
                self._say(f"the coordinator {words}", warning=True)
            case PeerCame(peer, host):
                self._on_came(peer, host)
            case PeerSaid():
                self._on_said(event, now)
            case PeerQuiet(peer, since):
                self._on_quiet(peer, since)
            case PeerBack(peer):
                self._on_back(peer)
            case PeerRefused(peer, reason):
                self._say(reason, warning=True)
                self._abandon(peer, reason, now)
            case Demanded(counts):
                self.demanded = counts
                self._state(now)
            case Generated():
                self._on_generated(event)
            case Elapsed():
                pass
        self._on_time(now)
        return self._out

    def deadline(self) -> float | None:
        """When to send Elapsed at the latest."""
        times = [s.quiet_since + self._patience_s for s in self.supervisors.values() if s.quiet_since is not None]
        if self.awaited:
            times.append(self.started + self._patience_s)
        if self._demand.at is not None and self._connected:
            times.append(self._demand.at)
        if self._largest.deadline < math.inf:
            times.append(self._largest.deadline)
        return min(times, default=None)

    @property
    def _patience_s(self) -> float:
        return self.surroundings.lease_s + self.surroundings.margin_s

    def _on_time(self, now: float) -> None:
        for supervisor in list(self.supervisors.values()):
            if supervisor.quiet_since is not None and now >= supervisor.quiet_since + self._patience_s:
                silence = f"{supervisor.host} was not heard of for {now - supervisor.quiet_since:.0f} s"
                self._out.append(Dismiss(supervisor.peer, f"{silence}; its jobs were given to others"))
                self._drop(supervisor.peer, supervisor.abandoned or silence)
        if self.awaited and now >= self.started + self._patience_s:
            self._say(f"machines {sorted(self.awaited)} did not answer; the leases that they had are over")
            self.awaited.clear()
        if self._demand.at is not None and now >= self._demand.at:
            self._state(now)
        largest = self._largest.due(now)
        if largest is not None:
            self._out.append(Bound(LargestMachines(largest)))

    # ---------------------------------------------------------------------------------------------------- coordinator

    def _introduce(self, host: str, now: float) -> None:
        self._connected = True
        self._say(f"connected to the coordinator on {host}")
        excludes = [Exclude(machine, reason) for machine, reason in self.excluded.items()]
        self._out.append(ToCoordinator([self.surroundings.open_session, *excludes]))
        self._demand.forget()
        self._state(now)

    def _on_coordinator(self, message: Message, now: float) -> None:
        match message:
            case Shares():
                self._on_shares(message, now)
            case Cleared(machine, _):
                self.awaited.discard(machine)
            case SupervisorEnded():
                self._on_supervisor_ended(message)
            case Heartbeat():
                pass
            case _:
                self._say(f"the coordinator sent a {type(message).__name__}, which masters do not take", warning=True)

    def _on_supervisor_ended(self, ended: SupervisorEnded) -> None:
        attached = self.attached.get(ended.machine_id)
        if attached is not None and attached.ready is not None and attached.ready.pid == ended.pid:
            self._drop(attached.peer, f"the supervisor on {ended.host} (pid {ended.pid}) has ended: {ended.reason}")
        if ended.is_hopeless and ended.machine_id not in self.excluded:
            self._exclude(ended.host, ended.machine_id, ended.reason)

    def _on_shares(self, message: Shares, now: float) -> None:
        self.note = message.note
        self._largest.hear(tuple((size.cores, size.memory_bytes) for size in message.largest), now)
        if not message.is_decided:
            return
        before, self.shares = self.shares, {share.machine_id: share for share in message.machines}
        for machine in before.keys() | self.shares.keys():
            if before.get(machine) != self.shares.get(machine):
                self._grant(machine)

    def _state(self, now: float) -> None:
        """Tell the coordinator what we want, if it is there."""
        if self._connected:
            loaded = {machine: s.data_bytes for machine, s in self.attached.items() if s.data_bytes}
            self._demand.counts, self._demand.loaded = self.demanded, loaded
            demand = self._demand.due(now)
            if demand is not None:
                self._out.append(ToCoordinator([demand]))

    # ---------------------------------------------------------------------------------------------------- supervisors

    def _on_came(self, peer: bytes, host: str) -> None:
        self._drop(peer, f"another supervisor has taken its place on {host}")
        self.supervisors[peer] = Supervisor(peer, host)
        parts = self.surroundings.parts
        prepare = replace(self.surroundings.prepare, parts=len(parts) + len(self._generated))
        base = [Define(0, (), Blob(part), number) for number, part in enumerate(parts)]
        self._out.append(ToPeer(peer, [prepare, *base, *self._generated]))

    def _on_said(self, said: PeerSaid, now: float) -> None:
        supervisor, message = self.supervisors.get(said.peer), said.message
        if supervisor is None or supervisor.abandoned:
            return
        if isinstance(message, Ready):
            self._on_ready(supervisor, message, said.wall_ns, now)
        elif isinstance(message, Unfit):
            self._dismiss(supervisor, message.machine_id, message.reason, now)
        elif isinstance(message, Farewell):
            self._drop(said.peer, f"its supervisor on {supervisor.host} has ended: {message.reason}")
        elif supervisor.ready is not None:
            if isinstance(message, Heartbeat) and message.data_bytes != supervisor.data_bytes:
                supervisor.data_bytes = message.data_bytes
                self._state(now)
            self._out.append(Pass(supervisor.ready.machine_id, message))

    def _on_ready(self, supervisor: Supervisor, ready: Ready, wall_ns: int, now: float) -> None:
        machine, us = ready.machine_id, self.surroundings.us
        reason = misfit(us, ready)
        if reason is not None:
            self._dismiss(supervisor, machine, reason, now)
            return
        older = self.attached.get(machine)
        if older is not None and older is not supervisor:
            reason = f"another supervisor has taken its place on {ready.host}"
            self._out.append(Dismiss(older.peer, reason))
            self._drop(older.peer, reason)
        supervisor.ready = ready
        self.attached[machine] = supervisor
        self.awaited.discard(machine)
        for text in (skew(us.host, ready, wall_ns), differences(us.distributions, ready)):
            self._warn_once(ready.host, text)
        self._out.append(Pass(machine, ready))
        self._grant(machine)

    def _on_quiet(self, peer: bytes, since: float) -> None:
        supervisor = self.supervisors.get(peer)
        if supervisor is not None and not supervisor.abandoned:
            supervisor.quiet_since = since
            self._say(f"{supervisor.host} is not heard of; nothing is sent there until it is", warning=True)
            self._grant_again(supervisor)

    def _on_back(self, peer: bytes) -> None:
        supervisor = self.supervisors.get(peer)
        if supervisor is not None and not supervisor.abandoned:
            supervisor.quiet_since = None
            self._say(f"{supervisor.host} is heard again", warning=True)
            self._grant_again(supervisor)

    def _drop(self, peer: bytes, reason: str) -> None:
        """This supervisor is over."""
        supervisor = self.supervisors.pop(peer, None)
        if supervisor is None or supervisor.ready is None:
            return
        machine = supervisor.ready.machine_id
        if self.attached.get(machine) is supervisor:
            del self.attached[machine]
            self._out.append(Lose(machine, supervisor.host, reason))

    def _abandon(self, peer: bytes, reason: str, now: float) -> None:
        """Its link has ended, but what runs there may not have."""
        supervisor = self.supervisors.get(peer)
        if supervisor is not None and supervisor.ready is not None:
            supervisor.abandoned = reason
            supervisor.quiet_since = now if supervisor.quiet_since is None else supervisor.quiet_since
            self._grant(supervisor.ready.machine_id)
        else:
            self._drop(peer, reason)

    def _dismiss(self, supervisor: Supervisor, machine: str, reason: str, now: float) -> None:
        self._out.append(Dismiss(supervisor.peer, reason))
        self._abandon(supervisor.peer, reason, now)
        self._exclude(supervisor.host, machine, reason)

    def _exclude(self, host: str, machine: str, reason: str) -> None:
        self._say(f"{host} can't work for this run: {reason}", warning=True)
        self.excluded[machine] = reason
        if self._connected:
            self._out.append(ToCoordinator([Exclude(machine, reason)]))

    def _grant_again(self, supervisor: Supervisor) -> None:
        if supervisor.ready is not None:
            self._grant(supervisor.ready.machine_id)

    def _grant(self, machine: str) -> None:
        """Say what may be sent there now."""
        supervisor, share = self.attached.get(machine), self.shares.get(machine)
        if supervisor is None or supervisor.ready is None:
            return
        total = supervisor.ready.cores, supervisor.ready.memory_bytes
        if share is not None:
            total = share.total_cores, share.total_memory_bytes
        cores = memory_bytes = 0
        if share is not None and supervisor.quiet_since is None:
            cores, memory_bytes = share.cores, share.memory_bytes
        self._out.append(Grant(MachineShare(machine, cores, memory_bytes, *total)))

    def _on_generated(self, event: Generated) -> None:
        """The machine that made them keeps what it has; the others get it."""
        part = len(self.surroundings.parts) + len(self._generated)
        made = Define(0, event.jobs, Blob(event.chunk), part)
        self._generated.append(made)
        origin = self.attached.get(event.machine)
        for supervisor in self.supervisors.values():
            define = Define(event.attempt, event.jobs, Blob(b""), part) if supervisor is origin else made
            self._out.append(ToPeer(supervisor.peer, [define]))

    # ---------------------------------------------------------------------------------------------------------- words

    def _say(self, text: str, warning: bool = False) -> None:
        self._out.append(Say(text, warning))

    def _warn_once(self, host: str, text: str | None) -> None:
        if text is not None and (host, text) not in self._warned:
            self._warned.add((host, text))
            self._say(text, warning=True)

    def sanity_check(self) -> None:
        """Cross-check the state; for tests and simulations."""
        for machine, supervisor in self.attached.items():
            assert supervisor.ready is not None, supervisor
            assert supervisor.ready.machine_id == machine, (machine, supervisor)
            assert self.supervisors[supervisor.peer] is supervisor, supervisor
            assert machine not in self.excluded or supervisor.ready is not None
