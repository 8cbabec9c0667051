"""The sentences of semantics §2 and §3 that concern the planner, one story each."""

from __future__ import annotations

from ppg_mcp.planner import Files, Former, Reason

from .story import (
    Job,
    Story,
    cached,
    final,
    generating,
    injecting,
    invariant,
    loading,
    output,
    starts,
    temporary,
)


def built(*jobs: Job) -> Story:
    """A project after its first run."""
    story = Story()
    story.to_the_end(story.plan(*jobs))
    return story


TOMBSTONE = Former(b"", b"", b"", valid=False)
FOUND = Former(b"adopted", b"", b"", files_content=b"found")

# ------------------------------------------------------------------------------------------------------- the equation


def test_an_output_without_a_record_runs() -> None:
    story = Story()
    assert story.plan(invariant("I"), output("A", "I")) == ["start A"]
    assert story.ends("A") == []
    assert story.planner.is_over


def test_a_file_that_nobody_recorded_is_redone() -> None:
    story = Story()
    assert story.plan(invariant("I"), output("A", "I", files=Files.FINE)) == ["start A"]
    assert story.why("A") == Reason.NO_RECORD


def test_an_output_with_a_tombstone_runs() -> None:
    story, told = built(output("A")).again(output("A", files=Files.FINE, former=TOMBSTONE))
    assert told == ["start A"]
    assert story.why("A") == Reason.TOMBSTONE


def test_nothing_changed_nothing_runs() -> None:
    story, told = built(invariant("I"), output("A", "I"), temporary("T", "A"), output("B", "T")).again()
    assert told == []
    assert story.planner.is_over


def test_a_changed_input_reruns() -> None:
    story, told = built(invariant("I"), output("A", "I")).again(invariant("I", "other"))
    assert told == ["start A"]
    assert story.why("A") == Reason.INPUTS_CHANGED


def test_an_added_input_reruns() -> None:
    _, told = built(output("A"), output("B")).again(output("B", "A", files=Files.FINE))
    assert told == ["start B"]


def test_a_removed_input_reruns() -> None:
    _, told = built(output("A"), output("B", "A")).again(output("B", files=Files.FINE))
    assert told == ["start B"]


def test_a_missing_or_empty_file_reruns() -> None:
    project = built(output("A"))
    story, told = project.again(output("A", files=Files.MISSING))
    assert (told, story.why("A")) == (["start A"], Reason.FILE_MISSING)
    story, told = project.again(output("A", files=Files.EMPTY))
    assert (told, story.why("A")) == (["start A"], Reason.FILE_EMPTY)


def test_the_order_in_which_inputs_are_declared_does_not_matter() -> None:
    project = built(output("A"), output("B"), output("C", "A", "B"))
    assert project.again(output("C", "B", "A", "B", files=Files.FINE))[1] == []


def test_a_rebuilt_output_reruns_what_depends_on_it() -> None:
    story, told = built(output("A"), output("B", "A"), output("C", "B")).again(output("A"))
    assert told == ["start A"]
    assert story.why("B") == story.why("C") == Reason.INPUT_REBUILT
    assert (story.because_of("B"), story.because_of("C")) == ("A", "B")
    assert story.ends("A") == ["start B"]
    assert story.ends("B") == ["start C"]


def test_parameters_flipped_forth_and_back_redo_what_was_built_between() -> None:
    first = built(invariant("I"), output("A", "I"))
    second, told = first.again(invariant("I", "other"))
    second.to_the_end(told)
    _, told = second.again(invariant("I"))
    assert told == ["start A"]


# ---------------------------------------------------------------------------------------------- files changed by hand


def test_a_file_edited_by_hand_is_kept_and_counts_as_changed() -> None:
    _, told = built(output("A"), output("B", "A")).again(output("A", files=Files.FINE, edited=b"by hand"))
    assert told == ["start B"]


