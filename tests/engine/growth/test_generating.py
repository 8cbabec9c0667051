"""JobGeneratingJob: "generates new jobs that depend on the output of an earlier one", in every run."""

from __future__ import annotations

import os
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg

from ..project import Project, copy, fail, tell, write, write_all

DATA: dict[str, Any] = {}


def build(names: str = "abc") -> None:
    listing = ppg.FileGeneratingJob("names", write(names))

    def generate() -> None:
        tell("generated")
        for name in Path("names").read_text():
            ppg.FileGeneratingJob(name, write(name))

    ppg.JobGeneratingJob("generator", generate).depends_on(listing)


def test_it_runs_each_time_and_its_jobs_only_if_they_must(project: Project) -> None:
    assert project.ran(build) == ["a", "b", "c", "generator", "names"]
    assert [project.read(name) for name in "abc"] == ["a", "b", "c"]
    assert project.ran(build) == ["generator"]
    os.unlink("b")
    outcome = project.run(build)
    assert outcome.ran == ["b", "generator"]
    assert outcome.reason("generator") == "jobs of this kind run every time"
    assert project.calls() == ["generated"] * 3


def test_a_second_run_does_nothing_but_generate_and_says_so(project: Project, capsys: Any) -> None:
    project.run(build)
    project.run(build, quiet=False)
    assert "nothing had to be redone, 4 of 4 outputs were current" in capsys.readouterr().err


def test_other_input_makes_other_jobs_and_the_old_files_stay(project: Project) -> None:
    project.run(build)
    assert project.ran(partial(build, "bcd")) == ["d", "generator", "names"]
    assert project.read("a") == "a"


def test_generated_jobs_are_in_the_graph_afterwards(project: Project) -> None:
    outcome = project.run(build)
    job = outcome.job("a")
    assert job.was_run
    assert repr(job) == "FileGeneratingJob('a')"
    assert project.read("logs/ppg_run.txt").count("JobGeneratingJob('generator') made 6 jobs") == 1


def test_new_jobs_may_depend_on_older_ones_and_on_each_other(project: Project) -> None:
    def build() -> None:
        old = ppg.FileGeneratingJob("old", write("1"))

        def generate() -> None:
            a = ppg.FileGeneratingJob("a", copy("old")).depends_on(old)
            ppg.FileGeneratingJob("b", copy("a", "old")).depends_on(a, old)

        ppg.JobGeneratingJob("generator", generate)

    assert project.ran(build) == ["a", "b", "generator", "old"]
    assert project.read("b") == "11"
    assert project.ran(build) == ["generator"]


def test_generated_closures_keep_the_identity_of_loaded_objects(project: Project) -> None:
    """ "In local mode generated closures keep the identity of everything they capture.\""""

    def build() -> None:
        def load() -> None:
            DATA["big"] = object()

        loading = ppg.DataLoadingJob("load", load)

        def generate() -> None:
            big = DATA["big"]
            for name in "ab":

                def check(path: str, big: Any = big) -> None:
                    Path(path).write_text(f"{DATA['big'] is big} {id(big)}")

                ppg.FileGeneratingJob(name, check).depends_on(loading).ignore_code_changes()

        ppg.JobGeneratingJob("generator", generate).depends_on(loading)

    outcome = project.run(build)
    assert outcome.ran == ["a", "b", "generator", "load"]
    assert project.read("a").startswith("True ")
    assert project.read("a") == project.read("b")


def test_generated_closures_need_not_be_picklable(project: Project) -> None:
    """ "…and need not be picklable.\""""

    def build() -> None:
        def generate() -> None:
            lock, generator = threading.Lock(), (number for number in range(3))

            def callback(path: str) -> None:
                with lock:
                    Path(path).write_text(str(list(generator)))

            ppg.FileGeneratingJob("a", callback).ignore_code_changes()

        ppg.JobGeneratingJob("generator", generate)

    assert project.run(build).ran == ["a", "generator"]
    assert project.read("a") == "[0, 1, 2]"


def test_generators_may_make_generators(project: Project) -> None:
    def build(depth: int = 3) -> None:
        def generate(level: int = depth) -> None:
            ppg.FileGeneratingJob(f"file{level}", write(str(level)))
            if level:
                ppg.JobGeneratingJob(f"generator{level - 1}", partial(generate, level - 1))

        ppg.JobGeneratingJob("first", generate)

    files, generators = [f"file{n}" for n in range(4)], [f"generator{n}" for n in range(3)]
    assert project.ran(build) == sorted(["first", *files, *generators])
    assert project.ran(build) == sorted(["first", *generators])


