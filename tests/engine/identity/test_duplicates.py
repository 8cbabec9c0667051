"""Constructing a job twice: "returns the same object; with another class, or another callback, it raises"."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg

from ..project import Project, fail, write, write_all

WRITE = write()


class Holder:
    """Something to load into."""


HOLDER = Holder()


def one() -> int:
    return 1


def two() -> int:
    return 2


def take_one(value: Any) -> None:
    HOLDER.value = value


def take_two(value: Any) -> None:
    HOLDER.value = [value]


def combine(facets: Any, fiddle: Any = None) -> Any:
    plots = [ppg.PlotJob(name, one, take_one) for name in ("a.png", "b.png")]
    return ppg.CombinedPlotJob("c.png", plots, facets, fiddle=fiddle)


Make = Callable[[Any], Any]
MAKERS: dict[str, tuple[Make, Any, Any]] = {
    "FileGeneratingJob": (lambda f: ppg.FileGeneratingJob("a", f), WRITE, fail),
    "MultiFileGeneratingJob": (lambda f: ppg.MultiFileGeneratingJob(["a", "b"], f), write_all(), fail),
    "TempFileGeneratingJob": (lambda f: ppg.TempFileGeneratingJob("a", f), WRITE, fail),
    "DataLoadingJob": (lambda f: ppg.DataLoadingJob("a", f), one, two),
    "AttributeLoadingJob": (lambda f: ppg.AttributeLoadingJob("a", HOLDER, "x", f), one, two),
    "AttributeLoadingJob, object": (lambda o: ppg.AttributeLoadingJob("a", o, "x", one), HOLDER, Holder()),
    "AttributeLoadingJob, name": (lambda n: ppg.AttributeLoadingJob("a", HOLDER, n, one), "x", "y"),
    "CachedAttributeLoadingJob": (lambda f: ppg.CachedAttributeLoadingJob("a", HOLDER, "x", f), one, two),
    "CachedDataLoadingJob, calculate": (lambda f: ppg.CachedDataLoadingJob("a", f, take_one), one, two),
    "CachedDataLoadingJob, load": (lambda f: ppg.CachedDataLoadingJob("a", one, f), take_one, take_two),
    "MultiTempFileGeneratingJob": (lambda f: ppg.MultiTempFileGeneratingJob(["a", "b"], f), write_all(), fail),
    "MemMappedDataLoadingJob, calculate": (lambda f: ppg.MemMappedDataLoadingJob("a", f, take_one, "f8"), one, two),
    "MemMappedDataLoadingJob, load": (lambda f: ppg.MemMappedDataLoadingJob("a", one, f, "f8"), take_one, take_two),
    "MemMappedDataLoadingJob, dtype": (lambda d: ppg.MemMappedDataLoadingJob("a", one, take_one, d), "f8", "f4"),
    "JobGeneratingJob": (lambda f: ppg.JobGeneratingJob("a", f), one, two),
    "DependencyInjectionJob": (lambda f: ppg.DependencyInjectionJob("a", f), one, two),
    "FinalJob": (lambda f: ppg.FinalJob("a", f), one, two),
    "PlotJob, plot": (lambda f: ppg.PlotJob("a.png", one, f), take_one, take_two),
    "PlotJob, calc": (lambda f: ppg.PlotJob("a.png", f, take_one), one, two),
    "PlotJob, render_args": (lambda a: ppg.PlotJob("a.png", one, take_one, a), {"width": 1}, {"width": 2}),
    "PlotJob, skip_table": (lambda skip: ppg.PlotJob("a.png", one, take_one, skip_table=skip), True, False),
    "PlotJob, fiddle": (lambda f: ppg.PlotJob("a.png", one, take_one).add_fiddle(f), take_one, take_two),
    "CombinedPlotJob, facets": (lambda facets: combine(facets), ["x"], ["y"]),
    "CombinedPlotJob, fiddle": (lambda f: combine([], f), take_one, take_two),
    "ParameterInvariant": (lambda value: ppg.ParameterInvariant("a", value), (1, "x"), (1.0, "x")),
    "FunctionInvariant": (lambda f: ppg.FunctionInvariant("a", f), one, two),
}


@pytest.mark.parametrize("name", MAKERS)
def test_the_same_again_is_the_same_object(project: Project, name: str) -> None:
    make, first, _ = MAKERS[name]
    ppg.new_pipegraph(quiet=True)
    job = make(first)
    count = len(ppg.util.global_pipegraph.jobs)
    assert make(first) is job
    assert len(ppg.util.global_pipegraph.jobs) == count


@pytest.mark.parametrize("name", MAKERS)
def test_another_callback_or_value_is_refused(project: Project, name: str) -> None:
    make, first, other = MAKERS[name]
    ppg.new_pipegraph(quiet=True)
    job = make(first)
    with pytest.raises(ppg.JobContractError, match="another definition"):
        make(other)
    assert make(first) is job


@pytest.mark.parametrize("make", [lambda p: ppg.FileTimeInvariant(p), lambda p: ppg.FileChecksumInvariant(p)])
def test_file_invariants_are_one_per_file(project: Project, make: Make) -> None:
    ppg.new_pipegraph(quiet=True)
    assert make("a") is make(Path("./a"))
    assert ppg.MultiFileInvariant(["b", "c"]) is ppg.MultiFileInvariant(["./c", "b", "b"])


def test_another_class_is_refused(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    ppg.FileGeneratingJob("a", WRITE)
    for make in (
        lambda: ppg.TempFileGeneratingJob("a", WRITE),
        lambda: ppg.DataLoadingJob("a", one),
        lambda: ppg.FinalJob("a", one),
        lambda: ppg.FileChecksumInvariant("a"),
    ):
        with pytest.raises(ppg.JobContractError, match="belongs to a FileGeneratingJob"):
            make()
    assert set(ppg.util.global_pipegraph.jobs) == {"a", "a_func"}


OUTPUTS: dict[str, Make] = {
    "one of several": lambda path: ppg.MultiFileGeneratingJob([path, "other"], WRITE),
    "one of several temporary ones": lambda path: ppg.MultiTempFileGeneratingJob([path, "other"], WRITE),
    "a kept log": lambda path: ppg.TempFilePlusGeneratingJob("other", path, lambda: None),
}
WATCHERS: dict[str, Make] = {
    "time": ppg.FileTimeInvariant,
    "checksum": ppg.FileChecksumInvariant,
    "robust": ppg.RobustFileChecksumInvariant,
    "several": lambda path: ppg.MultiFileInvariant([path, "input"]),
    "depends_on_file": lambda path: ppg.FileGeneratingJob("dependant", WRITE).depends_on_file(path),
}


@pytest.mark.parametrize("watch", WATCHERS.values(), ids=WATCHERS)
@pytest.mark.parametrize("make", OUTPUTS.values(), ids=OUTPUTS)
def test_an_output_is_no_input_file(project: Project, make: Make, watch: Make) -> None:
    """An invariant is evaluated before the file is made."""
    for first, second in ((make, watch), (watch, make)):
        ppg.new_pipegraph(quiet=True)
        first("a")
        with pytest.raises(ppg.JobContractError, match=r"can't watch 'a'.*Depend on the job instead"):
            second("./a")


def test_several_input_files_are_no_output_of_a_single_job_either(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    ppg.MultiFileInvariant(["a", "b"])
    with pytest.raises(ppg.JobContractError, match="can't watch 'a'"):
        ppg.FileGeneratingJob("a", WRITE)
    ppg.FileGeneratingJob("c", WRITE)
    with pytest.raises(ppg.JobContractError, match="can't watch 'c'"):
        ppg.MultiFileInvariant(["d", "c"])
    ppg.FileGeneratingJob("d", WRITE)  # the refused invariant left no trace


def test_no_private_argument_shows(project: Project) -> None:
    classes = [kind for name, kind in vars(ppg).items() if name.endswith("Job") and isinstance(kind, type)]
    assert classes
    for kind in classes:
        assert not [name for name in inspect.signature(kind.__init__).parameters if name.startswith("_")], kind


def test_equal_lambdas_on_two_lines_are_the_same_callback(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    jobs = [ppg.FileGeneratingJob("a", lambda path: Path(path).write_text("x"))]
    jobs.append(ppg.FileGeneratingJob("a", lambda path: Path(path).write_text("x")))
    assert jobs[0] is jobs[1]


def test_prerequisites_of_both_constructions_add_up(project: Project) -> None:
    def build() -> None:
        ppg.FileGeneratingJob("c", WRITE).depends_on(ppg.FileGeneratingJob("a", WRITE))
        job = ppg.FileGeneratingJob("c", WRITE).depends_on(ppg.FileGeneratingJob("b", WRITE))
        assert {p.job_id for p in job.prerequisites} == {"a", "b", "c_func"}

    assert project.ran(build) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (lambda: ppg.FileGeneratingJob("a", WRITE), lambda: ppg.MultiFileGeneratingJob(["a", "b"], write_all())),
        (lambda: ppg.MultiFileGeneratingJob(["b", "a"], write_all()), lambda: ppg.FileGeneratingJob("./a", WRITE)),
        (
            lambda: ppg.MultiFileGeneratingJob(["b", "a"], write_all()),
            lambda: ppg.MultiFileGeneratingJob(["c", "./a"], write_all()),
        ),
        (lambda: ppg.PlotJob("p.png", one, take_one), lambda: ppg.FileGeneratingJob("p.png.tsv", WRITE)),
    ],
)
def test_two_jobs_for_one_file_are_refused(
    project: Project, first: Callable[[], Any], second: Callable[[], Any]
) -> None:
    """ "Two jobs that write the same file raise at construction.\""""
    ppg.new_pipegraph(quiet=True)
    first()
    with pytest.raises(ppg.JobContractError, match=r"writes already|belongs to|another definition"):
        second()


