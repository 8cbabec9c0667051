"""Nodes that stand for jobs without a part in the run: what depends on them is pruned, and nothing has failed."""

from __future__ import annotations

from ppg_mcp.planner import Files, Kind, Node

from .story import Story, final, generating, injecting, left_out, loading, output, temporary


def test_what_depends_on_it_is_pruned_and_the_rest_goes_on() -> None:
    story = Story()
    told = story.plan(left_out("P"), output("A", "P"), output("B", "A"), output("X"), final("F"))
    assert told == ["prune A because of P", "prune B because of P", "start X"]
    assert story.ends("X") == ["start F"]
    story.ends("F")
    assert story.planner.is_over
    assert not story.planner.failed


def test_one_that_an_injection_brings() -> None:
    story = Story()
    assert story.plan(injecting("I"), output("A", "I"), output("B", "A")) == ["start I"]
    told = story.plan(left_out("P"), edges=[("A", "P")])
    assert told == ["prune A because of P", "prune B because of P"]
    story.ends("I")
    assert story.planner.is_over


def test_one_that_a_temporary_gets_prunes_who_must_be_made_of_it() -> None:
    story = Story()
    assert story.plan(injecting("I"), temporary("T", "I"), output("A", "T")) == ["start I"]
    assert story.plan(left_out("P"), edges=[("T", "P")]) == ["prune T because of P", "prune A because of P"]
    assert story.ends("I") == []
    assert story.planner.is_over


def test_it_needs_no_load_but_holds_it_as_after_a_failure() -> None:
    story = Story()
    story.plan(injecting("I"), loading("L", "I"), output("A", "L", "I"), output("B", "L"))
    told = story.plan(left_out("P"), edges=[("A", "P")])
    assert told == ["prune A because of P"]
    assert story.to_the_end(story.ends("I")) == ["start B"]


def test_a_final_job_runs_unless_it_depends_on_one_directly_or_not() -> None:
    story = Story()
    told = story.plan(
        generating("G"), output("A", "G"), final("F", "A"), final("G after F", "F"), final("H"), final("J")
    )  # fmt: skip
    assert told == ["start G"]
    assert story.plan(left_out("P"), output("N", "P"), final("K", "N"), final("L", "K")) == ["prune N because of P"]
    assert story.ends("G") == ["start A"]
    assert story.ends("A") == ["prune K because of P", "prune L because of P", "start F", "start H", "start J"]
    story.ends("H"), story.ends("J")
    assert story.ends("F") == ["start G after F"]
    story.ends("G after F")
    assert story.planner.is_over


def test_a_failure_outweighs_it_for_final_jobs() -> None:
    story = Story()
    story.plan(left_out("P"), output("A"), final("F", "P"), final("G"))
    assert story.fails("A") == ["prune F because of A", "prune G because of A"]


def test_a_job_with_a_record_is_left_out_too() -> None:
    """It can't be judged, since the fingerprint of what was left out is not known; so it is left out as well."""
    story = Story()
    story.to_the_end(story.plan(output("P"), output("A", "P")))
    again, told = story.again((Node("P", Kind.INVARIANT, left_out=True), ()))
    assert told == ["prune A because of P"]
    assert again.planner.nodes[1].files == Files.FINE