def test_every_kind_of_job_can_be_generated(project: Project) -> None:
    Path("in").write_text("in")

    def build(value: int = 1) -> None:
        def generate() -> None:
            temporary = ppg.TempFileGeneratingJob("t", write()).depends_on_params(value)
            load = ppg.DataLoadingJob("load", lambda: DATA.update(loaded=5)).depends_on(temporary)
            a = ppg.FileGeneratingJob("a", lambda path: Path(path).write_text(str(DATA["loaded"])))
            a.depends_on(load).depends_on_file("in").depends_on_func("helper", write)
            ppg.MultiFileGeneratingJob(["m", "n"], write_all()).depends_on(a, ppg.FileTimeInvariant("in2"))
            cached = ppg.CachedDataLoadingJob("cached", lambda: 6, lambda v: DATA.update(cached=v)).depends_on(a)
            b = ppg.FileGeneratingJob("b", lambda path: Path(path).write_text(str(DATA["cached"])))
            b.depends_on(cached, ppg.MultiFileInvariant(["in", "in2"]))
            ppg.FinalJob("last", partial(tell, "last"))

        ppg.JobGeneratingJob("generator", generate)

    Path("in2").write_text("in2")
    everything = ["a", "b", "cached", "cached_load", "generator", "last", "load", "m:n", "t"]
    assert project.ran(build) == everything
    assert (project.read("a"), project.read("b"), Path("t").exists()) == ("5", "6", False)
    assert project.ran(build) == ["generator", "last"]
    assert project.ran(partial(build, 2)) == everything
    Path("in2").write_text("changed")
    assert project.ran(partial(build, 2)) == ["b", "cached_load", "generator", "last", "m:n"]


def test_a_changed_generator_does_not_redo_its_jobs(project: Project) -> None:
    """A generator's code decides what there is, not what is in it."""

    def build(unused: int) -> None:
        def generate() -> None:
            tell(str(unused))
            ppg.FileGeneratingJob("a", write())

        ppg.JobGeneratingJob("generator", generate)

    project.run(partial(build, 1))
    assert project.ran(partial(build, 2)) == ["generator"]


def test_a_dependant_of_a_generator_waits_and_is_redone_when_it_changed(project: Project) -> None:
    def build(value: int) -> None:
        generator = ppg.JobGeneratingJob("generator", partial(tell, str(value)))
        ppg.FileGeneratingJob("a", write()).depends_on(generator)

    assert project.ran(partial(build, 1)) == ["a", "generator"]
    assert project.ran(partial(build, 1)) == ["generator"]
    assert project.ran(partial(build, 2)) == ["a", "generator"]


def test_a_failing_generator_is_reported_and_leaves_no_trace(project: Project) -> None:
    def build() -> None:
        def generate() -> None:
            ppg.FileGeneratingJob("half", write())
            raise KeyError("half-way")

        generator = ppg.JobGeneratingJob("generator", generate)
        ppg.FileGeneratingJob("after", write()).depends_on(generator)
        ppg.FileGeneratingJob("aside", write())

    outcome = project.run(build)
    assert (outcome.failed, outcome.pruned) == (["generator"], ["after"])
    assert outcome.ran == ["aside", "generator"]
    assert isinstance(outcome.exception("generator"), KeyError)
    assert "half" not in outcome.graph.jobs


def test_a_generator_that_dies_is_reported(project: Project) -> None:
    def build() -> None:
        ppg.JobGeneratingJob("generator", lambda: os._exit(7))
        ppg.FileGeneratingJob("aside", write())

    outcome = project.run(build)
    assert outcome.failed == ["generator"]
    assert isinstance(outcome.exception("generator"), ppg.JobDiedException)
    assert outcome.exception("generator").exit_code == 7


def test_a_generated_job_may_fail(project: Project) -> None:
    def build() -> None:
        def generate() -> None:
            bad = ppg.FileGeneratingJob("bad", fail, rename_broken=True)
            ppg.FileGeneratingJob("after", write()).depends_on(bad)
            ppg.FileGeneratingJob("good", write())

        ppg.JobGeneratingJob("generator", generate)

    outcome = project.run(build)
    assert (outcome.failed, outcome.pruned) == (["bad"], ["after"])
    assert outcome.job("bad").exception.args == ("as told", 7)
    assert project.read("bad.broken") == "half"
    assert project.run(build).ran == ["bad", "generator"]