def test_a_refused_constructor_leaves_no_trace(project: Project) -> None:
    def build() -> None:
        ppg.FileGeneratingJob("a", WRITE)
        with pytest.raises(ppg.JobContractError):
            ppg.MultiFileGeneratingJob(["a", "b"], write_all())
        with pytest.raises(ppg.JobContractError):
            ppg.FileGeneratingJob("d", "no callback")
        assert set(ppg.util.global_pipegraph.jobs) == {"a", "a_func"}
        ppg.FileGeneratingJob("b", write("other")), ppg.FileGeneratingJob("d", write())

    assert project.ran(build) == ["a", "b", "d"]


def test_a_refused_double_of_an_implicit_invariant_takes_nothing_along(project: Project) -> None:
    """The one that the older job implies came to light while the second was refused, and stays."""
    graph = ppg.new_pipegraph(quiet=True)
    old = ppg.FileGeneratingJob("old", write())
    for _ in range(2):
        with pytest.raises(ppg.JobContractError, match="old_func"):
            ppg.FunctionInvariant("old_func", lambda: "another function")
    assert graph.jobs["old_func"] in old.prerequisites
    ppg.run()
    assert project.read("old") == "x"


def test_the_same_inside_a_generating_job(project: Project) -> None:
    def build() -> None:
        ppg.FileGeneratingJob("old", write())
        ppg.JobGeneratingJob("g", lambda: ppg.FunctionInvariant("old_func", lambda: "another function"))

    outcome = project.run(build)
    assert outcome.failed == ["g"]
    assert isinstance(outcome.exception("g"), ppg.JobContractError)
