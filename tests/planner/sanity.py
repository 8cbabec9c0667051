"""Recompute the planner's books naively and compare.

Quadratic, and from the columns that state facts (`nodes`, `kind`, `inputs`, `state`, `verdict`, `known`, `closed`,
`fresh`); everything that is counted along the way is counted again.
"""

from __future__ import annotations

from ppg_mcp.planner import Planner
from ppg_mcp.planner.node import (
    CACHED,
    CURRENT,
    DONE,
    FAILED,
    FINAL,
    INJECTING,
    INVARIANT,
    LOADING,
    ON_DEMAND,
    OPEN,
    OUTPUT,
    PRUNED,
    RUN,
    STARTED,
    TEMPORARY,
    WAITING,
)


def sanity_check(planner: Planner) -> None:
    """AssertionError unless all counters are right and nothing that could be said or started was left out."""
    assert not planner._steps
    assert not planner.demand.idle
    assert not planner._ready
    assert not planner._out
    state, kind, verdict = planner.state, planner.kind, planner.verdict
    jobs = range(len(planner.nodes))
    dependants: list[list[int]] = [[] for _ in jobs]
    for job in jobs:
        if kind[job] != FINAL:
            for p in planner.inputs[job]:
                dependants[p].append(job)
    over = (DONE, FAILED, PRUNED)
    assert planner.started == sum(state[job] == STARTED for job in jobs)
    assert planner.unsettled == sum(planner._settles(job) and state[job] not in over for job in jobs)
    assert sorted(planner.failed) == [job for job in jobs if state[job] == FAILED]
    assert sorted(planner.pruned_by) == [job for job in jobs if state[job] == PRUNED]
    for job in jobs:
        _check_waiting(planner, job)
        _check_known(planner, job)
        if kind[job] in ON_DEMAND:
            _check_demand(planner, job, dependants[job])
        elif kind[job] != INVARIANT:
            assert planner.closed[job] == (state[job] == DONE)
        if state[job] in (STARTED, DONE) and kind[job] != INVARIANT:
            assert verdict[job] != OPEN
        if verdict[job] == CURRENT:
            assert state[job] == DONE
            assert kind[job] in (OUTPUT, TEMPORARY, CACHED)


def _check_waiting(planner: Planner, job: int) -> None:
    """What a waiting node waits for; one that waits for nothing was started."""
    if planner.state[job] != WAITING or planner.kind[job] == FINAL:
        return
    unknown = sum(not planner.known[p] for p in planner.inputs[job])
    missing = sum(planner.state[p] != DONE for p in planner.inputs[job])
    assert planner.unknown_inputs.get(job, 0) == unknown
    if not any(planner.state[p] in (FAILED, PRUNED) for p in planner.inputs[job]):
        assert planner.missing_inputs.get(job, 0) == missing
    if planner.kind[job] in ON_DEMAND:
        if (planner.demand.needed.get(job) or job in planner.demand.obliged) and planner.verdict[job] != RUN:
            assert unknown
            assert planner.nodes[job].by_content or not planner.fresh[job]
    elif planner.kind[job] == OUTPUT:
        assert planner.verdict[job] == RUN or unknown
        fresh = any(planner.fresh[p] for p in planner.inputs[job])
        assert planner.verdict[job] == RUN or planner.nodes[job].by_content or not fresh
    else:
        assert planner.verdict[job] == RUN
    assert planner.verdict[job] != RUN or missing, "nothing keeps it from starting"
    for p in planner.inputs[job]:
        if planner.state[p] in (FAILED, PRUNED):
            assert planner.known[p]
            assert planner.verdict[job] == OPEN


def _check_known(planner: Planner, job: int) -> None:
    kind = planner.kind[job]
    if kind in (OUTPUT, INJECTING):
        assert planner.known[job] == (planner.state[job] == DONE)
    elif kind not in (INVARIANT, FINAL) and planner.state[job] not in (FAILED, PRUNED):
        assert planner.known[job] == all(planner.known[p] for p in planner.inputs[job])
        assert planner.fresh[job] >= any(planner.fresh[p] for p in planner.inputs[job])
    assert bool(planner.strict[job]) >= planner.known[job]


def _check_demand(planner: Planner, job: int, dependants: list[int]) -> None:
    """Who uses an on-demand node, and whether what it made is given back in time."""
    open_dependants = sum(not planner.closed[d] for d in dependants)
    needed = sum(
        planner.verdict[d] == RUN and not planner.closed[d] and planner.state[d] not in (FAILED, PRUNED)
        for d in dependants
    )
    assert planner.demand.open_dependants[job] == open_dependants
    assert planner.demand.needed.get(job, 0) == needed
    done = planner.state[job] == DONE
    if job in planner.demand.obliged:
        assert planner.nodes[job].kept is not None
        assert not planner.closed[job]
    elif planner.state[job] not in (STARTED, FAILED):
        assert planner.closed[job] == (not open_dependants or (done and planner.kind[job] != LOADING))
    if planner.kind[job] == CACHED:
        assert job not in planner.demand.made
    else:
        assert (job in planner.demand.made) == bool(done and open_dependants)
    if planner.verdict[job] == RUN and planner.state[job] == WAITING:
        assert needed or job in planner.demand.obliged, "it must run, and nobody needs it"