def old_depends_on_new() -> None:
    old = ppg.util.global_pipegraph.jobs["old"]
    old.depends_on(ppg.FileGeneratingJob("new", write()))


def redefines_a_job() -> None:
    ppg.FileGeneratingJob("old", write("otherwise"))


def other_class() -> None:
    ppg.TempFileGeneratingJob("old", write())


def same_file() -> None:
    ppg.MultiFileGeneratingJob(["old", "new"], write_all())


def nonsense() -> None:
    ppg.FileGeneratingJob("new", write()).depends_on("old")


def makes_a_cycle() -> None:
    a, b, c = (ppg.FileGeneratingJob(name, write()) for name in ("new", "new2", "new3"))
    a.depends_on(b.depends_on(c.depends_on(a)))


@pytest.mark.parametrize(
    ("generate", "words"),
    [
        (old_depends_on_new, "can't add prerequisites to jobs that exist already: use a DependencyInjectionJob"),
        (redefines_a_job, "another definition"),
        (other_class, "belongs to a FileGeneratingJob"),
        (same_file, "writes already"),
        (nonsense, "takes jobs"),
        (makes_a_cycle, "circle"),
    ],
)
def test_what_a_generator_may_not_do_is_refused_without_a_trace(project: Project, generate: Any, words: str) -> None:
    def build() -> None:
        ppg.FileGeneratingJob("old", write())
        ppg.JobGeneratingJob("generator", generate)

    outcome = project.run(build)
    assert outcome.failed == ["generator"]
    assert isinstance(outcome.exception("generator"), ppg.JobContractError)
    assert words in str(outcome.exception("generator"))
    assert set(outcome.graph.jobs) == {"old", "old_func", "generator", "generator_func"}
    assert project.read("old") == "x"
    assert not Path("new").exists()


def test_the_same_job_again_is_the_same_job(project: Project) -> None:
    """ "New ids that exist already must be the same job.\""""

    def build() -> None:
        callback = write()
        old = ppg.FileGeneratingJob("old", callback)

        def generate() -> None:
            assert ppg.FileGeneratingJob("old", callback) is old
            ppg.FileGeneratingJob("shared", write())

        ppg.JobGeneratingJob("one", generate)
        ppg.JobGeneratingJob("two", generate)

    assert project.ran(build) == ["old", "one", "shared", "two"]
    assert project.ran(build) == ["one", "two"]


def test_prerequisites_of_a_job_made_twice_add_up(project: Project) -> None:
    def generate() -> None:
        b, c = (ppg.FileGeneratingJob(name, write(name)) for name in "bc")
        for prerequisite in (b, c):
            ppg.FileGeneratingJob("a", copy("b", "c")).depends_on(prerequisite)

    assert project.ran(lambda: ppg.JobGeneratingJob("generator", generate)) == ["a", "b", "c", "generator"]
    assert project.read("a") == "bc"


class Demanding(ppg.FileGeneratingJob):
    """A job type of the user's, whose constructor depends on another job, then refuses some names."""

    def __init__(self, name: str) -> None:
        super().__init__(name, copy("first"))
        self.depends_on(ppg.FileGeneratingJob("first", write("1")))
        if name == "bad":
            raise ValueError(name)


def test_a_constructor_may_depend_on_jobs_be_called_twice_and_refuse(project: Project) -> None:
    def generate() -> None:
        assert Demanding("good") is Demanding("good")
        with pytest.raises(ValueError, match="bad"):
            Demanding("bad")

    outcome = project.run(lambda: ppg.JobGeneratingJob("generator", generate))
    assert outcome.error is None, outcome.error
    assert outcome.ran == ["first", "generator", "good"]


def test_many_jobs_of_one_generator(project: Project) -> None:
    def build() -> None:
        def generate() -> None:
            for number in range(300):
                ppg.FileGeneratingJob(f"file{number}", write(str(number)))

        ppg.JobGeneratingJob("generator", generate)

    assert len(project.ran(build)) == 301
    assert project.read("file299") == "299"
    assert project.ran(build) == ["generator"]


def test_a_new_job_may_depend_on_the_function_of_an_older_one(project: Project) -> None:
    def build(text: str) -> None:
        old = ppg.FileGeneratingJob("old", write(text))
        ppg.JobGeneratingJob("g", lambda: ppg.FileGeneratingJob("new", write()).depends_on(old.code_invariant()))

    assert project.ran(lambda: build("1")) == ["g", "new", "old"]
    assert project.ran(lambda: build("1")) == ["g"]
    assert project.ran(lambda: build("2")) == ["g", "new", "old"]