def test_a_file_edited_by_hand_is_overwritten_when_its_inputs_change() -> None:
    project = built(invariant("I"), output("A", "I"))
    _, told = project.again(invariant("I", "other"), output("A", "I", files=Files.FINE, edited=b"by hand"))
    assert told == ["start A"]


# ---------------------------------------------------------------------------------------------------------- adoption


def test_files_without_any_record_are_adopted() -> None:
    story = Story()
    assert story.plan(output("A", files=Files.FINE, adoption=FOUND)) == ["adopt A"]
    assert story.why("A") == Reason.ADOPTED


def test_no_adoption_with_an_invariant_among_the_inputs() -> None:
    story = Story()
    assert story.plan(invariant("I"), output("A", "I", files=Files.FINE, adoption=FOUND)) == ["start A"]


def test_no_adoption_when_an_input_is_rebuilt() -> None:
    story = Story()
    assert story.plan(output("A"), output("B", "A", files=Files.FINE, adoption=FOUND)) == ["start A"]
    assert story.ends("A") == ["start B"]


def test_adopt_takes_over_every_existing_output() -> None:
    story = Story()
    jobs = [output(job, "I", files=Files.FINE, adoption=FOUND, adopt=True) for job in "AB"]
    assert story.plan(invariant("I"), *jobs, output("C", "I", adopt=True)) == ["adopt A", "adopt B", "start C"]


def test_adopt_leaves_records_that_hold() -> None:
    """With a new build id, the cache file below would have to be made again."""
    project = built(output("A"), cached("C", "A"), output("B", "C"))
    _, told = project.again(output("A", files=Files.FINE, adoption=FOUND, adopt=True), output("B", "C"))
    assert told == ["start B"]


# ---------------------------------------------------------------------------------------------------------- on demand


def test_temporary_cached_and_loading_jobs_run_only_if_needed() -> None:
    story = Story()
    assert story.plan(temporary("T"), cached("C"), loading("L"), output("A")) == ["start A"]
    assert story.why("T") == story.why("C") == story.why("L") == Reason.NOT_NEEDED


def test_they_are_needed_through_loading_jobs() -> None:
    story = Story()
    assert story.plan(cached("C"), loading("L", "C"), output("A", "L")) == ["start C"]
    assert story.ends("C") == ["start A"]
    assert story.loads_of("A") == ["L"]
    assert (story.because_of("C"), story.because_of("L")) == ("L", "A")
    assert story.why("L") == Reason.DATA_NEEDED


def test_loads_are_named_prerequisites_first() -> None:
    story = Story()
    story.plan(loading("genome"), loading("genes", "genome"), loading("index", "genes", "genome"), output("A", "index"))
    assert story.loads_of("A") == ["genome", "genes", "index"]


def test_a_standing_cache_file_is_used() -> None:
    project = built(invariant("I"), cached("C", "I"), output("A", "C"))
    story, told = project.again(output("A", "C"))
    assert told == ["start A"]
    assert story.why("C") == Reason.STANDING


def test_a_cache_file_that_is_not_as_recorded_is_redone() -> None:
    project = built(cached("C"), output("A", "C"))
    story, told = project.again(cached("C", files=Files.DIFFERENT), output("A", "C"))
    assert told == ["start C"]
    assert story.why("C") == Reason.FILE_DIFFERENT


def test_a_cache_file_under_a_tombstone_is_redone() -> None:
    project = built(cached("C"), output("A", "C"))
    story, told = project.again(cached("C", files=Files.FINE, former=TOMBSTONE), output("A", "C"))
    assert told == ["start C"]
    assert story.why("C") == Reason.TOMBSTONE


def test_input_addressed_fingerprints_are_known_without_running() -> None:
    """The temporary file is long gone, and what depends on it is current nevertheless."""
    project = built(invariant("I"), temporary("T", "I"), output("A", "T"))
    assert project.again()[1] == []
    _, told = project.again(invariant("I", "other"))
    assert starts(told) == ["T"]


