"""How long the arbiter thinks on a large cluster: a script that prints figures, and a test that catches blunders.

python tests/ppg_coordinator/test_arbiter_speed.py [machines [sessions]]
"""

from __future__ import annotations

import random
import statistics
import sys
import time

from arbiter_cluster import GB, Cluster

from ppg_coordinator.arbiter import Arbiter
from ppg_coordinator.events import Event, Instruction

CORES = 64


class TimedArbiter(Arbiter):
    """Notes the seconds each event took; its state is not checked, which would take longer."""

    def __init__(self) -> None:
        super().__init__()
        self.plain_s: list[float] = []
        self.balanced_s: list[float] = []

    def handle(self, event: Event, now: float) -> list[Instruction]:
        moved, paused = self._ledger.moves, self._paused_until
        begin = time.perf_counter()
        out = super().handle(event, now)
        took = time.perf_counter() - begin
        struck = self._ledger.moves != moved or self._paused_until != paused
        (self.balanced_s if struck else self.plain_s).append(took)
        return out

    def sanity_check(self) -> None:
        pass


def measure(machines: int, sessions: int) -> dict[str, TimedArbiter]:
    """Sessions arrive, change their minds, and are replaced by others; every tenth has wide jobs, too."""
    chance = random.Random(1)
    phases: dict[str, TimedArbiter] = {}
    cluster = Cluster()
    arbiter = cluster.arbiter = TimedArbiter()

    def phase(name: str) -> None:
        phases[name] = TimedArbiter()
        phases[name].plain_s, phases[name].balanced_s = arbiter.plain_s, arbiter.balanced_s
        arbiter.plain_s, arbiter.balanced_s = [], []

    def go_on() -> None:
        cluster.advance(0.11)
        cluster.fill()
        cluster.give_back()

    def demand(index: int) -> None:
        count = chance.choice([20, 50, 500, 5_000, 20_000])
        mixes = [
            [(1, 0, count)],
            [(1, 0, count), (4, 8 * GB, count // 4)],
            [(2, 16 * GB, count // 2), (8, 0, count // 8)],
            [(1, GB, count), (16, 64 * GB, count // 32)],
        ]
        wide = [(-2, 0, 3)] if index % 10 == 0 else []
        cluster.demand(f"s{index}", *mixes[index % 4], *wide)

    for index in range(machines):
        cluster.join(f"m{index}", CORES, 256 * GB)
    phase("machines join")
    for index in range(sessions):
        cluster.open(f"s{index}", f"u{index // 3}")
        demand(index)
        go_on()
    phase("sessions arrive")
    for _ in range(2 * sessions):
        demand(chance.randrange(sessions))
        go_on()
    phase("demands change")
    for _ in range(sessions // 2):
        index = chance.randrange(sessions)
        cluster.close(f"s{index}")
        go_on()
        cluster.open(f"s{index}", f"u{index // 3}")
        demand(index)
        go_on()
    phase("sessions are replaced")
    return phases


def test_a_balance_is_struck_in_time() -> None:
    for name, times in measure(100, 20).items():
        if times.balanced_s:
            assert statistics.median(times.balanced_s) < 0.1, name


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]]
    for name, times in measure(*(numbers + [1000, 100][len(numbers) :])).items():
        for kind, taken in (("noted", times.plain_s), ("balanced", times.balanced_s)):
            if taken:
                median, most = 1e3 * statistics.median(taken), 1e3 * max(taken)
                print(f"{name:22} {kind:9} {len(taken):6} events, median {median:7.3f} ms, at most {most:6.1f} ms")
