"""The decisions of a slave daemon: a pure machine from events to instructions, without I/O, processes or clocks.

A session's way:

    StartSession ─> waiting ─(nothing of older epochs lives)─> at work ─(StopSession, its own end, drain)─> SessionEnded

Rules
- There is one supervisor per session, and at most one epoch of a project at work. An older one is ended and what it
  left is swept before a newer one starts; one that comes too late is answered by SessionEnded.
- What supervisors hold is passed on as they say it, and said again to a coordinator that does not know. A session that
  is not here holds nothing: its limits are answered at once.
- Whether the coordinator is there or not, supervisors go on; only it can refuse this daemon, which ends everything.
- The first signal to leave drains: no session starts, supervisors start nothing and leave when all is done; after
  `drain_s` they are ended. The second ends everything at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ppg_cs.slave import instructions as do
from ppg_cs.slave.events import Connected, Elapsed, Ended, Event, Held, Interrupted, Swept, Unwanted
from ppg_cs.slave.instructions import Instruction, Tell
from ppg_protocol.cluster_messages import (
    EndOlder,
    HeldShare,
    Holding,
    Leaving,
    Limit,
    OlderEnded,
    Register,
    SessionEnded,
    StartSession,
    StopSession,
)

DRAINED, UNWANTED, JOBS_KILLED = 0, 3, 4
"""Exit codes, see `command`."""
STOP_S = 15.0
"""How long a supervisor may take to end what runs and to leave."""


@dataclass(slots=True)
class Seat:
    """A session on this machine. `at_work`: its supervisor was started; until then it waits for older ones to be gone.

    `held`: number, cores and bytes as the supervisor said last; `allowed`: cores and bytes of limits that it has not
    answered, at most. `kill_at`: set once it was told to end.
    """

    order: StartSession
    at_work: bool = False
    limit: Limit | None = None
    held: tuple[int, int, int] = (0, 0, 0)
    allowed: tuple[int, int] = (0, 0)
    kill_at: float | None = None


class SlaveCore:
    """State of one daemon. The shell performs the instructions in order."""

    def __init__(self, machine_id: str, cores: int, memory_bytes: int, drain_s: float, presence: str = "") -> None:
        self.machine_id = machine_id
        self.presence = presence
        self.cores = cores
        self.memory_bytes = memory_bytes
        self.seats: dict[str, Seat] = {}
        self.drain_until: float | None = None
        self._drain_s = drain_s
        self._exit_code = DRAINED
        self._pending: dict[str, list[StartSession | EndOlder]] = {}
        """By project: what waits until nothing of older epochs lives. Starts in it are seats that are not at work."""
        self._sweeping: dict[str, int] = {}
        """By project: how many of the pending ones the sweep that runs is for."""
        self._out: list[Instruction] = []
        self._handlers: dict[type, Callable[[Any, float], None]] = {
            StartSession: self._on_start,
            StopSession: self._on_stop,
            EndOlder: self._on_end_older,
            Limit: self._on_limit,
            Connected: self._on_connected,
            Unwanted: self._on_unwanted,
            Held: self._on_held,
            Ended: self._on_ended,
            Swept: self._on_swept,
            Interrupted: self._on_interrupted,
            Elapsed: self._on_elapsed,
        }

    def handle(self, event: Event, now: float) -> list[Instruction]:
        """What to do about an event."""
        self._out = []
        self._handlers[type(event)](event, now)
        if self.drain_until is not None and not self.seats:
            self._out.append(do.Leave(self._exit_code, "all sessions have ended"))
        return self._out

    def deadline(self) -> float | None:
        """When to send Elapsed if nothing else happens."""
        times = [seat.kill_at for seat in self.seats.values() if seat.kill_at is not None]
        if self.drain_until is not None and self._exit_code == DRAINED:
            times.append(self.drain_until)
        return min(times, default=None)

    # ------------------------------------------------------------------------------------------------ the coordinator

    def _on_connected(self, event: Connected, now: float) -> None:
        held = tuple(_held_share(seat) for seat in self.seats.values())
        facts = self.machine_id, self.cores, self.memory_bytes
        self._tell(Register(*facts, held, self.presence, event.neighbours))
        if self.drain_until is not None:
            self._tell(Leaving("it drains"))

    def _on_unwanted(self, event: Unwanted, now: float) -> None:
        self._out.append(do.Leave(UNWANTED, event.reason))

    def _on_start(self, order: StartSession, now: float) -> None:
        if order.session in self.seats:
            return
        if self.drain_until is not None:
            self._tell(SessionEnded(order.session, 0, "this machine drains"))
        elif any(order.epoch < epoch for epoch in self._epochs(order.project)):
            self._tell(SessionEnded(order.session, 0, "a newer run of this project is here"))
        else:
            self.seats[order.session] = Seat(order)
            self._wait(order, now)

    def _on_end_older(self, order: EndOlder, now: float) -> None:
        self._wait(order, now)

    def _on_stop(self, order: StopSession, now: float) -> None:
        seat = self.seats.get(order.session)
        if seat is None:
            self._tell(SessionEnded(order.session, 0, "it does not run here", is_absent=True))
        else:
            self._end(seat, order.reason, now)

    def _on_limit(self, limit: Limit, now: float) -> None:
        seat = self.seats.get(limit.session)
        if seat is None:
            self._tell(Holding(limit.session, limit.number, 0, 0))
            return
        seat.limit = limit
        if seat.at_work:
            self._pass(seat, limit)

    def _tell(self, message: do.Report) -> None:
        self._out.append(Tell(message))

    # -------------------------------------------------------------------------------------------------- older epochs

    def _epochs(self, project: str) -> list[int]:
        pending = [order.epoch for order in self._pending.get(project, ())]
        return pending + [seat.order.epoch for seat in self.seats.values() if seat.order.project == project]

    def _wait(self, order: StartSession | EndOlder, now: float) -> None:
        """Do it when nothing of older epochs lives; what is older and waits never starts."""
        self._pending.setdefault(order.project, []).append(order)
        for seat in [seat for seat in self.seats.values() if seat.order.project == order.project]:
            if seat.order.epoch < order.epoch:
                self._end(seat, "a newer run of this project has begun", now)
        self._sweep(order.project)

    def _sweep(self, project: str) -> None:
        pending = self._pending.get(project)
        if not pending or project in self._sweeping:
            return
        newest = max(order.epoch for order in pending)
        at_work = [seat.order for seat in self.seats.values() if seat.at_work]
        if not any(order.project == project and order.epoch < newest for order in at_work):
            self._sweeping[project] = len(pending)
            self._out.append(do.Sweep(project))

    def _on_swept(self, event: Swept, now: float) -> None:
        pending = self._pending.pop(event.project)
        count = self._sweeping.pop(event.project)
        if pending[count:]:
            self._pending[event.project] = pending[count:]
        for order in pending[:count]:
            if isinstance(order, EndOlder):
                self._tell(OlderEnded(order.project, order.epoch))
            elif order.session in self.seats and self.seats[order.session].order is order:
                self._begin(self.seats[order.session])
        self._sweep(event.project)

    def _begin(self, seat: Seat) -> None:
        seat.at_work = True
        self._out.append(do.Spawn(seat.order))
        if seat.limit is not None:
            self._pass(seat, seat.limit)

    def _pass(self, seat: Seat, limit: Limit) -> None:
        cores, memory_bytes = seat.allowed
        seat.allowed = max(cores, limit.cores), max(memory_bytes, limit.memory_bytes)
        self._out.append(do.PassLimit(limit))

    # -------------------------------------------------------------------------------------------------- supervisors

    def _on_held(self, event: Held, now: float) -> None:
        seat = self.seats.get(event.session)
        if seat is not None:
            seat.held = (event.number, event.cores, event.memory_bytes)
            if seat.limit is not None and event.number >= seat.limit.number:
                seat.allowed = (0, 0)
            self._tell(Holding(event.session, *seat.held))

    def _end(self, seat: Seat, reason: str, now: float) -> None:
        if not seat.at_work:
            self._forget(seat, 0, reason)
        elif seat.kill_at is None:
            seat.kill_at = now + STOP_S
            self._out.append(do.EndSession(seat.order.session, reason))

    def _forget(self, seat: Seat, pid: int, reason: str, is_hopeless: bool = False) -> None:
        del self.seats[seat.order.session]
        self._tell(SessionEnded(seat.order.session, pid, reason, is_hopeless))

    def _on_ended(self, event: Ended, now: float) -> None:
        seat = self.seats.get(event.session)
        if seat is not None:
            self._forget(seat, event.pid, event.reason, event.is_hopeless)
            self._sweep(seat.order.project)

    def _on_elapsed(self, event: Elapsed, now: float) -> None:
        for seat in self.seats.values():
            if seat.kill_at is not None and now >= seat.kill_at:
                seat.kill_at = now + STOP_S
                self._out.append(do.KillSession(seat.order.session))
        if self.drain_until is not None and now >= self.drain_until and self._exit_code == DRAINED:
            self._exit_code = JOBS_KILLED
            for seat in list(self.seats.values()):
                self._end(seat, f"this machine drains, and {self._drain_s:g} s have passed", now)

    def _on_interrupted(self, event: Interrupted, now: float) -> None:
        if self.drain_until is not None:
            self._out.append(do.Leave(JOBS_KILLED if self.seats else self._exit_code, "a second signal"))
            return
        self.drain_until = now + self._drain_s
        self._tell(Leaving("it drains"))
        for seat in list(self.seats.values()):
            if seat.at_work:
                self._out.append(do.DrainSession(seat.order.session))
            else:
                self._forget(seat, 0, "this machine drains")

    def sanity_check(self) -> None:
        """Cross-check the whole state; for tests."""
        at_work = [seat.order for seat in self.seats.values() if seat.at_work and seat.kill_at is None]
        for project in {order.project for order in at_work}:
            assert len({order.epoch for order in at_work if order.project == project}) == 1
        waiting = [seat.order for seat in self.seats.values() if not seat.at_work]
        assert all(order in self._pending[order.project] for order in waiting)
        assert set(self._sweeping) <= set(self._pending)
        assert all(seat.order.session == session for session, seat in self.seats.items())


def _held_share(seat: Seat) -> HeldShare:
    """At most: what was said, what was allowed since, or what the newest limit allows, be it that nothing runs yet."""
    limit, order = seat.limit, seat.order
    newest = (limit.cores, limit.memory_bytes) if limit is not None else (0, 0)
    number, *said = seat.held
    cores, memory_bytes = map(max, said, seat.allowed, newest)
    return HeldShare(order.session, order.epoch, order.project, number, cores, memory_bytes)
