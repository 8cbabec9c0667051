"""Run a world and hold it against the oracle."""

from __future__ import annotations

from ppg_mcp.planner.node import FINAL, TEMPORARY

from .model import ALWAYS, ON_DEMAND, Graph, kept
from .oracle import Oracle
from .world import Run, World


def run_and_compare(world: World, graph: Graph, seed: int = 0) -> Run:
    """Run `graph` to its end; AssertionError where anything differs from what the oracle says."""
    oracle = Oracle(graph, world.files, world.store, world.number + 1)
    run = world.run(graph, seed)
    if oracle.is_a_gamble():
        return run
    lost = {job for job in oracle.jobs if job in graph.makers and oracle.below_failure(graph.makers[job])}
    assert set(oracle.jobs) - lost - set(run.own.values()) <= set(run.ids) <= set(oracle.jobs)
    ran = set(run.ran)
    must, may = oracle.run_bounds()
    assert must <= ran, f"did not run: {sorted(must - ran)}"
    assert ran <= may, f"ran, and need not: {sorted(ran - may)}"
    must, may = oracle.pruned()
    pruned = {job for job in run.pruned if graph.kinds[job] not in ON_DEMAND or job in graph.keeps}
    assert must - lost <= pruned, f"not pruned: {sorted(must - pruned)}"
    assert pruned <= may, f"pruned: {sorted(pruned - may)}"
    adopted = set(run.adopted)
    assert oracle.adopted() - pruned <= adopted <= oracle.adopted() - (pruned - graph.keeps)
    expected = oracle.store_after(ran, set(run.refreshed) - (pruned - graph.keeps))
    expected |= {job: oracle.store[job] for job in oracle.adopted() - adopted if job in oracle.store}
    expected = {job: entry for job, entry in expected.items() if job in {*oracle.store, *adopted} or job not in pruned}
    assert world.store == expected
    temporary = {job for job in world.files if graph.kinds.get(job) == TEMPORARY}
    contents = {job: file.content for job, file in world.files.items() if job not in temporary}
    assert contents == oracle.contents_after(ran)
    if not run.failed:
        assert temporary & set(run.index) == oracle.leftovers()
    else:
        assert all(run.held(job) or job not in world.store for job in temporary if job in run.index)
    return run


def run_for_nothing(world: World, graph: Graph, seed: int = 0) -> None:
    """Nothing changed since a run that ended well: only what runs always does, and what it needs."""
    store, files = dict(world.store), dict(world.files)
    oracle = Oracle(graph, files, store, world.number + 1)
    needed = oracle.made_for([job for job in oracle.jobs if graph.kinds[job] in ALWAYS and graph.kinds[job] != FINAL])
    run = world.run(graph, seed)
    assert not run.failed
    assert not run.adopted
    assert run.executed <= needed, f"ran again: {sorted(run.executed - needed)}"
    assert {job: entry for job, entry in world.store.items() if job not in needed} == {
        job: entry for job, entry in store.items() if job not in needed
    }
    remade = needed | {kept(job) for job in needed}
    assert {name: file for name, file in world.files.items() if name not in remade} == {
        name: file for name, file in files.items() if name not in remade
    }
