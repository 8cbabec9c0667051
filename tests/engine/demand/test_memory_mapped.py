"""MemMappedDataLoadingJob: an array that is calculated once, and mapped, not read."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy
import pytest

import pypipegraph as ppg

from ..project import Project, fail, tell, write
from ..scripts import Scripts

HELD: dict[str, Any] = {}
STRUCTURED = numpy.dtype([("name", "U3"), ("values", "<i2", (2,)), ("weight", ">f8")], align=True)


def hold(array: Any) -> None:
    HELD["array"] = array


def show(path: str) -> None:
    array = HELD["array"]
    order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
    Path(path).write_text(f"{array.tolist()} {array.shape} {array.dtype} {order}")


def calculator(array: Any) -> Any:
    def calculate() -> Any:
        tell("calculated")
        return array

    return calculate


THREE = numpy.arange(3)


def build(array: Any = THREE, dtype: Any = "i8", use: Any = show, parameter: int = 1, users: str = "a") -> None:
    job = ppg.MemMappedDataLoadingJob("cache/array", calculator(array), hold, dtype)
    for name in users:
        ppg.FileGeneratingJob(name, use).depends_on(job).depends_on_params(parameter)


def test_it_is_calculated_when_needed_and_kept(project: Project) -> None:
    assert project.ran(partial(build, users="")) == []
    assert project.ran(build) == ["a", "cache/array", "cache/array_load"]
    assert project.read("a") == "[0, 1, 2] (3,) int64 C"
    assert project.ran(build) == []
    assert project.ran(partial(build, parameter=2)) == ["a", "cache/array_load"]
    assert project.calls() == ["calculated"]
    assert HELD == {}, "never in the script"


def test_without_numpy_it_says_what_to_install(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    ppg.new_pipegraph(quiet=True)
    with pytest.raises(ppg.JobContractError, match=r"cache/array.* needs numpy.*pip install numpy"):
        ppg.MemMappedDataLoadingJob("cache/array", calculator(THREE), hold, "i8")


def test_another_array_or_dtype_is_calculated_anew(project: Project) -> None:
    project.run(build)
    everything = ["a", "cache/array", "cache/array_load"]
    assert project.ran(partial(build, numpy.arange(4))) == everything
    assert project.ran(partial(build, numpy.arange(4, dtype="i4"), "i4")) == everything
    outcome = project.run(partial(build, numpy.arange(4, dtype="i4"), "i8"))
    assert outcome.failed == ["cache/array"], "the dtype alone is reason enough to look again"


def test_a_changed_loading_function_does_not_calculate(project: Project) -> None:
    def build(factor: int) -> None:
        job = ppg.MemMappedDataLoadingJob(
            "cache/array", calculator(numpy.arange(3)), lambda array: hold(array * factor), int
        )
        ppg.FileGeneratingJob("a", show).depends_on(job)

    project.run(partial(build, 1))
    assert project.ran(partial(build, 2)) == ["a", "cache/array_load"]
    assert project.read("a").startswith("[0, 2, 4]")
    assert project.calls() == ["calculated"]


def describe_mapping(path: str) -> None:
    """How the array lies in this process: is it a map of the cache file, where, and may it be written?"""
    array = HELD["array"]
    address = array.__array_interface__["data"][0]
    for line in Path("/proc/self/maps").read_text().splitlines():
        first, last = (int(part, 16) for part in line.split()[0].split("-"))
        if first <= address < last:
            name = Path(line.split()[5]).name
            break
    Path(path).write_text(f"{type(array).__name__} {name} {line.split()[1]} {array.flags.writeable} {address:x}")


def test_it_is_a_mapping_that_all_jobs_share_and_no_copy(project: Project) -> None:
    project.ran(partial(build, numpy.zeros(1 << 18, "u1"), "u1", describe_mapping, users="abc"))
    seen = {project.read(name).rpartition(" ")[0] for name in "abc"}
    assert seen == {"memmap array r--s False"}, "shared pages of the file, read-only"
    assert len({project.read(name) for name in "abc"}) == 1, "at one address: inherited, not mapped again"


@pytest.mark.parametrize(
    ("array", "dtype"),
    [
        (numpy.arange(6.0).reshape(2, 3), float),
        (numpy.asfortranarray(numpy.arange(6.0).reshape(2, 3)), "f8"),
        (numpy.arange(24, dtype="i2").reshape(2, 3, 4)[:, ::2, ::-1], numpy.int16),
        (numpy.empty((0, 3), "f4"), numpy.dtype("f4")),
        (numpy.array(5, "u1"), "u1"),
        (numpy.array([("ab", (1, 2), 0.5)], STRUCTURED), STRUCTURED),
        (numpy.array(["a", "bcd"]), str),
        (numpy.array(["2026-01-02"], "M8[D]"), "M8[D]"),
        (numpy.array([True, False]), bool),
    ],
    ids=["2-d", "Fortran", "strided", "empty", "0-d", "structured", "text", "dates", "bool"],
)
def test_an_array_comes_back_as_it_was_calculated(project: Project, array: Any, dtype: Any) -> None:
    def compare(path: str) -> None:
        loaded = HELD["array"]
        assert type(loaded) is numpy.memmap
        assert (loaded.shape, loaded.dtype) == (array.shape, array.dtype)
        assert loaded.flags.f_contiguous == (array.flags.f_contiguous or array.ndim == 0)
        assert loaded.tobytes() == array.tobytes()
        write()(path)

    project.ran(partial(build, array, dtype, compare))


@pytest.mark.parametrize(
    ("came", "dtype", "words"),
    [
        ([1, 2], "i8", "builtins.list came"),
        (None, "i8", "NoneType came"),
        (numpy.float64(1), "f8", "numpy.float64 came"),
        (numpy.arange(3), "f8", r"dtype\('float64'\), but one of dtype\('int64'\) came"),
        (numpy.arange(3, dtype=">i8"), "i8", "astype"),
        (numpy.array(["a"]), "S", "dtype"),
        (numpy.array([object()]), "f8", r"dtype\('O'\) came"),
        (numpy.ma.masked_equal([1, 2], 2), "i8", "mask would be lost"),
    ],
)
def test_what_is_no_array_of_the_dtype_is_refused_by_name(project: Project, came: Any, dtype: Any, words: str) -> None:
    outcome = project.run(partial(build, came, dtype))
    assert (outcome.failed, outcome.pruned) == (["cache/array"], ["a", "cache/array_load"])
    assert isinstance(outcome.exception("cache/array"), ppg.JobContractError)
    with pytest.raises(ppg.JobContractError, match=words):
        raise outcome.exception("cache/array")
    assert not Path("cache/array").exists()


@pytest.mark.parametrize("dtype", [object, "O", [("a", "O")], numpy.dtypes.StringDType()])
def test_python_objects_can_not_be_mapped(project: Project, dtype: Any) -> None:
    ppg.new_pipegraph(quiet=True)
    with pytest.raises(ppg.JobContractError, match="CachedDataLoadingJob"):
        ppg.MemMappedDataLoadingJob("a", int, hold, dtype)
    assert ppg.util.global_pipegraph.jobs == {}


def test_nonsense_is_no_dtype(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    with pytest.raises(ppg.JobContractError, match="for a dtype"):
        ppg.MemMappedDataLoadingJob("a", int, hold, "nonsense")


def test_the_cache_outlives_a_failed_dependant(project: Project) -> None:
    assert project.run(partial(build, use=fail)).failed == ["a"]
    assert project.ran(build) == ["a", "cache/array_load"]


def test_a_failing_calculation_prunes(project: Project) -> None:
    def build() -> None:
        job = ppg.MemMappedDataLoadingJob("array", lambda: 1 / 0, hold, float)
        ppg.FileGeneratingJob("a", show).depends_on(job)

    outcome = project.run(build)
    assert (outcome.failed, outcome.pruned) == (["array"], ["a", "array_load"])


def test_prerequisites_and_resources_go_to_the_calculation(project: Project) -> None:
    def build(text: str) -> None:
        first = ppg.FileGeneratingJob("first", write(text))
        job = ppg.MemMappedDataLoadingJob("array", lambda: numpy.array([int(project.read("first"))]), hold, int)
        assert job.depends_on(first).use_cores(2) is job
        assert job.lfg.cores_needed == 2
        ppg.FileGeneratingJob("a", show).depends_on(job)

    assert project.ran(partial(build, "1")) == ["a", "array", "array_load", "first"]
    assert project.ran(partial(build, "2")) == ["a", "array", "array_load", "first"]
    assert project.read("a").startswith("[2]")


def test_a_generating_job_may_make_one(project: Project) -> None:
    def grow() -> None:
        ppg.JobGeneratingJob("grow", build)

    assert project.ran(grow) == ["a", "cache/array", "cache/array_load", "grow"]
    assert project.ran(grow) == ["grow"]


def test_numpy_is_imported_only_where_a_job_runs(scripts: Scripts) -> None:
    """And the dtype is looked at there, too."""
    script = """
def calculate():
    import numpy
    return numpy.arange(3)
HELD = []
ppg.new_pipegraph(quiet=True)
job = ppg.MemMappedDataLoadingJob("array", calculate, HELD.append, {dtype!r})
ppg.FileGeneratingJob("a", lambda path: Path(path).write_text(str(HELD[0].sum()))).depends_on(job)
try:
    ppg.run()
except ppg.RuntimeError as error:
    print(error)
print("numpy" in sys.modules)
"""
    out = scripts.good(script.format(dtype="O"))
    assert "holds Python objects" in out
    assert out.endswith("False\n")
    assert scripts.good(script.format(dtype="i8")) == "False\n"
    assert Path("a").read_text() == "3"
