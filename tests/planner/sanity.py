"""Recompute the planner's books naively and compare.

Quadratic, and from the columns that state facts (`nodes`, `kind`, `inputs`, `state`, `verdict`, `known`, `closed`,
`fresh`); everything that is counted along the way is counted again.
"""

from __future__ import annotations

from ppg_mcp.planner import Kind, Planner, State, Verdict
from ppg_mcp.planner.node import ON_DEMAND


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
        if kind[job] != Kind.FINAL:
            for p in planner.inputs[job]:
                dependants[p].append(job)
    over = (State.DONE, State.FAILED, State.PRUNED)
    assert planner.started == sum(state[job] == State.STARTED for job in jobs)
    assert planner.unsettled == sum(planner._settles(job) and state[job] not in over for job in jobs)
    assert sorted(planner.failed) == [job for job in jobs if state[job] == State.FAILED]
    assert sorted(planner.pruned_by) == [job for job in jobs if state[job] == State.PRUNED]
    for job in jobs:
        _check_waiting(planner, job)
        _check_known(planner, job)
        if kind[job] in ON_DEMAND:
            _check_demand(planner, job, dependants[job])
        elif kind[job] != Kind.INVARIANT:
            assert planner.closed[job] == (state[job] == State.DONE)
        if state[job] in (State.STARTED, State.DONE) and kind[job] != Kind.INVARIANT:
            assert verdict[job] != Verdict.OPEN
        if verdict[job] == Verdict.CURRENT:
            assert state[job] == State.DONE
            assert kind[job] in (Kind.OUTPUT, Kind.TEMPORARY, Kind.CACHED)


def _check_waiting(planner: Planner, job: int) -> None:
    """What a waiting node waits for; one that waits for nothing was started."""
    if planner.state[job] != State.WAITING or planner.kind[job] == Kind.FINAL:
        return
    unknown = sum(not planner.known[p] for p in planner.inputs[job])
    missing = sum(planner.state[p] != State.DONE for p in planner.inputs[job])
    assert planner.unknown_inputs.get(job, 0) == unknown
    if not any(planner.state[p] in (State.FAILED, State.PRUNED) for p in planner.inputs[job]):
        assert planner.missing_inputs.get(job, 0) == missing
    if planner.kind[job] in ON_DEMAND:
        if (planner.demand.needed.get(job) or job in planner.demand.obliged) and planner.verdict[job] != Verdict.RUN:
            assert unknown
            assert planner.nodes[job].by_content or not planner.fresh[job]
    elif planner.kind[job] == Kind.OUTPUT:
        assert planner.verdict[job] == Verdict.RUN or unknown
        fresh = any(planner.fresh[p] for p in planner.inputs[job])
        assert planner.verdict[job] == Verdict.RUN or planner.nodes[job].by_content or not fresh
    else:
        assert planner.verdict[job] == Verdict.RUN
    assert planner.verdict[job] != Verdict.RUN or missing, "nothing keeps it from starting"
    for p in planner.inputs[job]:
        if planner.state[p] in (State.FAILED, State.PRUNED):
            assert planner.known[p]
            assert planner.verdict[job] == Verdict.OPEN


def _check_known(planner: Planner, job: int) -> None:
    kind = planner.kind[job]
    if kind in (Kind.OUTPUT, Kind.INJECTING):
        assert planner.known[job] == (planner.state[job] == State.DONE)
    elif kind not in (Kind.INVARIANT, Kind.FINAL) and planner.state[job] not in (State.FAILED, State.PRUNED):
        assert planner.known[job] == all(planner.known[p] for p in planner.inputs[job])
        assert planner.fresh[job] >= any(planner.fresh[p] for p in planner.inputs[job])
    assert bool(planner.strict[job]) >= planner.known[job]


def _check_demand(planner: Planner, job: int, dependants: list[int]) -> None:
    """Who uses an on-demand node, and whether what it made is given back in time."""
    open_dependants = sum(not planner.closed[d] for d in dependants)
    needed = sum(
        planner.verdict[d] == Verdict.RUN
        and not planner.closed[d]
        and planner.state[d] not in (State.FAILED, State.PRUNED)
        for d in dependants
    )
    assert planner.demand.open_dependants[job] == open_dependants
    assert planner.demand.needed.get(job, 0) == needed
    done = planner.state[job] == State.DONE
    if job in planner.demand.obliged:
        assert planner.nodes[job].kept is not None
        assert not planner.closed[job]
    elif planner.state[job] not in (State.STARTED, State.FAILED):
        assert planner.closed[job] == (not open_dependants or (done and planner.kind[job] != Kind.LOADING))
    if planner.kind[job] == Kind.CACHED:
        assert job not in planner.demand.made
    else:
        assert (job in planner.demand.made) == bool(done and open_dependants)
    if planner.verdict[job] == Verdict.RUN and planner.state[job] == State.WAITING:
        assert needed or job in planner.demand.obliged, "it must run, and nobody needs it"
