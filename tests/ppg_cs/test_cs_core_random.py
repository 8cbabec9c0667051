"""The supervisor core under any order of events: first safety under faults, then liveness without them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cs_machine import DIED, FAILED, KILLED, LOAD_RAISED, NOTHING, RAISED, Machine
from hypothesis import given, settings
from hypothesis import strategies as st

from ppg_cs.endings import PRISTINE_DEATHS_MAX
from ppg_protocol.messages import Ack, Cancel, Define, Retract, Unload

LOADS_BYTES = {7: 0, 8: 300, 9: 600}
LOADS = tuple(LOADS_BYTES)


class Events:
    """Of one machine, drawn one after the other. `attempts`: all that were ever sent to it."""

    def __init__(self, machine: Machine, data: st.DataObject) -> None:
        self._machine, self._data = machine, data
        self.attempts: list[int] = []

    def happen(self) -> None:
        """One that could happen now."""
        self._draw([event for event, weight in self._possible().items() for _ in range(weight)])()

    def _possible(self) -> dict[Callable[[], None], int]:
        """Each with its weight."""
        m = self._machine
        return {
            self._run: 3,
            self._run_again: bool(self.attempts),
            self._run_a_crowd: 1,
            self._retract: 1,
            self._cancel: 1,
            self._acknowledge: 1,
            self._unload: 1,
            self._define: m.core.offered,
            self._fork: bool(self._unforked()),
            self._refuse: 2 * bool(self._unforked()),
            self._end_a_process: 3 * bool(m.jobs),
            self._sweep: 3 * bool(m.to_sweep),
            self._hear: 2 * bool(self._unheard()),
            self._confirm: bool(m.unconfirmed),
            self._wait: m.core.deadline() is not None,
            self._die_as_ordered: bool(m.deaths),
            self._die: m.core._pristine_deaths < PRISTINE_DEATHS_MAX,
        }

    def _draw(self, choices: Sequence[Any]) -> Any:
        return self._data.draw(st.sampled_from(choices))

    def _next_attempt(self) -> int:
        self.attempts.append(len(self.attempts) + 1)
        return self.attempts[-1]

    def _some_attempt(self) -> int:
        """Perhaps one that was never sent."""
        attempt: int = self._draw(self.attempts or [1])
        return attempt

    def _unforked(self) -> list[int]:
        return [key for key, process in self._machine.jobs.items() if not process.forked]

    def _unheard(self) -> list[int]:
        return [number for number, events in self._machine.unheard.items() if events]

    # ------------------------------------------------------------------------------------------- what the master says

    def _run(self) -> None:
        loads = tuple(self._data.draw(st.lists(st.sampled_from(LOADS), unique=True)))
        self._machine.run(
            self._next_attempt(),
            job=self._draw(range(7)),
            loads=loads,
            loads_memory_bytes=tuple(LOADS_BYTES[load] for load in loads),
            cores=self._draw([1, 1, 1, 2, 3, 5, -1, -2]),
            memory_bytes=self._draw([0, 300, 5000]),
            generates=self._draw(range(5)) == 0,
        )

    def _run_again(self) -> None:
        """The same attempt, as after a broken connection."""
        core, attempt = self._machine.core, self._draw(self.attempts)
        if attempt in core.finished or attempt in core.work or attempt in core.waiting.queued:
            self._machine.run(attempt)

    def _run_a_crowd(self) -> None:
        for _ in range(4):
            self._machine.run(self._next_attempt(), job=1, memory_bytes=self._draw([0, 300]))

    def _retract(self) -> None:
        self._machine.tell(Retract((self._some_attempt(), self._some_attempt())))

    def _cancel(self) -> None:
        self._machine.tell(Cancel(self._some_attempt()))

    def _acknowledge(self) -> None:
        self._machine.tell(Ack((self._some_attempt(),)))

    def _unload(self) -> None:
        self._machine.tell(Unload(self._draw(LOADS)))

    def _define(self) -> None:
        successor = self._machine.core.successor
        assert successor is not None
        self._machine.tell(Define(successor.key, (50 + successor.key,), b""))  # type: ignore[arg-type]

    # ---------------------------------------------------------------------------------------- what becomes of processes

    def _fork(self) -> None:
        self._machine.fork(self._draw(self._unforked()))

    def _refuse(self) -> None:
        self._machine.refuse(self._draw(self._unforked()))

    def _end_a_process(self) -> None:
        m = self._machine
        key = self._draw(list(m.jobs))
        well = key not in m.doomed and self._draw([False, True])
        if m.jobs[key].successor:
            if well:
                m.prepare(key)
            else:
                m.fail(key, *self._draw([(FAILED, LOAD_RAISED), (KILLED, NOTHING)]))
        elif well and self._draw([False, True]):
            m.end(key)
        elif well:
            m.exit(key)
        else:
            m.exit(key, *self._draw([(FAILED, RAISED), (KILLED, DIED), (KILLED, NOTHING)]))

    def _sweep(self) -> None:
        self._machine.swept()

    def _hear(self) -> None:
        self._machine.hear(self._draw(self._unheard()))

    def _confirm(self) -> None:
        self._machine.confirm()

    def _wait(self) -> None:
        self._machine.wait(self._draw([0.0, 20.0]))

    def _die_as_ordered(self) -> None:
        number = self._machine.deaths.pop()
        if number in self._machine.data_processes:
            self._machine.kill(number)

    def _die(self) -> None:
        self._machine.kill(self._draw(sorted(self._machine.data_processes)))


@settings(max_examples=300)
@given(data=st.data(), cores=st.integers(1, 4))
def test_every_run_gets_exactly_one_end_whatever_happens(data: st.DataObject, cores: int) -> None:
    m = Machine(cores)
    events = Events(m, data)
    for _ in range(data.draw(st.integers(0, 40))):
        events.happen()
        assert all(count == 1 for count in m.fates().values()), "two ends"
        for process in m.jobs.values():
            if process.key > 0 and process.key in m.core.work:
                assert process.parent in m.data_processes
    m.settle()
    assert m.fates() == dict.fromkeys(events.attempts, 1), "somebody waits for ever"
    assert m.core.work == {}
    assert m.core.admission.cores_taken == m.core.admission.memory_taken == m.core.admission.holders == 0
    assert m.resident[m.core.lineage.current] == set(m.core.lineage.resident)
    assert m.tasks[m.core.lineage.current] == {j for jobs in m.core.lineage.generated.values() for j in jobs}


@settings(max_examples=200)
@given(data=st.data())
def test_jobs_find_their_data(data: st.DataObject) -> None:
    """Whatever was unloaded, lost and loaded again: a job is forked from a process that holds what it needs."""
    m = Machine(3)
    events = Events(m, data)
    needs: dict[int, set[int]] = {}
    for _ in range(30):
        for attempt, item in m.core.waiting.queued.items():
            needs[attempt] = set(item.run.loads)
        before = set(m.jobs)
        events.happen()
        for key in set(m.jobs) - before:
            process = m.jobs[key]
            assert needs.get(key, set()) <= m.resident[process.parent]


@settings(max_examples=300)
@given(data=st.data())
def test_declared_memory_and_data_never_exceed_the_machine(data: st.DataObject) -> None:
    """Whatever was unloaded, lost and given up: data counts in each data process that lives."""
    m = Machine(3)
    m.data_bytes = 0
    events = Events(m, data)
    for _ in range(40):
        before, waiting = set(m.jobs), {attempt: item.run for attempt, item in m.core.waiting.queued.items()}
        events.happen()
        taken = sum(work.memory_bytes for work in m.core.work.values())
        held = {load for process in m.data_processes if process not in m.deaths for load in m.resident[process]}
        loaded = sum(LOADS_BYTES[load] for load in held)
        for key in set(m.jobs) - before:
            work = m.core.work[key]
            run = waiting.get(key)
            own = sum(LOADS_BYTES[load] for load in (run.loads if run is not None else LOADS))
            exceeds_alone = taken == work.memory_bytes and work.memory_bytes + own > 1000
            if work.memory_bytes and not exceeds_alone and not m.core.lineage.generated:
                assert taken + loaded <= 1000
