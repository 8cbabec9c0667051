"""The parts of a simulated cluster: machines and masters, made of the real cores around virtual time.

What is not real: supervisors keep to their limits by the real bookkeeping (`Admission`), but jobs are only a runtime.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any, Protocol

from cluster_trace import Tally

from ppg_cs.admission import Admission
from ppg_cs.slave import events as on_slave
from ppg_cs.slave import instructions as do
from ppg_cs.slave.core import SlaveCore
from ppg_mcp.cluster import events as on
from ppg_mcp.cluster.core import ClusterCore, Surroundings
from ppg_mcp.dispatcher import Dispatch, Dispatcher, Ended, MachineShare, Offer, Retracted, Withdrawn
from ppg_protocol.cluster_messages import CloseSession, Limit, OpenSession, Prepare
from ppg_protocol.codec import Message
from ppg_protocol.messages import Ready

GB = 1 << 30
CORES, MEMORY_BYTES, SLOTS = 64, 256 * GB, 1024
LEASE_S, MARGIN_S, DRAIN_S = 60.0, 15.0, 600.0
LATENCY_S, TURN_S, SWEEP_S, SPAWN_S = 0.001, 0.05, 0.05, 1.0
MEAN_RUNTIME_S, STAGES = 5.0, 4
MIXES: tuple[tuple[tuple[int, int, float], ...], ...] = (
    ((1, 0, 1.0),),
    ((1, 0, 0.8), (4, 8 * GB, 0.2)),
    ((2, 16 * GB, 0.8), (8, 0, 0.2)),
    ((1, GB, 0.97), (16, 64 * GB, 0.03)),
)
"""Cores, memory and part of the jobs; a pipegraph has one of these mixes, and every tenth has wide jobs, too."""
WIDE = 3
PREPARE = Prepare("/data", "/data/n", b"n", "/usr/bin/python3", "/data", 0o22, (), (), (), "", 0)
US = Ready("head", "head", 1, CORES, MEMORY_BYTES, "3.12.1", "1.0", "3.1", "/usr/bin/python3")


class Stage(Protocol):
    """What parts need of the simulation."""

    now: float
    tally: Tally

    def after(self, seconds: float, what: Callable[[], None]) -> None: ...

    def to_coordinator(self, peer: bytes, message: Message) -> None: ...

    def seat(self, machine: str, session: str) -> Seat | None: ...

    def master(self, session: str) -> Master | None: ...


class Machine:
    """A ppg-slave: the real core; its supervisors are seats."""

    def __init__(self, stage: Stage, number: int) -> None:
        self.name, self.peer = f"node{number:04}", b"d%04d" % number
        self._stage = stage
        self._core = SlaveCore(self.name, CORES, MEMORY_BYTES, DRAIN_S)
        self.seats: dict[str, Seat] = {}

    def handle(self, event: Any) -> None:
        for instruction in self._core.handle(event, self._stage.now):
            match instruction:
                case do.Tell(message):
                    self._stage.to_coordinator(self.peer, message)
                case do.Sweep(project):
                    self._stage.after(SWEEP_S, lambda project=project: self.handle(on_slave.Swept(project)))
                case do.Spawn(order):
                    self.seats[order.session] = Seat(self._stage, self, order.session)
                case do.PassLimit(limit):
                    self.seats[limit.session].limit(limit)
                case do.EndSession(session, reason):
                    del self.seats[session]
                    ended = on_slave.Ended(session, 1, reason)
                    self._stage.after(SWEEP_S, lambda ended=ended: self.handle(ended))
                case _:
                    raise AssertionError(instruction)


class Seat:
    """A supervisor: starts what it was sent in that order, within its limit."""

    def __init__(self, stage: Stage, machine: Machine, session: str) -> None:
        self._stage, self._machine, self._session = stage, machine, session
        self._admission = Admission(CORES, MEMORY_BYTES, SLOTS)
        self._admission.limit(0, 0)
        self._waiting: dict[int, tuple[Dispatch, float]] = {}
        self._number = 0
        self._said: tuple[int, int] | None = None
        stage.after(SPAWN_S, self._ready)

    def _ready(self) -> None:
        master = self._stage.master(self._session)
        if master is not None:
            master.attach(self._machine.name)

    def limit(self, limit: Limit) -> None:
        self._number, self._said = limit.number, None
        self._admission.limit(limit.cores, limit.memory_bytes)
        self._go_on()

    def run(self, dispatch: Dispatch, runtime_s: float) -> None:
        self._waiting[dispatch.attempt] = dispatch, runtime_s
        self._go_on()

    def retract(self, attempt: int) -> bool:
        """Was it not started?"""
        return self._waiting.pop(attempt, None) is not None

    def _go_on(self) -> None:
        admission = self._admission
        while self._waiting:
            dispatch, runtime_s = next(iter(self._waiting.values()))
            got = admission.grant(dispatch.cores, dispatch.memory_bytes, 0)
            if not got:
                break
            del self._waiting[dispatch.attempt]
            slot = admission.take(got, dispatch.memory_bytes)
            self._stage.after(runtime_s, lambda d=dispatch, g=got, s=slot, r=runtime_s: self._ended(d, g, s, r))
        self._say_holding()

    def _ended(self, dispatch: Dispatch, got: int, slot: int, runtime_s: float) -> None:
        self._admission.give_back(slot, got, dispatch.memory_bytes)
        master = self._stage.master(self._session)
        if master is not None:
            self._stage.after(LATENCY_S, lambda: master.ended(dispatch, runtime_s))
        self._go_on()

    def _say_holding(self) -> None:
        if self._machine.seats.get(self._session) is not self:
            return
        taken = self._admission
        held = max(taken.limit_cores, taken.cores_taken), max(taken.limit_bytes, taken.memory_taken)
        if held != self._said:
            self._said = held
            self._machine.handle(on_slave.Held(self._session, self._number, *held))


class Master:
    """A pipegraph's run: the real cores for shares and for sending jobs. `spent_s`: CPU time of the dispatcher."""

    def __init__(self, stage: Stage, number: int, jobs: int, chance: Random) -> None:
        self.session, self.peer = f"{number:032x}", b"m%04d" % number
        self._stage, self._chance = stage, chance
        opened = OpenSession(self.session, 1, f"/data/users/project{number:04}", f"tcp://10.0.0.1:{20000 + number}")
        self.core = ClusterCore(Surroundings(opened, PREPARE, (), US, frozenset(), LEASE_S, MARGIN_S), stage.now)
        self.dispatcher = Dispatcher(patient=True)
        self.spent_s = 0.0
        self.left = jobs
        self._inbox: list[Any] = []
        self._shapes = _jobs(number, jobs, chance)
        staged = number % 2
        self._behind = deque(range(jobs // STAGES, jobs)) if staged else deque[int]()
        """Jobs of which each is ready when another one has ended."""
        self._inbox += [self._offer(job) for job in range(jobs - len(self._behind))]
        self._turn_planned = self._is_closed = False

    def _offer(self, job: int) -> Offer:
        cores, memory_bytes = self._shapes[job]
        return Offer(job, cores, memory_bytes, (), (job,))

    def open(self) -> None:
        self._cluster(on.CoordinatorCame("head"))
        self._plan_turn()

    def said(self, message: Message) -> None:
        self._cluster(on.CoordinatorSaid(message))

    def attach(self, machine: str) -> None:
        peer = machine.encode()
        self._cluster(on.PeerCame(peer, machine))
        self._cluster(on.PeerSaid(peer, replace(US, machine_id=machine, host=machine)))

    def ended(self, dispatch: Dispatch, runtime_s: float) -> None:
        self._inbox.append(Ended(dispatch.attempt, runtime_s))
        if self._behind:
            self._inbox.append(self._offer(self._behind.popleft()))
        self.left -= 1
        self._stage.tally.job_ended(self._stage.now)
        self._plan_turn()

    def _cluster(self, event: on.Event) -> None:
        for instruction in self.core.handle(event, self._stage.now):
            match instruction:
                case on.ToCoordinator(messages):
                    for message in messages:
                        self._stage.to_coordinator(self.peer, message)
                case on.Grant(share):
                    self._inbox.append(share)
                    self._plan_turn()
        deadline = self.core.deadline()
        if deadline is not None:
            self._stage.after(max(0.0, deadline - self._stage.now), lambda: self._elapsed(deadline))

    def _elapsed(self, deadline: float) -> None:
        if self.core.deadline() == deadline and self.left:
            self._cluster(on.Elapsed())

    def withdraw(self) -> None:
        """Nothing more is begun: only what was sent, and has not ended, is still to be done."""
        out = set(self.dispatcher.job_of.values())
        offered = [one.job for one in self._inbox if isinstance(one, Offer)]
        self._inbox += map(Withdrawn, sorted({*self.dispatcher.offers, *offered} - out))
        self._behind.clear()
        self.left = len(out) - sum(isinstance(one, Ended) for one in self._inbox)
        self._plan_turn()

    # --------------------------------------------------------------------------------------------------------- turns

    def _plan_turn(self) -> None:
        if not self._turn_planned:
            self._turn_planned = True
            self._stage.after(TURN_S, self._play)

    def _play(self) -> None:
        """One turn of the run loop: all that has come, then what is to be sent, taken back and wanted."""
        self._turn_planned = False
        inbox, self._inbox = self._inbox, []
        dispatcher, began = self.dispatcher, time.thread_time()
        retracted: list[tuple[str, int]] = []
        for event in inbox:
            dispatcher.handle(event, self._stage.now)
            if isinstance(event, MachineShare):
                retracted += [(event.machine, attempt) for attempt in dispatcher.surplus(event.machine, ())]
        dispatches = dispatcher.dispatch()
        retracted += dispatcher.to_steal(())
        counts = dict(dispatcher.demand)
        self.spent_s += time.thread_time() - began
        for dispatch in dispatches:
            self._send(dispatch)
        for machine, attempt in retracted:
            self._stage.after(LATENCY_S, lambda machine=machine, attempt=attempt: self._retract(machine, attempt))
        if counts != self.core.demanded:
            self._cluster(on.Demanded(counts))
        if not self.left and not self._is_closed:
            self._is_closed = True
            self._stage.to_coordinator(self.peer, CloseSession(self.session))

    def _send(self, dispatch: Dispatch) -> None:
        runtime_s = self._chance.lognormvariate(0.0, 0.5) * MEAN_RUNTIME_S / 1.133
        self._stage.after(LATENCY_S, lambda: self._stage.seat(dispatch.machine, self.session).run(dispatch, runtime_s))

    def _retract(self, machine: str, attempt: int) -> None:
        seat = self._stage.seat(machine, self.session)
        if seat is not None and seat.retract(attempt):
            self._inbox.append(Retracted(attempt))
            self._plan_turn()


def _jobs(number: int, jobs: int, chance: Random) -> list[tuple[int, int]]:
    """Cores and memory of each job."""
    mix = MIXES[number // 2 % len(MIXES)]
    shapes = [(cores, memory_bytes) for cores, memory_bytes, _ in mix]
    found = chance.choices(shapes, [part for *_, part in mix], k=jobs)
    if number % 10 == 0:
        found[:: max(1, jobs // WIDE)] = [(-2, 0)] * len(found[:: max(1, jobs // WIDE)])
    return found
