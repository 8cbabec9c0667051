"""Mistakes that the comparison with the oracle, or reading for it, found in the planner: the shortest story of each."""

from __future__ import annotations

import pytest

from ppg_mcp.planner import Files, Former, Reason, State

from .story import (
    Story,
    cached,
    final,
    generating,
    injecting,
    invariant,
    loading,
    output,
    temporary,
)

STANDING = Former(b"", b"", b"")
FOUND = Former(b"adopted", b"", b"", files_content=b"found")


def test_a_job_that_starts_with_its_last_input_still_gets_a_fingerprint() -> None:
    story = Story()
    story.plan(output("A"), temporary("T", "A"), output("B", "T"))
    assert story.ends("A") == ["start T"]
    assert story.planner.known[story.index["T"]]


def test_what_only_pruned_jobs_need_is_not_started() -> None:
    story = Story()
    assert story.plan(output("A"), output("X"), temporary("T", "A"), output("B", "T", "X")) == ["start A", "start X"]
    assert story.fails("X") == ["prune B because of X"]
    assert story.ends("A") == []
    assert story.planner.is_over
    assert story.why("T") == Reason.NOT_NEEDED


def test_what_pruned_jobs_needed_is_started_for_one_that_comes_later() -> None:
    story = Story()
    story.plan(generating("G"), output("A"), output("X"), temporary("T", "A"), output("B", "T", "X"))
    story.fails("X")
    assert story.ends("A") == []
    assert story.plan(output("late", "T")) == ["start T"]
    assert story.ends("T") == ["start late"]


def test_a_pruned_job_whose_input_is_rebuilt_needs_nothing() -> None:
    """A is judged to run only after B was pruned."""
    story = Story()
    told = story.plan(
        invariant("I", ""), injecting("D"), output("A", "D", files=Files.FINE, former=STANDING), temporary("T"),
        output("B", "I", "A", "T", files=Files.FINE, former=STANDING),
    )  # fmt: skip
    assert told == ["prune B because of I", "start D"]
    assert story.ends("D") == ["start A"]


@pytest.mark.parametrize("failing", ["A_temporary", "Z_temporary"])
def test_nothing_starts_for_a_job_that_is_pruned_in_the_same_breath(failing: str) -> None:
    """The late job needs C, which needs T, and another one, which failed; whichever is looked at first."""
    story = Story()
    story.plan(generating("G"), temporary(failing), output("X", failing), temporary("T"))
    assert story.fails(failing) == [f"prune X because of {failing}"]
    told = story.plan(cached("C", "T", failing), output("late", "C"))
    assert told == [f"prune C because of {failing}", f"prune late because of {failing}"]


def test_a_failed_generator_prunes_only_what_has_to_run() -> None:
    """Its fingerprint is known without it; C stands and is good for the late job."""
    first = Story()
    told = first.plan(generating("G"), cached("C", "G"), output("A", "C"), generating("H"))
    first.to_the_end(told)
    story, told = first.again()
    assert told == ["start G", "start H"]
    assert story.fails("G") == []
    assert story.plan(output("late", "C")) == ["start late"]


def test_opening_again_counts_inputs_that_were_given_back_meanwhile() -> None:
    """U was never needed while T came and went."""
    story = Story()
    story.plan(generating("G"), temporary("T"), output("A", "T"), temporary("U", "T"))
    assert story.ends("T") == ["start A"]
    assert story.ends("A") == ["remove T"]
    assert story.plan(output("late", "U")) == ["start T"]
    assert story.ends("T") == ["start U"]
    assert story.ends("U") == ["start late", "remove T"]


def test_opening_again_follows_the_edges_not_the_order_of_arrival() -> None:
    """T got a prerequisite that is younger than itself; both were used and given back."""
    story = Story()
    story.plan(generating("G"), injecting("D"), temporary("T", "D"), output("A", "T"))
    assert story.plan(temporary("young"), edges=[("T", "young")]) == ["start young"]
    assert story.ends("D") == []
    assert story.ends("young") == ["start T"]
    assert story.ends("T") == ["start A", "remove young"]
    assert story.ends("A") == ["remove T"]
    assert story.plan(output("late", "T")) == ["start young"]
    assert story.ends("young") == ["start T"]


def test_an_injected_edge_of_a_job_that_nobody_needs_keeps_nothing() -> None:
    story = Story()
    story.plan(injecting("D"), temporary("unneeded", "D"), temporary("T"), output("A", "T"))
    assert story.plan(edges=[("unneeded", "T")]) == []
    story.ends("D")
    assert story.ends("T") == ["start A"]
    assert story.ends("A") == ["remove T"]


def test_a_pruned_job_that_nobody_needs_keeps_nothing() -> None:
    story = Story()
    told = story.plan(invariant("I", ""), temporary("T"), temporary("unneeded", "T", "I"), output("A", "T"))
    assert told == ["prune unneeded because of I", "start T"]
    assert story.ends("T") == ["start A"]
    assert story.ends("A") == ["remove T"]


def test_a_leftover_that_was_used_after_all_is_removed_once() -> None:
    first = Story()
    first.to_the_end(first.plan(temporary("T"), output("A", "T"), generating("G")))
    story, told = first.again(temporary("T", files=Files.FINE))
    assert told == ["start G"]
    assert story.plan(output("late", "T")) == ["start late"]
    assert story.ends("late") == ["remove T"]
    assert story.ends("G") == []


def test_a_leftover_that_a_failed_job_used_stays() -> None:
    first = Story()
    first.to_the_end(first.plan(temporary("T"), output("A", "T"), generating("G")))
    story, _ = first.again(temporary("T", files=Files.FINE))
    story.plan(output("late", "T"))
    assert story.fails("late") == []
    assert story.ends("G") == []
    assert story.planner.is_over


def test_a_late_job_below_a_rebuilt_output_is_not_adopted() -> None:
    """Its input T came late, too, when A was built and its fingerprint known."""
    story = Story()
    story.plan(generating("G"), output("A"))
    story.ends("A")
    told = story.plan(temporary("T", "A"), output("late", "T", files=Files.FINE, adoption=FOUND))
    assert told == ["start T"]


def test_data_of_a_load_that_failed_elsewhere_is_dropped() -> None:
    """One machine had it already. Unload is told once, and only while there may be something."""
    story = Story()
    story.plan(loading("L"), output("A", "L"), output("B", "L"))
    assert story.ends("A") == []
    assert story.fails("L") == ["unload L", "withdraw B", "prune B because of L"]
    assert story.planner.is_over


def test_the_same_edge_twice_is_one_edge() -> None:
    story = Story()
    story.plan(injecting("D"), temporary("T"), output("A", "D"))
    assert story.plan(edges=[("A", "T"), ("A", "T")]) == ["start T"]
    assert story.plan(edges=[("A", "T")]) == []
    assert story.planner.demand.open_dependants[story.index["T"]] == 1


def test_an_edge_to_what_failed_prunes_a_job_that_must_run() -> None:
    story = Story()
    story.plan(injecting("D"), temporary("T"), temporary("U"), output("X", "U"), output("A", "D"))
    story.fails("U")
    assert story.plan(edges=[("A", "T"), ("A", "U")]) == ["prune A because of U"]
    assert story.planner.state[story.index["T"]] == State.WAITING


def test_final_jobs_below_a_failed_final_job() -> None:
    story = Story()
    assert story.plan(final("F"), final("G", "F"), final("H")) == ["start F", "start H"]
    assert story.fails("F") == ["prune G because of F"]
    assert story.ends("H") == []
    assert story.planner.is_over
