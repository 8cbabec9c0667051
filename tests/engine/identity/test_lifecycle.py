"""When jobs may be made and connected: "jobs after `run()` or before `new_pipegraph()` raise"."""

from __future__ import annotations

from pathlib import Path

import pytest

import pypipegraph as ppg

from ..project import Project, write
from ..scripts import Scripts


def test_jobs_need_a_pipegraph(project: Project) -> None:
    ppg.destroy_global_pipegraph()
    assert not ppg.inside_ppg()
    for make in (
        lambda: ppg.FileGeneratingJob("a", write()),
        lambda: ppg.ParameterInvariant("a", 1),
        lambda: ppg.FileTimeInvariant("a"),
        lambda: ppg.FinalJob("a", lambda: None),
        lambda: ppg.PlotJob("a", lambda: 1, lambda value: 1),
        ppg.run,
    ):
        with pytest.raises(ppg.JobContractError, match="new_pipegraph"):
            make()


def test_a_pipegraph_runs_once(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    assert ppg.inside_ppg()
    a, b = ppg.FileGeneratingJob("a", write()), ppg.FileGeneratingJob("b", write())
    ppg.run()
    for late in (
        ppg.run,
        lambda: ppg.FileGeneratingJob("c", write()),
        lambda: ppg.ParameterInvariant("c", 1),
        lambda: a.depends_on(b),
        lambda: a.depends_on_params(1),
    ):
        with pytest.raises(ppg.JobContractError, match="a pipegraph runs once"):
            late()


def test_a_pipegraph_whose_run_failed_is_over_too(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    ppg.FileGeneratingJob("a", lambda: None)
    with pytest.raises(ppg.RuntimeError):
        ppg.run()
    with pytest.raises(ppg.JobContractError, match="runs once"):
        ppg.run()


def test_jobs_of_two_pipegraphs_cannot_be_mixed(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    old = ppg.FileGeneratingJob("a", write())
    ppg.new_pipegraph(quiet=True)
    new = ppg.FileGeneratingJob("b", write())
    for connect in (lambda: new.depends_on(old), lambda: old.depends_on(new)):
        with pytest.raises(ppg.JobContractError, match="two pipegraphs"):
            connect()


def test_an_empty_pipegraph_runs(project: Project) -> None:
    assert project.ran(lambda: None) == []


def test_both_names_are_the_same_functions(project: Project) -> None:
    assert ppg.new_pipeline is ppg.new_pipegraph
    assert ppg.run is ppg.run_pipegraph
    assert ppg.PyPipelineGraphError is ppg.PyPipeGraphError


def test_the_global_pipegraph_has_its_jobs_and_cache_folder(project: Project) -> None:
    graph = ppg.new_pipegraph(quiet=True, cache_folder="somewhere")
    job = ppg.FileGeneratingJob("a", write())
    assert ppg.util.global_pipegraph is graph
    assert graph.jobs["a"] is job
    assert graph.cache_folder == "somewhere"
    import pypipegraph.util

    assert pypipegraph.util.global_pipegraph is graph


def test_all_exceptions_descend_from_one(project: Project) -> None:
    for name in ("RuntimeError", "RuntimeException", "CycleError", "JobContractError", "JobDiedException"):
        assert issubclass(getattr(ppg, name), ppg.PyPipeGraphError)
    assert issubclass(ppg.CommunicationFailure, ppg.PyPipeGraphError)


def test_util_helpers(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    job = ppg.FileGeneratingJob("a", write())
    assert ppg.util.job_or_filename(job) == ("a", [job])
    name, (invariant,) = ppg.util.job_or_filename(Path("in"))
    assert name == "in"
    assert isinstance(invariant, ppg.FileChecksumInvariant)
    name, (invariant,) = ppg.util.job_or_filename("in2", ppg.FileTimeInvariant)
    assert isinstance(invariant, ppg.FileTimeInvariant)
    Path("in").write_text("hello")
    assert ppg.util.checksum_file("in") == "5d41402abc4b2a76b9719d911017c592"


class Named:
    def __init__(self, name: str) -> None:
        self.name = name


def test_assert_uniqueness_of_object(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    first = Named("x")
    ppg.util.assert_uniqueness_of_object(first)
    ppg.util.assert_uniqueness_of_object(first)
    ppg.util.assert_uniqueness_of_object(Named("y"))
    with pytest.raises(ValueError, match="named 'x'"):
        ppg.util.assert_uniqueness_of_object(Named("x"))
    ppg.new_pipegraph(quiet=True)
    ppg.util.assert_uniqueness_of_object(Named("x"))


def test_options_are_checked(project: Project) -> None:
    with pytest.raises(ppg.JobContractError, match="LocalSystem"):
        ppg.new_pipegraph(8)
    for nonsense in (0, -1, 1.5, True, "2"):
        with pytest.raises(ppg.JobContractError, match="positive int"):
            ppg.resource_coordinators.LocalSystem(max_cores_to_use=nonsense)
    with pytest.raises(ppg.JobContractError, match="log_level"):
        ppg.new_pipegraph(log_level="LOUD")


AT_THE_END = """
import atexit

class Loud:
    def __del__(self):
        tell("freed")

def captured(file, loud):
    def callback(path):
        Path(path).write_text(str((file, loud)))
    return callback

graph = ppg.new_pipegraph(quiet=True)
file = open("buffered", "w")
file.write("written late")
first = ppg.FileGeneratingJob("a", captured(file, Loud()))
last = ppg.FileGeneratingJob("b", write()).depends_on(first)
del file
if {runs}:
    ppg.run()
atexit.register(lambda: tell(f"{{len(graph.by_id)}}_jobs_{{last.was_run}}"))
"""


@pytest.mark.parametrize("runs", [False, True])
def test_the_end_of_the_process_frees_what_jobs_captured(scripts: Scripts, project: Project, runs: bool) -> None:
    scripts.good(AT_THE_END.format(runs=runs))
    assert project.calls() == [f"2_jobs_{runs}", "freed"]
    assert project.read("buffered") == "written late"


def test_the_end_of_the_process_frees_a_long_chain(scripts: Scripts) -> None:
    scripts.good("""
ppg.new_pipegraph(quiet=True)
last = None
for number in range(100_000):
    last = ppg.FileGeneratingJob(str(number), write()).depends_on(last)
del last
""")


def test_a_run_that_goes_on_keeps_its_jobs(scripts: Scripts, project: Project) -> None:
    """In a thread that the end of the main thread does not wait for."""
    scripts.good("""
import atexit, threading
graph = ppg.new_pipegraph(quiet=True)
ppg.FileGeneratingJob("a", lambda path: wait_for("never"))
atexit.unregister(ppg.util._let_go)
atexit.register(lambda: tell(len(graph.by_id)))
atexit.register(ppg.util._let_go)
threading.Thread(target=ppg.run, daemon=True).start()
wait_for(".pypipegraph_status_robust")
""")
    assert project.calls() == ["1"]
