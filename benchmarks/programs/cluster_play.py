"""A cluster in virtual time: cluster_play.py MACHINES PIPEGRAPHS JOBS STRETCH_S TRACE

The real cores of coordinator, slaves and masters; what is said to and by the coordinator travels encoded. PIPEGRAPHS
arrive one after the other, with all JOBS. STRETCH_S after the last one everything that was not yet sent is withdrawn:
what goes on is the end. What the coordinator heard goes into TRACE, for cluster_replay.
Heartbeats are left out: they are the replay's, and change nothing.

Says what the dispatchers cost, and how the messages are spread over time.
"""

from __future__ import annotations

import gc
import heapq
import sys
from collections.abc import Callable
from itertools import count
from random import Random
from typing import BinaryIO

import engines
from cluster_parts import LATENCY_S, Machine, Master, Seat
from cluster_trace import ARRIVED, FIRST_NUMBER, SPOKE, TICKED, Recorder, Tally

from ppg_coordinator.core import Coordinator
from ppg_coordinator.core.events import Log, PeerArrived, PeerSpoke, Tell, Ticked
from ppg_cs.slave.events import Connected
from ppg_protocol.cluster_messages import CloseSession
from ppg_protocol.codec import Message
from ppg_protocol.envelope import seal, unseal

ARRIVE_S = 20.0
SETTLE_S = 10.0
PATIENCE_S = 86_400.0


class Play:
    """Events in the order of their times, until every job has ended."""

    def __init__(self, trace: BinaryIO, seed: int = 1) -> None:
        self.now = 0.0
        self.chance = Random(seed)
        self.machines: dict[str, Machine] = {}
        self.masters: dict[str, Master] = {}
        self._peers: dict[bytes, Machine | Master] = {}
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()
        self._coordinator = Coordinator(0.0, first_number=FIRST_NUMBER)
        self._recorder, self.tally, self.told = Recorder(trace), Tally(), 0
        self._tick_at: float | None = None

    def after(self, seconds: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self.now + seconds, next(self._numbers), what))

    def run(self) -> None:
        while self._queue:
            self.now, _, what = heapq.heappop(self._queue)
            assert self.now < PATIENCE_S, f"{sum(master.left for master in self.masters.values())} jobs are stuck"
            what()

    def seat(self, machine: str, session: str) -> Seat | None:
        return self.machines[machine].seats.get(session)

    def master(self, session: str) -> Master | None:
        return self.masters.get(session)

    def add_machine(self, number: int) -> None:
        machine = Machine(self, number)
        self.machines[machine.name] = machine
        self._arrive(machine, "slave", machine.name)
        machine.handle(Connected())

    def add_master(self, number: int, jobs: int) -> None:
        master = Master(self, number, jobs, self.chance)
        self.masters[master.session] = master
        self._arrive(master, "mcp", "head")
        self.tally.pipegraph_changed(self.now)
        master.open()

    def withdraw(self) -> None:
        """Nothing more is begun by anybody."""
        for master in self.masters.values():
            if master.left:
                master.withdraw()

    # --------------------------------------------------------------------------------------------------- coordinator

    def _arrive(self, peer: Machine | Master, role: str, host: str) -> None:
        self._peers[peer.peer] = peer
        self._recorder.note(self.now, ARRIVED, peer.peer, role.encode(), host.encode())
        self._coordinate(PeerArrived(peer.peer, "user", role, host))

    def to_coordinator(self, peer: bytes, message: Message) -> None:
        frames = self._sealed(message)
        self.after(LATENCY_S, lambda: self._heard(peer, frames))
        if isinstance(message, CloseSession):
            self.tally.pipegraph_changed(self.now)

    def _sealed(self, message: Message) -> list[bytes]:
        [sealed] = seal(1, 0, [message])
        self.tally.message(self.now, type(message).__name__, sealed.size_bytes)
        return sealed.frames

    def _heard(self, peer: bytes, frames: list[bytes]) -> None:
        self._recorder.note(self.now, SPOKE, peer, *frames)
        for message in unseal(frames).messages:
            self._coordinate(PeerSpoke(peer, message))

    def _coordinate(self, event: PeerArrived | PeerSpoke | Ticked) -> None:
        for instruction in self._coordinator.handle(event, self.now):
            match instruction:
                case Tell(peer, message):
                    self.told += 1
                    frames = self._sealed(message)
                    self.after(LATENCY_S, lambda peer=peer, frames=frames: self._hear(peer, frames))
                case Log():
                    pass
                case _:
                    raise AssertionError(instruction)
        self._plan_tick()

    def _plan_tick(self) -> None:
        deadline = self._coordinator.deadline()
        if deadline is not None and (self._tick_at is None or deadline < self._tick_at):
            self._tick_at = deadline
            self.after(max(0.0, deadline - self.now), lambda: self._tick(deadline))

    def _tick(self, at: float) -> None:
        if at == self._tick_at:
            self._tick_at = None
            self._recorder.note(self.now, TICKED)
            self._coordinate(Ticked())

    def _hear(self, peer: bytes, frames: list[bytes]) -> None:
        whom = self._peers[peer]
        for message in unseal(frames).messages:
            if isinstance(whom, Machine):
                whom.handle(message)
            else:
                whom.said(message)


def main() -> None:
    machines, pipegraphs, jobs, stretch_s = map(int, sys.argv[1:5])
    gc.disable()  # millions of closures live at once here, as nowhere else, and none of them in a cycle
    with open(sys.argv[5], "wb") as trace:
        play = Play(trace)
        for number in range(machines):
            play.after(number / machines, lambda number=number: play.add_machine(number))
        for number in range(pipegraphs):
            mine = jobs // pipegraphs
            at = 1.0 + ARRIVE_S * number / pipegraphs
            play.after(at, lambda number=number, mine=mine: play.add_master(number, mine))
        play.after(1.0 + ARRIVE_S + stretch_s, play.withdraw)
        play.run()
    assert not any(master.left for master in play.masters.values())
    spent_s = sum(master.spent_s for master in play.masters.values())
    tally = play.tally
    engines.say(
        dispatcher_s=spent_s / tally.whole()["jobs"],
        told=play.told,
        **{f"whole {what}": value for what, value in tally.whole().items()},
        **{f"calm {what}": value for what, value in tally.calm(SETTLE_S).items()},
        **{f"kind {kind}": number for kind, number in tally.by_kind().items()},
    )


if __name__ == "__main__":
    main()