def test_temporaries_go_when_nothing_can_need_them() -> None:
    story = Story()
    assert story.plan(temporary("T"), output("A", "T"), output("B", "T")) == ["start T"]
    assert story.ends("T") == ["start B", "start A"]
    assert story.ends("A") == []
    assert story.ends("B") == ["remove T"]
    assert story.why("T") == Reason.FILE_MISSING


def test_temporaries_stay_while_data_may_have_to_be_loaded_again() -> None:
    story = Story()
    assert story.plan(temporary("T"), loading("L", "T"), output("A", "L"), output("B", "L", "A")) == ["start T"]
    assert story.ends("T") == ["start A"]
    assert story.ends("A") == ["start B"]
    assert story.ends("B") == ["unload L", "remove T"]


def test_a_temporary_made_of_another_one_lets_it_go() -> None:
    story = Story()
    assert story.plan(temporary("T"), temporary("U", "T"), output("A", "U")) == ["start T"]
    assert story.ends("T") == ["start U"]
    assert story.ends("U") == ["start A", "remove T"]
    assert story.ends("A") == ["remove U"]


def test_a_failed_job_keeps_its_temporaries_for_the_next_run() -> None:
    story = Story()
    story.plan(temporary("T"), output("A", "T"))
    assert story.ends("T") == ["start A"]
    assert story.fails("A") == []
    assert story.planner.is_over
    again, told = story.again(temporary("T", files=Files.FINE), output("A", "T"))
    assert told == ["start A"]
    assert again.why("T") == Reason.STANDING
    assert again.ends("A") == ["remove T"]


def test_leftovers_of_crashed_runs_go_at_the_end() -> None:
    project = built(temporary("T"), output("A", "T"), output("B"))
    story, told = project.again(temporary("T", files=Files.FINE), output("B"))
    assert told == ["start B"]
    assert story.ends("B") == ["remove T"]


def test_generating_and_final_jobs_always_run() -> None:
    _, told = built(generating("G"), injecting("I"), final("F")).again()
    assert told == ["start G", "start I"]


# -------------------------------------------------------------------------------------------------- when it is judged


def test_downstream_of_an_injection_nothing_is_judged_before_it() -> None:
    """The new prerequisite counts as an added input."""
    project = built(injecting("D"), output("A", "D"))
    story, told = project.again()
    assert told == ["start D"]
    assert story.plan(output("N"), edges=[("A", "N")]) == ["start N"]
    assert story.ends("D") == []
    assert story.ends("N") == ["start A"]


def test_downstream_of_a_generator_all_is_judged_at_once() -> None:
    project = built(generating("G"), output("A", "G"))
    story, told = project.again()
    assert told == ["start G"]
    assert story.why("A") == Reason.CURRENT


def test_without_early_cutoff_needs_are_known_before_inputs_are_built() -> None:
    """B will run whatever A turns out to be, and C is started for it at once."""
    project = built(output("A"), cached("C"), output("B", "A", "C"))
    _, told = project.again(output("A"), cached("C"))
    assert sorted(told) == ["start A", "start C"]


def test_with_early_cutoff_they_wait() -> None:
    project = built(output("A"), cached("C"), output("B", "A", "C", by_content=True))
    story, told = project.again(output("A"), cached("C"))
    assert told == ["start A"]
    assert story.ends("A", content="something else") == ["start C"]


def test_without_a_record_there_is_nothing_to_wait_for() -> None:
    story = Story()
    told = story.plan(output("A"), cached("C"), output("B", "A", "C", by_content=True, files=Files.FINE))
    assert told == ["start A", "start C"]


def test_early_cutoff_stops_at_equal_content() -> None:
    project = built(output("A"), output("B", "A", by_content=True), output("C", "B"))
    story, told = project.again(output("A"))
    assert told == ["start A"]
    assert story.ends("A") == ["refresh B"]
    assert story.why("B") == story.why("C") == Reason.CURRENT


