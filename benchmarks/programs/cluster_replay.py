"""What a coordinator costs: cluster_replay.py TRACE

What cluster_play recorded happens to the core of a coordinator again, in a process that has nothing else; and every so
often each peer's heartbeat. Times are CPU times of this thread, decoding included, the link below it not.

A *decision* is what the arbiter does about an event when it strikes a balance among several sessions; all else is
noted.
Says these times, and what the coordinator adds to the resident memory of its process.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterable

import engines
from cluster_trace import ARRIVED, FIRST_NUMBER, SPOKE, events

from ppg_coordinator.arbiter import Arbiter
from ppg_coordinator.balance import Balance
from ppg_coordinator.core import Coordinator
from ppg_coordinator.core.events import PeerArrived, PeerSpoke, Tell, Ticked
from ppg_coordinator.events import Event, Instruction
from ppg_protocol.envelope import seal, unseal
from ppg_protocol.messages import Heartbeat

HEARTBEATS_EVERY_S = 20.0


class Watch:
    """Puts a stop watch around the arbiter."""

    def __init__(self) -> None:
        self.decided_s: list[float] = []
        self.noted_s: list[float] = []
        self._struck = False
        run, handle_all = Balance.run, Arbiter.handle_all

        def watched_run(balance: Balance, now: float) -> bool:
            self._struck = run(balance, now)
            return self._struck

        def watched_handle_all(arbiter: Arbiter, happened: Iterable[Event], now: float) -> list[Instruction]:
            self._struck, began = False, time.thread_time()
            out = handle_all(arbiter, happened, now)
            (self.decided_s if self._struck else self.noted_s).append(time.thread_time() - began)
            return out

        Balance.run, Arbiter.handle_all = watched_run, watched_handle_all  # type: ignore[method-assign]


def main() -> None:
    before_bytes = engines.memory_bytes("VmRSS")
    coordinator, watch = Coordinator(0.0, first_number=FIRST_NUMBER), Watch()
    peers: list[bytes] = []
    [heartbeat] = seal(1, 0, [Heartbeat((), (), 0)])
    spent_s, hearts_s, hearts, told, now = 0.0, 0.0, 0, 0, 0.0
    hearts_at, most_bytes = HEARTBEATS_EVERY_S, 0
    with open(sys.argv[1], "rb") as trace:
        for now, kind, peer, *fields in events(trace):
            if now >= hearts_at:
                hearts_at += HEARTBEATS_EVERY_S
                began = time.thread_time()
                for one in peers:
                    for message in unseal(heartbeat.frames).messages:
                        coordinator.handle(PeerSpoke(one, message), now)
                hearts_s += time.thread_time() - began
                hearts += len(peers)
                most_bytes = max(most_bytes, engines.memory_bytes("VmRSS"))
            began = time.thread_time()
            if kind == ARRIVED:
                peers.append(peer)
                out = coordinator.handle(PeerArrived(peer, "user", fields[0].decode(), fields[1].decode()), now)
            elif kind == SPOKE:
                out = [i for m in unseal(fields).messages for i in coordinator.handle(PeerSpoke(peer, m), now)]
            else:
                out = coordinator.handle(Ticked(), now)
            for instruction in out:
                if isinstance(instruction, Tell):
                    seal(1, 0, [instruction.message])
                    told += 1
            coordinator.deadline()
            spent_s += time.thread_time() - began
    decided_s = sorted(watch.decided_s)
    engines.say(
        told=told,
        decisions=len(decided_s),
        noted=len(watch.noted_s),
        median_s=statistics.median(decided_s),
        p99_s=decided_s[int(0.99 * len(decided_s))],
        worst_s=decided_s[-1],
        noted_median_s=statistics.median(watch.noted_s),
        noted_worst_s=max(watch.noted_s),
        load=spent_s / now,
        heartbeat_s=hearts_s / max(1, hearts),
        memory_bytes=max(most_bytes, engines.memory_bytes("VmRSS")) - before_bytes,
    )


if __name__ == "__main__":
    main()
