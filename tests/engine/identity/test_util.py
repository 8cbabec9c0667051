"""`pypipegraph.util`: the small helpers of the original, under their old names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg
from ppg_cs import machine
from pypipegraph import util  # type: ignore[attr-defined, unused-ignore]

from ..project import Project, copy, write
from ..scripts import Scripts


class Named:
    def __init__(self, name: str) -> None:
        self.name = name


class Other(Named):
    pass


def test_the_module_can_be_imported_in_all_ways(scripts: Scripts) -> None:
    assert scripts.good(
        "import pypipegraph.util, pypipegraph.resource_coordinators\n"
        "from pypipegraph.util import checksum_file, CPUs, flatten_jobs\n"
        "from pypipegraph import util\n"
        "graph = ppg.new_pipegraph(quiet=True)\n"
        "assert util is pypipegraph.util and util.global_pipegraph is graph and util.inside_ppg()\n"
        "print(graph.jobs, graph.cache_folder)"
    ) == ("{} cache\n")


def test_checksum_file_is_md5_in_hexadecimal(project: Project) -> None:
    Path("in").write_bytes(b"hello" * 1_000_000)
    expected = subprocess.check_output(["md5sum", "in"], text=True).split()[0]
    assert util.checksum_file("in") == util.checksum_file(Path("in")) == expected
    with pytest.raises(FileNotFoundError):
        util.checksum_file("missing")


def test_job_or_filename(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    job = ppg.FileGeneratingJob("a", write())
    assert util.job_or_filename(job) == ("a", [job])
    assert util.job_or_filename(None) == (None, [])
    for path in ("in", Path("in")):
        name, (invariant,) = util.job_or_filename(path)
        assert (name, type(invariant)) == ("in", ppg.FileChecksumInvariant)
    for cls in (ppg.FileTimeInvariant, ppg.RobustFileChecksumInvariant):
        name, (invariant,) = util.job_or_filename(cls.__name__, invariant_class=cls)
        assert (name, type(invariant)) == (cls.__name__, cls)
    with pytest.raises(ppg.JobContractError):
        util.job_or_filename(7)  # type: ignore[arg-type]


def test_a_function_that_takes_either(project: Project) -> None:
    def upper(source: Any, output: str) -> ppg.Job:
        name, prerequisites = util.job_or_filename(source)
        return ppg.FileGeneratingJob(output, copy(name)).depends_on(prerequisites)

    def build() -> None:
        upper(upper("in", "a"), "b")

    Path("in").write_text("x")
    assert project.ran(build) == ["a", "b"]
    Path("in").write_text("y")
    assert project.ran(build) == ["a", "b"]
    assert project.read("b") == "y"


def test_unique_objects(project: Project) -> None:
    ppg.destroy_global_pipegraph()
    util.assert_uniqueness_of_object(Named("x")), util.assert_uniqueness_of_object(Named("x"))
    graph = ppg.new_pipegraph(quiet=True)
    first = Named("x")
    util.assert_uniqueness_of_object(first)
    util.assert_uniqueness_of_object(first, pipegraph=graph)
    util.assert_uniqueness_of_object(Other("x"))
    with pytest.raises(ValueError, match="a Named named 'x' in this pipegraph already"):
        util.assert_uniqueness_of_object(Named("x"))


@pytest.mark.parametrize("also_check", [Named, [Named], (int, Named)])
def test_unique_among_several_classes(project: Project, also_check: Any) -> None:
    ppg.new_pipegraph(quiet=True)
    util.assert_uniqueness_of_object(Named("x"))
    with pytest.raises(ValueError, match="a Named named 'x'"):
        util.assert_uniqueness_of_object(Other("x"), also_check=also_check)
    util.assert_uniqueness_of_object(Other("y"), also_check=also_check)
    util.assert_uniqueness_of_object(Other("x2")), util.assert_uniqueness_of_object(Named("y"))


def test_the_global_pipegraph(project: Project) -> None:
    ppg.destroy_global_pipegraph()
    assert util.global_pipegraph is None
    assert not ppg.inside_ppg()
    graph = ppg.new_pipegraph(quiet=True, cache_folder=Path("my") / "cache")
    job = ppg.FileGeneratingJob("a", write())
    assert ppg.inside_ppg()
    assert util.global_pipegraph is graph
    assert graph.jobs == {"a": job, "a_func": graph.jobs["a_func"]}
    assert graph.cache_folder == os.path.join("my", "cache")
    ppg.run()
    assert ppg.inside_ppg(), "it stays, for its results"


def test_flatten_jobs(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    a, b, c = (ppg.FileGeneratingJob(name, write()) for name in "abc")
    assert list(util.flatten_jobs(a)) == [a]
    assert list(util.flatten_jobs([])) == list(util.flatten_jobs(None)) == []
    assert list(util.flatten_jobs([a, [b, (c, None)], ppg.JobList([a]), iter([b])])) == [a, b, c, a, b]
    for nonsense in ("ab", 7, [a, "b"], Path("a")):
        with pytest.raises(ppg.JobContractError, match="flatten_jobs"):
            list(util.flatten_jobs(nonsense))


def test_questions_about_files(project: Project) -> None:
    Path("full").write_text("x"), Path("empty").touch(), Path("folder").mkdir(), os.symlink("nowhere", "dangling")
    names = ("full", "empty", "folder", "dangling", "missing")
    assert [util.file_exists(name) for name in names] == [True, True, True, False, False]
    assert [util.output_file_exists(name) for name in names] == [True, False, False, False, False]
    assert util.stat("full").st_size == util.stat(Path("full")).st_size == 1
    with pytest.raises(FileNotFoundError):
        util.stat("missing")


def test_cpus_are_the_cores_that_may_be_used(project: Project) -> None:
    assert util.CPUs() == ppg.cores() == machine.cores()


@pytest.mark.parametrize("package", ["ppg_mcp", "pypipegraph"])
def test_the_log_listener_is_found_under_both_names_by_python_m(package: str) -> None:
    """Without `main`, which would take the port from the tests that listen."""
    code = f"import runpy; print(runpy.run_module('{package}.util.log_listener')['LOG_PORT'])"
    assert subprocess.check_output([sys.executable, "-W", "error", "-c", code], text=True) == "5005\n"
