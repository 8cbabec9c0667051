"""The dispatcher sends ready jobs to machines, within the share that the arbiter gave, a little ahead of free cores.

Rules.
- Order is by priority (see `priority`). Supervisors start attempts in the order in which they were sent, so a wide job
  (cores -1, -2) drains its machine simply by being next in that queue. Wide jobs queue apart from narrow ones, first
  come first served, one per machine at a time, and take turns with them: neither starves the other.
- Free cores are filled before anything is sent ahead. Jobs are dealt to the machine with most room, unless another one
  with room holds the data of the job.
  What was sent ahead to one machine is taken back when another has nothing to do.
- An attempt that was lost with its data process makes its job a *suspect*: it is tried again alone on a machine
  (charged as -2). Alone on three that went down, it is poison. A whole machine that vanishes makes suspects only of
  jobs to which that has happened before.
- Wide jobs wait for a share of the whole machine, see `Machine.can_now`; suspects take what share there is.
- What a supervisor would not start within the share, for its cores or for its memory beside loaded data, is not sent,
  and is taken back when the share or the data changed: it would block what is behind it, maybe for ever.
- The cost of sending a job does not grow with the number of machines, see benchmarks/dispatching.py.
- A job that no machine can ever give what it needs is refused; with patience, for a cluster may get a larger machine,
  not before it is known how large machines are there. No job is sent there to one that is too small for it with its
  data.
- Every attempt gets a number that was never used before in this session.
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Callable, Container, Sequence
from itertools import islice
from typing import TypeVar

from .events import (
    DataSize,
    Dispatch,
    Ended,
    Event,
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
from .holders import Holders
from .machine import ALL_CORES, WHOLE_MACHINE, Machine, ahead_per_core
from .narrow import NarrowQueue
from .sizes import DataSizes

Key = TypeVar("Key")
Shape = tuple[int, int, int, tuple[int, ...]]
"""What decides where a job fits: cores, memory_bytes, loads_bytes, loads."""

POISON_LOSSES = 3
MAX_ASIDE = 64
"""So many wide jobs are looked at for a machine, or newest attempts for taking one back; the others wait."""
RUNTIME_WEIGHT = 0.05
"""Of the newest runtime in the moving average, at least: until there are many it is the mean of all."""


class Dispatcher:
    """See the module. `handle` takes events in, `dispatch` asks for what may be sent now."""

    def __init__(self, patient: bool = False) -> None:
        self.demand: Counter[tuple[int, int, int]] = Counter()
        """Jobs that are ready or outstanding, by cores, memory_bytes and what their data takes as far as is known."""
        self._sizes = DataSizes()
        self.machines: dict[str, Machine] = {}
        self.offers: dict[int, Offer] = {}
        """Ready jobs, waiting or outstanding."""
        self.job_of: dict[int, int] = {}
        """Of outstanding attempts; `machine_of` likewise."""
        self.machine_of: dict[int, str] = {}
        self.losses: dict[int, list[str]] = {}
        """Machines on which a job was lost while it was alone."""
        self._wide: deque[int] = deque()
        self._suspects: deque[int] = deque()
        self._alone: set[int] = set()
        """Outstanding attempts of suspects."""
        self._waiting: set[int] = set()
        self._narrow = NarrowQueue(self._waiting)
        self._holders = Holders()
        self._stolen: set[int] = set()
        """Attempts that were asked back for another machine."""
        self._vanished: set[int] = set()
        """Jobs that vanished with a machine once."""
        self.largest: tuple[tuple[int, int], ...] = ()
        """See LargestMachines; not known when empty."""
        self._patient = patient
        self._attempts = 0
        self._ended = 0
        self._mean_runtime_s = AHEAD_UNKNOWN_S

    def handle(self, event: Event, now: float = 0.0) -> list[Instruction]:
        """Take an event in. What may be sent now is asked for once per batch of events, by `dispatch`."""
        match event:
            case Offer():
                return self._offer(event)
            case Ended(attempt, runtime_s):
                self._forget(attempt)
                self._ended += 1
                self._mean_runtime_s += max(RUNTIME_WEIGHT, 1 / self._ended) * (runtime_s - self._mean_runtime_s)
            case Retracted(attempt):
                job, suspect = self._take_back(attempt)
                self._enqueue(job, suspect)
            case Lost(attempt):
                return self._lose(attempt)
            case Vanished(attempt):
                return self._vanish(attempt)
            case MachineLost(machine):
                self._machine_lost(machine)
            case Withdrawn(job):
                self._drop(job)
                self._waiting.discard(job)
            case Resident():
                self._resident(event)
            case Gone(machine, loads):
                self._holders.remove(self.machines[machine], loads)
            case DataSize(machine, data_bytes):
                self.machines[machine].data_bytes = data_bytes
            case MachineShare():
                return self._share(event)
            case LargestMachines(sizes):
                self.largest = sizes
                return self._refuse_unmeetable()
        return []

    def dispatch(self, along: bool = False) -> list[Dispatch]:
        """What to send now. `along`: with a commit that comes anyway. So does one that is made for a machine that is
        low: all others are then sent more, too."""
        out: list[Dispatch] = []
        if not self._waiting:
            return out
        ahead = ahead_per_core(self._mean_runtime_s)
        machines = self.machines.values()
        if along or any(machine.is_low(ahead) for machine in machines):
            hungry = [machine for machine in machines if machine.takes_more(ahead)]
            self._deal(hungry, _free_cores, out)
            self._deal(hungry, lambda machine: machine.room(ahead), out)
        return out

    @property
    def outstanding(self) -> int:
        """Attempts that were sent and did not come back."""
        return len(self.job_of)

    def new_attempt(self) -> int:
        """A number that was never used before in this session."""
        self._attempts += 1
        return self._attempts

    # -------------------------------------------------------------------------------------------------------- events

    def _offer(self, offer: Offer) -> list[Instruction]:
        if not self._meetable(offer):
            return [Unmeetable(offer.job, offer.cores, offer.declared_bytes)]
        self.offers[offer.job] = offer
        self.demand[self._shape(offer)] += 1
        self._enqueue(offer.job)
        return []

    def _enqueue(self, job: int, suspect: bool = False) -> None:
        offer = self.offers.get(job)
        if offer is None:
            return
        self._waiting.add(job)
        if suspect:
            self._suspects.append(job)
        elif offer.cores < 0:
            self._wide.append(job)
        else:
            self._narrow.add(offer)

    def _drop(self, job: int) -> None:
        """Nothing is to be done for this job any more."""
        offer = self.offers.pop(job, None)
        if offer is not None:
            _decrement(self.demand, self._shape(offer))

    def _meetable(self, offer: Offer) -> bool:
        if not self._patient:
            machines = self.machines.values()
            return not machines or any(machine.can_ever(offer.cores, offer.declared_bytes) for machine in machines)
        cores, memory_bytes = offer.cores, offer.memory_bytes + self._sizes.of(offer)
        return not self.largest or any(cores <= size[0] and memory_bytes <= size[1] for size in self.largest)

    def _share(self, share: MachineShare) -> list[Instruction]:
        machine = self.machines.setdefault(share.machine, Machine(share.machine))
        machine.cores, machine.memory_bytes = share.cores, share.memory_bytes
        machine.total_cores, machine.total_memory_bytes = share.total_cores, share.total_memory_bytes
        return [] if self._patient else self._refuse_unmeetable()

    def _refuse_unmeetable(self) -> list[Instruction]:
        waiting = [self.offers[job] for job in sorted(self._waiting)]
        unmeetable = [offer for offer in waiting if not self._meetable(offer)]
        for offer in unmeetable:
            self._waiting.discard(offer.job)
            self._drop(offer.job)
        return [Unmeetable(offer.job, offer.cores, offer.declared_bytes) for offer in unmeetable]

    def _machine_lost(self, name: str) -> None:
        lost = self.machines.pop(name, None)
        if lost is not None:
            assert not lost.attempts, lost
            self._holders.remove(lost, tuple(lost.resident))

    def _resident(self, event: Resident) -> None:
        """Data that was larger than was known makes its jobs larger."""
        self._holders.add(self.machines[event.machine], event.load)
        if self._sizes.is_larger(event.load, event.data_bytes):
            concerned = [offer for offer in self.offers.values() if event.load in offer.loads]
            for offer in concerned:
                _decrement(self.demand, self._shape(offer))
            self._sizes.learn(event.load, event.data_bytes)
            self.demand.update(map(self._shape, concerned))

    def _shape(self, offer: Offer) -> tuple[int, int, int]:
        return offer.cores, offer.memory_bytes, self._sizes.of(offer)

    def _take_back(self, attempt: int) -> tuple[int, bool]:
        self.machines[self.machine_of.pop(attempt)].remove(attempt)
        suspect = attempt in self._alone
        self._alone.discard(attempt)
        self._stolen.discard(attempt)
        return self.job_of.pop(attempt), suspect

    def _forget(self, attempt: int) -> None:
        job, _ = self._take_back(attempt)
        self._drop(job)
        self.losses.pop(job, None)
        self._vanished.discard(job)

    def _lose(self, attempt: int) -> list[Instruction]:
        machine = self.machine_of[attempt]
        job, was_alone = self._take_back(attempt)
        if job not in self.offers:  # withdrawn meanwhile
            self.losses.pop(job, None)
            return []
        losses = self.losses.setdefault(job, [])
        if was_alone:
            losses.append(machine)
        if len(losses) >= POISON_LOSSES:
            self._drop(job)
            return [Poisoned(job, tuple(self.losses.pop(job)))]
        self._enqueue(job, suspect=True)
        return []

    def _vanish(self, attempt: int) -> list[Instruction]:
        job = self.job_of[attempt]
        if job in self._vanished or attempt in self._alone or job not in self.offers:
            return self._lose(attempt)
        self._vanished.add(job)
        self._take_back(attempt)
        self._enqueue(job)
        return []

    def surplus(self, machine: str, started: Container[int]) -> list[int]:
        """Attempts to take back from a machine whose share or data has changed: of those that have not started, what
        can't start there any more, and the newest as far as more was sent there than the share allows."""
        share = self.machines[machine]
        waiting = {a: cost for a, cost in reversed(share.attempts.items()) if a not in started}
        taken = [attempt for attempt in waiting if not self._can_start(attempt, share)]
        excess = share.outstanding - share.cores - sum(waiting.pop(attempt) for attempt in taken)
        for attempt, cost in waiting.items():
            if excess <= 0:
                break
            taken.append(attempt)
            excess -= cost
        return taken

    def _can_start(self, attempt: int, machine: Machine) -> bool:
        job = self.job_of[attempt]
        if job not in self.offers:
            return True
        if attempt in self._alone or self.offers[job].cores < 0:
            return self._may_be_wide(job, machine)
        return self._fits_share(job, machine)

    def to_steal(self, started: Container[int]) -> list[tuple[str, int]]:
        """What was sent ahead to one machine while another has free cores: (machine, attempt) to take back."""
        idle = [m for m in self.machines.values() if m.outstanding < m.cores and self._is_of_use(m)]
        free = sum(m.cores - m.outstanding for m in idle)
        taken: list[tuple[str, int]] = []
        fitting: dict[Shape, bool] = {}
        for machine in self.machines.values() if idle else ():
            excess = machine.outstanding - machine.cores
            for attempt, cost in islice(reversed(machine.attempts.items()), MAX_ASIDE):
                if min(excess, free) < cost:
                    break
                if attempt in started or attempt in self._stolen or not self._fits_one(attempt, idle, fitting):
                    continue
                self._stolen.add(attempt)
                taken.append((machine.name, attempt))
                excess -= cost
                free -= cost
        return taken

    def _is_of_use(self, machine: Machine) -> bool:
        """Could its share run any job that is ready or outstanding, loaded data aside? Many a share can't for a while,
        where the jobs that it was made for have ended."""
        return any(machine.fits(cores, memory_bytes) for cores, memory_bytes, _ in self.demand)

    def _fits_one(self, attempt: int, machines: Sequence[Machine], fitting: dict[Shape, bool]) -> bool:
        """Would one of these machines do? `fitting` keeps the answers."""
        offer = self.offers.get(self.job_of[attempt])
        if offer is None:
            return False
        shape = (offer.cores, offer.memory_bytes, offer.loads_bytes, offer.loads)
        if shape not in fitting:
            takes = self._would_fit if offer.cores > 0 else self._would_take_wide
            fitting[shape] = any(takes(offer, machine) for machine in machines)
        return fitting[shape]

    def _would_take_wide(self, offer: Offer, machine: Machine) -> bool:
        return not machine.wide and self._may_be_wide(offer.job, machine)

    # ------------------------------------------------------------------------------------------------------- sending

    def _deal(self, machines: Sequence[Machine], room: Callable[[Machine], int], out: list[Dispatch]) -> None:
        """One job after the other, always to the machine with most room of those for which there are any."""
        heap = [(-room(machine), number, machine) for number, machine in enumerate(machines) if room(machine) > 0]
        heapq.heapify(heap)
        while heap:
            known, number, machine = heap[0]
            now = room(machine)
            if now <= 0 or (now == -known and not self._serve(machine, room, out)):
                heapq.heappop(heap)
            else:
                heapq.heapreplace(heap, (-room(machine), number, machine))

    def _serve(self, machine: Machine, room: Callable[[Machine], int], out: list[Dispatch]) -> bool:
        """Send the job whose turn it is there, maybe elsewhere. Is there one?"""
        narrow = self._narrow.first(lambda job: self._fits_share(job, machine))
        wide = None if machine.narrow_turns and narrow is not None else self._next_wide(machine)
        if wide is not None:
            self._send(machine, wide, wide in self.losses, out)
        elif narrow is not None:
            self._narrow.take(self.offers[narrow])
            self._send(self._preferred(narrow, machine, room), narrow, False, out)
        return wide is not None or narrow is not None

    def _next_wide(self, machine: Machine) -> int | None:
        """The suspect or wide job whose turn it is on this machine."""
        if machine.wide or not (self._suspects or (self._wide and machine.can_now(ALL_CORES))):
            return None
        for queue in (self._suspects, self._wide):
            while queue and queue[0] not in self._waiting:
                queue.popleft()
            for job in islice(queue, MAX_ASIDE):
                if job in self._waiting and self._fits(job, machine) and self._may_be_wide(job, machine):
                    queue.remove(job)
                    return job
        return None

    def _fits(self, job: int, machine: Machine) -> bool:
        offer = self.offers[job]
        return machine.can_ever(offer.cores, offer.memory_bytes)

    def _fits_share(self, job: int, machine: Machine) -> bool:
        return self._would_fit(self.offers[job], machine)

    def _would_fit(self, offer: Offer, machine: Machine) -> bool:
        cores = machine.charge(offer.cores, offer.memory_bytes)
        return cores <= machine.cores and self._has_memory(offer, machine)

    def _may_be_wide(self, job: int, machine: Machine) -> bool:
        offer = self.offers[job]
        has_cores = offer.cores > 0 or machine.can_now(offer.cores)
        return has_cores and self._has_memory(offer, machine)

    def _has_memory(self, offer: Offer, machine: Machine) -> bool:
        loads_bytes = self._sizes.of(offer)
        if self._patient and offer.memory_bytes + loads_bytes > machine.total_memory_bytes:
            return False
        return machine.has_memory(offer.memory_bytes, loads_bytes, offer.loads)

    def _preferred(self, job: int, machine: Machine, room: Callable[[Machine], int]) -> Machine:
        """This machine, or one with room that holds the data of the job: of these the one with most room."""
        loads = self.offers[job].loads
        if not loads or len(self.machines) == 1 or machine.resident.issuperset(loads):
            return machine
        holders = (m for m in self._holders.of(loads) if room(m) > 0 and self._fits_share(job, m))
        return max(holders, key=room, default=machine)

    def _send(self, machine: Machine, job: int, alone: bool, out: list[Dispatch]) -> None:
        offer = self.offers[job]
        self._waiting.discard(job)
        attempt = self.new_attempt()
        cores = WHOLE_MACHINE if alone else machine.charge(offer.cores, offer.memory_bytes)
        if alone:
            self._alone.add(attempt)
        machine.add(attempt, cores)
        self.job_of[attempt] = job
        self.machine_of[attempt] = machine.name
        out.append(Dispatch(attempt, job, machine.name, cores, offer.memory_bytes, offer.loads))

    def sanity_check(self) -> None:
        """Cross-check the whole state; for tests."""
        for machine in self.machines.values():
            assert machine.outstanding == sum(machine.attempts.values()) >= 0, machine
            assert all(self.machine_of[attempt] == machine.name for attempt in machine.attempts), machine
            assert not machine.wide or machine.wide in machine.attempts, machine
        assert self.job_of.keys() == self.machine_of.keys()
        assert len(set(self.job_of.values())) == len(self.job_of), "a job has two live attempts"
        assert not self._waiting & set(self.job_of.values()), "an outstanding job waits"
        assert self._waiting <= self.offers.keys()
        assert self.demand == Counter(map(self._shape, self.offers.values()))


def _free_cores(machine: Machine) -> int:
    return machine.cores - machine.outstanding


def _decrement(counts: Counter[Key], key: Key) -> None:
    counts[key] -= 1
    if not counts[key]:
        del counts[key]


AHEAD_UNKNOWN_S = 0.1
"""Taken for the mean runtime until a job has ended."""
