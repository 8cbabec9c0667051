"""Options of new_pipegraph that make no sense are refused by it; a pipegraph that was refused replaces none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg

from ..project import Project, write


@pytest.mark.parametrize("name", ["invariant_status_filename", "cache_folder", "log_file"])
@pytest.mark.parametrize("nonsense", [5, b"bytes", 1.5, ["a"], "", "a\0b", object()])
def test_paths_that_are_none(project: Project, name: str, nonsense: Any) -> None:
    former = ppg.new_pipegraph(quiet=True)
    with pytest.raises(ppg.JobContractError, match=name):
        ppg.new_pipegraph(quiet=True, **{name: nonsense})
    assert ppg.util.global_pipegraph is former


@pytest.mark.parametrize("name", ["invariant_status_filename", "cache_folder"])
def test_only_the_log_file_may_be_left_to_the_engine_by_none(project: Project, name: str) -> None:
    with pytest.raises(ppg.JobContractError, match=f"{name} must be a str or a pathlib.Path, not None"):
        ppg.new_pipegraph(**{name: None})  # type: ignore[arg-type]
    assert project.ran(lambda: ppg.FileGeneratingJob("a", write()), log_file=None) == ["a"]


@pytest.mark.parametrize("nonsense", [None, 1.5, True, "LOUD", [], b"INFO"])
def test_log_levels_that_are_none(project: Project, nonsense: Any) -> None:
    with pytest.raises(ppg.JobContractError, match=r"log_level must be one of .*INFO"):
        ppg.new_pipegraph(log_level=nonsense)


def test_paths_are_accepted_as_path_objects(project: Project) -> None:
    def build() -> None:
        ppg.PlotJob("a.png", lambda: 1, lambda table: None)

    options = {"invariant_status_filename": Path("store"), "cache_folder": Path("c"), "log_file": Path("log")}
    outcome = project.run(build, **options)
    assert outcome.failed == ["c/a.png"]
    assert Path("store").exists()
    assert Path("log").exists()


MAKERS = {
    "DataLoadingJob": lambda job_id: ppg.DataLoadingJob(job_id, lambda: None),
    "JobGeneratingJob": lambda job_id: ppg.JobGeneratingJob(job_id, lambda: None),
    "DependencyInjectionJob": lambda job_id: ppg.DependencyInjectionJob(job_id, lambda: None),
    "FinalJob": lambda job_id: ppg.FinalJob(job_id, lambda: None),
    "FunctionInvariant": lambda job_id: ppg.FunctionInvariant(job_id, write),
}


@pytest.mark.parametrize("name", MAKERS)
def test_an_empty_id_is_none(project: Project, name: str) -> None:
    ppg.new_pipegraph(quiet=True)
    with pytest.raises(ppg.JobContractError, match=f"{name} needs an id"):
        MAKERS[name]("")
    assert ppg.util.global_pipegraph.jobs == {}


ODD = ["\ud800", "a\0b", "a\nb", "x" * 100_000, " "]


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_ids_that_name_no_file_may_be_any_other_text(project: Project, odd: str) -> None:
    def build() -> None:
        loading = ppg.DataLoadingJob(odd, lambda: None)
        bad = ppg.DataLoadingJob("bad" + odd, lambda: None + 1)  # type: ignore[operator]
        job = ppg.FileGeneratingJob("a", write()).depends_on(loading, ppg.FunctionInvariant("function" + odd, write))
        job.depends_on(ppg.ParameterInvariant(odd, 1))
        ppg.FileGeneratingJob("after", write()).depends_on(bad)
        ppg.JobGeneratingJob("g" + odd, lambda: ppg.FileGeneratingJob("new", write()).depends_on_params(odd))

    outcome = project.run(build)
    assert outcome.failed == ["bad" + odd]
    assert sorted(["a", "new", odd, "g" + odd, "bad" + odd]) == outcome.ran
    str(outcome.error).encode()  # so that it can be printed anywhere
    assert project.run(build).ran == sorted(["bad" + odd, "g" + odd])
