"""The supervisor core under any order of events: first safety under faults, then liveness without them."""

from __future__ import annotations

from cs_machine import DIED, FAILED, KILLED, LOAD_RAISED, NOTHING, RAISED, Machine
from hypothesis import given, settings
from hypothesis import strategies as st

from ppg_cs.endings import PRISTINE_DEATHS_MAX
from ppg_protocol.messages import Ack, Cancel, Define, Retract, Unload

LOADS_BYTES = {7: 0, 8: 300, 9: 600}
LOADS = tuple(LOADS_BYTES)


def one_event(m: Machine, data: st.DataObject, attempts: list[int]) -> None:
    """Something that could happen now."""
    choices = ["run", "run", "run", "retract", "cancel", "ack", "unload"]
    choices += ["job"] * 3 * bool(m.jobs) + ["swept"] * 3 * bool(m.to_sweep) + ["confirm"] * bool(m.unconfirmed)
    choices += ["kill"] * (m.core._pristine_deaths < PRISTINE_DEATHS_MAX) + ["rerun"] * bool(attempts)
    new = [key for key, process in m.jobs.items() if not process.forked]
    choices += ["refuse"] * 2 * bool(new) + ["tick"] * (m.core.deadline() is not None)
    unheard = [number for number, events in m.unheard.items() if events]
    choices += ["crowd"] + ["hear"] * 2 * bool(unheard)
    choices += ["define"] * m.core.offered + ["ordered death"] * bool(m.deaths) + ["forked"] * bool(new)
    what = data.draw(st.sampled_from(choices))
    some = st.sampled_from(attempts) if attempts else st.just(1)
    if what == "run":
        attempts.append(len(attempts) + 1)
        m.run(
            attempts[-1],
            job=data.draw(st.integers(0, 6)),
            loads=(loads := tuple(data.draw(st.lists(st.sampled_from(LOADS), unique=True)))),
            loads_memory_bytes=tuple(LOADS_BYTES[load] for load in loads),
            cores=data.draw(st.sampled_from([1, 1, 1, 2, 3, 5, -1, -2])),
            memory_bytes=data.draw(st.sampled_from([0, 300, 5000])),
            generates=data.draw(st.integers(0, 4)) == 0,
        )
    elif what == "crowd":
        for _ in range(4):
            attempts.append(len(attempts) + 1)
            m.run(attempts[-1], job=1, memory_bytes=data.draw(st.sampled_from([0, 300])))
    elif what == "hear":
        m.hear(data.draw(st.sampled_from(unheard)))
    elif what == "rerun":
        attempt = data.draw(some)
        if attempt in m.core.finished or attempt in m.core.work or attempt in m.core.waiting.queued:
            m.run(attempt)
    elif what == "retract":
        m.tell(Retract((data.draw(some), data.draw(some))))
    elif what == "cancel":
        m.tell(Cancel(data.draw(some)))
    elif what == "ack":
        m.tell(Ack((data.draw(some),)))
    elif what == "unload":
        m.tell(Unload(data.draw(st.sampled_from(LOADS))))
    elif what == "define":
        assert m.core.successor is not None
        m.tell(Define(m.core.successor.key, (50 + m.core.successor.key,), b""))  # type: ignore[arg-type]
    elif what == "forked":
        m.fork(data.draw(st.sampled_from(new)))
    elif what == "refuse":
        m.refuse(data.draw(st.sampled_from(new)))
    elif what == "tick":
        m.wait(data.draw(st.sampled_from([0.0, 20.0])))
    elif what == "job":
        key = data.draw(st.sampled_from(list(m.jobs)))
        well = key not in m.doomed and data.draw(st.booleans())
        if m.jobs[key].successor:
            if well:
                m.prepare(key)
            else:
                m.fail(key, *data.draw(st.sampled_from([(FAILED, LOAD_RAISED), (KILLED, NOTHING)])))
        elif well and data.draw(st.booleans()):
            m.end(key)
        elif well:
            m.exit(key)
        else:
            m.exit(key, *data.draw(st.sampled_from([(FAILED, RAISED), (KILLED, DIED), (KILLED, NOTHING)])))
    elif what == "swept":
        m.swept()
    elif what == "confirm":
        m.confirm()
    elif what == "ordered death":
        number = m.deaths.pop()
        if number in m.data_processes:
            m.kill(number)
    else:
        m.kill(data.draw(st.sampled_from(sorted(m.data_processes))))


@settings(max_examples=300)
@given(data=st.data(), cores=st.integers(1, 4))
def test_every_run_gets_exactly_one_end_whatever_happens(data: st.DataObject, cores: int) -> None:
    m = Machine(cores)
    attempts: list[int] = []
    for _ in range(data.draw(st.integers(0, 40))):
        one_event(m, data, attempts)
        assert all(count == 1 for count in m.fates().values()), "two ends"
        for process in m.jobs.values():
            if process.key > 0 and process.key in m.core.work:
                assert process.parent in m.data_processes
    m.settle()
    assert m.fates() == dict.fromkeys(attempts, 1), "somebody waits for ever"
    assert m.core.work == {}
    assert m.core.admission.cores_taken == m.core.admission.memory_taken == m.core.admission.holders == 0
    assert m.resident[m.core.lineage.current] == set(m.core.lineage.resident)
    assert m.tasks[m.core.lineage.current] == {j for jobs in m.core.lineage.generated.values() for j in jobs}


@settings(max_examples=200)
@given(data=st.data())
def test_jobs_find_their_data(data: st.DataObject) -> None:
    """Whatever was unloaded, lost and loaded again: a job is forked from a process that holds what it needs."""
    m = Machine(3)
    attempts: list[int] = []
    needs: dict[int, set[int]] = {}
    for _ in range(30):
        for attempt, item in m.core.waiting.queued.items():
            needs[attempt] = set(item.run.loads)
        before = set(m.jobs)
        one_event(m, data, attempts)
        for key in set(m.jobs) - before:
            process = m.jobs[key]
            assert needs.get(key, set()) <= m.resident[process.parent]


@settings(max_examples=300)
@given(data=st.data())
def test_declared_memory_and_data_never_exceed_the_machine(data: st.DataObject) -> None:
    """Whatever was unloaded, lost and given up: data counts in each data process that lives."""
    m = Machine(3)
    m.data_bytes = 0
    attempts: list[int] = []
    for _ in range(40):
        before, waiting = set(m.jobs), {attempt: item.run for attempt, item in m.core.waiting.queued.items()}
        one_event(m, data, attempts)
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
