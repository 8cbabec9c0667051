"""Random projects over several runs: edits, injections, generated jobs, failures and crashes, against the oracle."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings

from .compare import run_and_compare, run_for_nothing
from .drawn import History, histories
from .edits import healed
from .oracle import from_scratch
from .world import World


@settings(deadline=None, max_examples=250, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(histories())
def test_any_history_goes_as_the_oracle_says(history: History) -> None:
    world = World()
    for chapter in history.chapters:
        chapter.touch(world)
        if chapter.stop_after is None:
            run_and_compare(world, chapter.graph, chapter.seed)
        else:
            world.run(chapter.graph, chapter.seed, chapter.stop_after)
    last = history.chapters[-1]
    healthy = healed(last.graph)
    run_and_compare(world, healthy, last.seed)
    run_for_nothing(world, healthy, last.seed + 1)
    if history.pure:
        for job, content in from_scratch(healthy).items():
            assert world.files[job].content == content


@settings(deadline=None, max_examples=250, suppress_health_check=[HealthCheck.too_slow])
@given(histories(largest=8, runs=6))
def test_any_longer_history_of_a_small_project(history: History) -> None:
    test_any_history_goes_as_the_oracle_says.hypothesis.inner_test(history)  # type: ignore[attr-defined]