def test_switching_early_cutoff_reruns_nothing() -> None:
    project = built(output("A"), output("B", "A"))
    assert project.again(output("B", "A", files=Files.FINE, by_content=True))[1] == []


# -------------------------------------------------------------------------------------------------- ignore_code_changes


def test_a_masked_invariant_is_left_out_on_both_sides() -> None:
    project = built(invariant("A_func"), output("A", "A_func"))
    former = project.records["A"]._replace(inputs={"A_func": (b"value", b"value")})
    masked = output("A", "A_func", files=Files.FINE, former=former, masked=0)
    assert project.again(invariant("A_func", "other"), masked)[1] == []
    ignorant = former._replace(inputs={})
    masked = output("A", "A_func", files=Files.FINE, former=ignorant, masked=0)
    assert project.again(invariant("A_func", "other"), masked)[1] == []


# ------------------------------------------------------------------------------------------------------------- failure


def test_everything_downstream_is_pruned_everything_else_goes_on() -> None:
    story = Story()
    assert story.plan(output("A"), output("B", "A"), output("C", "B"), output("X")) == ["start A", "start X"]
    assert story.fails("A") == ["prune B because of A", "prune C because of A"]
    assert not story.planner.is_over
    assert story.ends("X") == []
    assert story.planner.is_over


def test_a_missing_input_file_of_an_invariant_fails_its_dependants_only() -> None:
    story = Story()
    told = story.plan(invariant("I", ""), output("A", "I"), output("B", "A"), output("X"))
    assert told == ["prune A because of I", "prune B because of I", "start X"]


def test_a_failed_temporary_prunes_those_that_need_it_and_no_others() -> None:
    project = built(temporary("T"), output("A", "T"), output("B", "T"))
    story, told = project.again(output("A", "T"))
    assert told == ["start T"]
    assert story.fails("T") == ["prune A because of T"]
    assert story.why("B") == Reason.CURRENT


def test_a_load_that_fails_withdraws_what_was_to_use_it() -> None:
    story = Story()
    assert sorted(story.plan(loading("L"), output("A", "L"), output("X"))) == ["start A", "start X"]
    assert story.fails("L") == ["unload L", "withdraw A", "prune A because of L"]
    story.ends("X")
    assert story.planner.is_over


def test_a_job_that_ends_well_elsewhere_after_its_load_has_failed_changes_nothing() -> None:
    story = Story()
    story.plan(loading("L"), output("A", "L"), output("B", "A"))
    assert "withdraw A" in story.fails("L")
    assert story.planner.is_over
    assert story.ends("A") == []
    assert story.planner.is_over


def test_a_load_that_fails_on_two_machines_fails_once() -> None:
    story = Story()
    story.plan(loading("L"), output("A", "L"), output("B", "L"))
    assert story.fails("L") == [
        "unload L", "withdraw A", "prune A because of L", "withdraw B", "prune B because of L",
    ]  # fmt: skip
    assert story.fails("L") == []
    assert story.fails("B") == []
    assert story.planner.is_over


def test_final_jobs_come_after_everything_else() -> None:
    story = Story()
    assert story.plan(final("F"), final("G", "F"), output("A")) == ["start A"]
    assert story.ends("A") == ["start F"]
    assert story.ends("F") == ["start G"]
    assert story.why("G") == Reason.ALWAYS


def test_final_jobs_run_only_if_nothing_failed() -> None:
    story = Story()
    story.plan(output("A"), output("B"), final("F"))
    story.fails("A")
    assert story.ends("B") == ["prune F because of A"]
    assert story.planner.is_over


def test_final_jobs_trigger_no_loads_and_no_temporaries() -> None:
    story = Story()
    assert story.plan(temporary("T"), loading("L"), final("F", "T", "L")) == ["start F"]
    assert story.loads_of("F") == []
