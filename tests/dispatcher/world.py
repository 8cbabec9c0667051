"""A dispatcher, the machines that it sends to, and what must hold after every event."""

from __future__ import annotations

from collections import Counter

from ppg_mcp.dispatcher import (
    DataSize,
    Dispatch,
    Dispatcher,
    Ended,
    Gone,
    Instruction,
    LargestMachines,
    Lost,
    MachineLost,
    MachineShare,
    Offer,
    Poisoned,
    Resident,
    Retracted,
    Unmeetable,
    Vanished,
    Withdrawn,
)
from ppg_mcp.dispatcher.machine import MAX_AHEAD_PER_CORE, WHOLE_MACHINE

GB = 1 << 30


class World:
    """Keeps its own books, as simply as can be, and compares after every step."""

    def __init__(self, patient: bool = False) -> None:
        self.core = Dispatcher(patient)
        self.shares: dict[str, MachineShare] = {}
        self.totals: dict[str, int] = {}
        self.largest: tuple[tuple[int, int], ...] = ()
        self.measured_bytes: dict[int, int] = {}
        """By load."""
        self.ready: dict[int, Offer] = {}
        """Offered, not sent, not withdrawn."""
        self.out: dict[int, Dispatch] = {}
        """Live attempts."""
        self.offers: dict[int, Offer] = {}
        self.withdrawn: set[int] = set()
        self.alone_losses: Counter[int] = Counter()
        self.lost_once: set[int] = set()
        """Suspects."""
        self.vanished: set[int] = set()
        self.attempts_seen: set[int] = set()
        self.over: dict[int, str] = {}

    # ---------------------------------------------------------------------------------------------------------- events

    def machine(
        self,
        name: str = "m",
        cores: int = 4,
        gb: int = 8,
        total_cores: int | None = None,
        total_gb: int | None = None,
    ) -> None:
        share = MachineShare(name, cores, gb * GB, total_cores or cores, (total_gb or gb) * GB)
        self.totals[name] = share.total_cores
        self.shares[name] = share
        self._take(self.core.handle(share))

    def bound(self, *sizes: tuple[int, int]) -> None:
        """So large are the machines of the cluster."""
        self.largest = sizes
        self._take(self.core.handle(LargestMachines(sizes)))

    def long_job(self) -> None:
        """After it the dispatcher expects long jobs, and sends one ahead per core."""
        self.offer(-1)
        self.dispatch()
        self.end(min(self.out), 1000.0)
        del self.over[-1]

    def offer(
        self,
        job: int,
        cores: int = 1,
        memory: int = 0,
        loads: tuple[int, ...] = (),
        priority: float | None = None,
        loads_bytes: int = 0,
    ) -> list[Instruction]:
        offer = Offer(job, cores, memory, loads, (job if priority is None else priority,), loads_bytes)
        self.ready[job] = self.offers[job] = offer
        return self._take(self.core.handle(offer))

    def dispatch(self, along: bool = False) -> list[Dispatch]:
        before = {name: machine.outstanding for name, machine in self.core.machines.items()}
        sent = self.core.dispatch(along)
        for dispatch in sent:
            self._check(dispatch, before)
        self.check()
        return sent

    def end(self, attempt: int, runtime_s: float = 1.0) -> None:
        self.over[self.out.pop(attempt).job] = "ended"
        self._take(self.core.handle(Ended(attempt, runtime_s)))

    def retract(self, attempt: int) -> None:
        self._ready_again(self.out.pop(attempt).job)
        self._take(self.core.handle(Retracted(attempt)))

    def lose(self, attempt: int) -> list[Instruction]:
        dispatch = self.out.pop(attempt)
        if dispatch.job in self.lost_once and dispatch.job not in self.withdrawn:
            self.alone_losses[dispatch.job] += 1
        self.lost_once.add(dispatch.job)
        self._ready_again(dispatch.job)
        return self._take(self.core.handle(Lost(attempt)))

    def share(self, name: str, cores: int, gb: int | None = None) -> None:
        """Another share of a machine; what is surplus and did not start comes back."""
        total_gb = self.shares[name].total_memory_bytes // GB
        gb = total_gb if gb is None else min(gb, total_gb)
        self.machine(name, min(cores, self.totals[name]), gb, self.totals[name], total_gb)
        for attempt in self.core.surplus(name, set()):
            self.retract(attempt)
        assert self.core.machines[name].outstanding <= self.core.machines[name].cores
        left = [sent for sent in self.out.values() if sent.machine == name and sent.job not in self.withdrawn]
        assert all(sent.memory_bytes <= gb * GB for sent in left), "stuck there"

    def vanish(self, name: str) -> None:
        """A machine goes down with all that is there."""
        for attempt in [a for a, sent in self.out.items() if sent.machine == name]:
            dispatch = self.out.pop(attempt)
            if dispatch.job in self.lost_once and dispatch.job not in self.withdrawn:
                self.alone_losses[dispatch.job] += 1
            if dispatch.job in self.vanished:
                self.lost_once.add(dispatch.job)
            self.vanished.add(dispatch.job)
            self._ready_again(dispatch.job)
            self._take(self.core.handle(Vanished(attempt)), settled=False)
        del self.shares[name]
        self._take(self.core.handle(MachineLost(name)))

    def withdraw(self, job: int) -> None:
        self.withdrawn.add(job)
        if self.ready.pop(job, None) is not None:
            self.over[job] = "withdrawn"
        self._take(self.core.handle(Withdrawn(job)))

    def resident(self, machine: str, *loads: int, gb: int = 0) -> None:
        for load in loads:
            self.core.handle(Resident(machine, load, gb * GB))
            self.measured_bytes[load] = gb * GB

    def data_size(self, machine: str, gb: int) -> None:
        self.core.handle(DataSize(machine, gb * GB))

    def gone(self, machine: str, *loads: int) -> None:
        self.core.handle(Gone(machine, loads))

    # ----------------------------------------------------------------------------------------------------------- checks

    def _ready_again(self, job: int) -> None:
        if job in self.withdrawn:
            self.over[job] = "withdrawn"
        else:
            self.ready[job] = self.offers[job]

    def _take(self, instructions: list[Instruction], settled: bool = True) -> list[Instruction]:
        for instruction in instructions:
            if isinstance(instruction, Unmeetable):
                offer = self.ready.pop(instruction.job)
                assert not self._can_be_met(offer)
                self.over[offer.job] = "unmeetable"
            else:
                assert isinstance(instruction, Poisoned)
                assert self.alone_losses[instruction.job] == len(instruction.machines) == 3
                del self.ready[instruction.job]
                self.over[instruction.job] = "poisoned"
        if settled:
            self.check()
        return instructions

    def _can_be_met(self, offer: Offer) -> bool:
        if self.largest:
            need_bytes = offer.declared_bytes + sum(self.measured_bytes.get(load, 0) for load in offer.loads)
            return any(offer.cores <= cores and need_bytes <= memory_bytes for cores, memory_bytes in self.largest)
        return any(self._meets(share, offer) for share in self.shares.values())

    def _meets(self, share: MachineShare, offer: Offer) -> bool:
        return offer.cores <= share.total_cores and offer.declared_bytes <= share.total_memory_bytes

    def _check(self, sent: Dispatch, before: dict[str, int]) -> None:
        share, machine = self.shares[sent.machine], self.core.machines[sent.machine]
        offer = self.ready.pop(sent.job)
        assert sent.attempt not in self.attempts_seen, "an attempt number came twice"
        self.attempts_seen.add(sent.attempt)
        assert sent.job not in {other.job for other in self.out.values()}, "two live attempts of a job"
        assert self._meets(share, offer), f"sent {offer} to {share}"
        if sent.job not in self.lost_once:
            needed = share.total_cores - (1 if offer.cores == -1 else 0) if offer.cores < 0 else offer.cores
            assert needed <= share.cores, f"sent {offer} to {share}, where it can't start"
            if share.memory_bytes < share.total_memory_bytes:
                assert offer.memory_bytes <= share.memory_bytes, f"sent {offer} to {share}, where it can't start"
        assert before[sent.machine] < share.cores * (1 + MAX_AHEAD_PER_CORE), "sent where there is no room"
        before[sent.machine] += machine.attempts[sent.attempt]
        if sent.job in self.lost_once:
            assert sent.cores == WHOLE_MACHINE, "a suspect runs alone"
        else:
            assert sent.cores == offer.cores or sent.cores > offer.cores > 0
        assert (sent.memory_bytes, sent.loads) == (offer.memory_bytes, offer.loads)
        self.out[sent.attempt] = sent

    def steal(self, started: set[int]) -> None:
        """Until nothing is asked back any more, which must come soon."""
        for _ in range(100):
            stolen = self.core.to_steal(started)
            if not stolen:
                return
            for _, attempt in stolen:
                self.retract(attempt)
            self.dispatch()
        raise AssertionError("jobs go to and fro for ever")

    def check(self) -> None:
        self.core.sanity_check()
        assert {a: d.job for a, d in self.out.items()} == self.core.job_of
        assert {a: d.machine for a, d in self.out.items()} == self.core.machine_of
        assert self.core.outstanding == len(self.out)
        wide = Counter(d.machine for d in self.out.values() if d.cores < 0)
        assert all(count == 1 for count in wide.values()), "more than one wide job at a time on a machine"

    def run_dry(self) -> None:
        """Liveness: while whatever is sent ends well, everything that is ready gets its turn."""
        for _ in range(10_000):
            self.dispatch()
            if not self.out:
                break
            self.end(min(self.out))
        assert not self.ready, f"starved: {self.ready}"
