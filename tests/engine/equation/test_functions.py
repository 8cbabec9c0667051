"""Function invariants: "a changed default or closure value reruns; a changed comment or docstring does not"."""

from __future__ import annotations

import linecache
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypipegraph as ppg

from ..project import Project, copy, fail, write

BASE = """
from pathlib import Path

def callback(path, size=3):
    Path(path).write_text("x" * size)
"""


def loaded(source: str, name: str) -> Callable[..., Any]:
    """A function with real source in a real file."""
    path = Path(f"{name}.py").absolute()
    path.write_text(source)
    linecache.checkcache(str(path))
    scope: dict[str, Any] = {"__name__": name}
    exec(compile(source, str(path), "exec"), scope)
    found: Callable[..., Any] = scope["callback"]
    return found


def rerun(project: Project, before: str, after: str) -> ppg.Job | None:
    """Run with one version of a source file, then with the other; what ran the second time."""
    first = loaded(before, "one")
    project.run(lambda: ppg.FileGeneratingJob("a", first))
    assert project.ran(lambda: ppg.FileGeneratingJob("a", first)) == []
    second = loaded(after, "two")
    outcome = project.run(lambda: ppg.FileGeneratingJob("a", second))
    return outcome if outcome.ran else None


def test_comments_docstrings_annotations_and_position_do_not_count(project: Project) -> None:
    changed = BASE.replace(
        "def callback(path, size=3):", '\n\ndef callback(path: str, size: int = 3) -> None:\n    """New."""'
    )
    assert rerun(project, BASE, changed.replace("* size)", "* size)  # all of it")) is None


def test_code_counts_and_is_named(project: Project) -> None:
    outcome = rerun(project, BASE, BASE.replace('"x"', '"y"'))
    assert outcome.reason("a") == "'a_func' changed (its code)"
    assert project.read("a") == "yyy"


def test_default_values_count_and_are_named(project: Project) -> None:
    reason = rerun(project, BASE, BASE.replace("size=3", "size=4")).reason("a")
    assert reason.startswith("'a_func' changed (")
    assert "3" in reason
    assert "4" in reason
    assert "code" not in reason


def test_closure_values_count_and_are_named(project: Project) -> None:
    project.run(lambda: ppg.FileGeneratingJob("a", write("before")))
    reason = project.run(lambda: ppg.FileGeneratingJob("a", write("after"))).reason("a")
    assert "before" in reason
    assert "after" in reason


def test_a_function_that_is_called_is_not_followed_unless_named(project: Project) -> None:
    def build(helper: Callable[[], str], named: bool) -> None:
        def callback(path: str) -> None:
            Path(path).write_text(HELPERS["now"]())

        HELPERS["now"] = helper
        job = ppg.FileGeneratingJob("a", callback)
        if named:
            job.depends_on_func("helper", helper)

    project.run(lambda: build(lambda: "1", named=False))
    assert project.ran(lambda: build(lambda: "2", named=False)) == []
    assert project.ran(lambda: build(lambda: "2", named=True)) == ["a"]
    assert project.ran(lambda: build(lambda: "2", named=True)) == []
    assert project.ran(lambda: build(lambda: "3", named=True)) == ["a"]
    assert project.read("a") == "3"


HELPERS: dict[str, Callable[[], str]] = {}


def test_ignore_code_changes_masks_the_jobs_own_function(project: Project) -> None:
    def build(text: str, ignore: bool) -> None:
        job = ppg.FileGeneratingJob("a", write(text))
        if ignore:
            assert job.ignore_code_changes() is job

    assert project.ran(lambda: build("1", ignore=True)) == ["a"]
    assert project.ran(lambda: build("2", ignore=True)) == []
    assert project.read("a") == "1"


def test_switching_it_on_or_off_redoes_nothing_by_itself(project: Project) -> None:
    """ "Masks the edge in the comparison, on both sides; the edge stays recorded.\""""

    def build(text: str, ignore: bool) -> None:
        job = ppg.FileGeneratingJob("a", write(text))
        if ignore:
            job.ignore_code_changes()

    project.run(lambda: build("1", ignore=False))
    assert project.ran(lambda: build("1", ignore=True)) == []
    assert project.ran(lambda: build("2", ignore=True)) == []
    assert project.ran(lambda: build("1", ignore=False)) == []
    assert project.ran(lambda: build("2", ignore=False)) == ["a"]


def test_ignored_code_does_not_hide_other_changes(project: Project) -> None:
    def build(text: str, value: int) -> None:
        ppg.FileGeneratingJob("a", write(text)).ignore_code_changes().depends_on_params(value)

    project.run(lambda: build("1", 1))
    assert project.ran(lambda: build("2", 2)) == ["a"]
    assert project.read("a") == "2"
    assert project.ran(lambda: build("3", 2)) == []


def test_ignored_code_of_a_temporary_keeps_its_file_but_redoes_what_is_made_of_it(project: Project) -> None:
    """It masks the edge of the temporary itself; its dependants record what it is made of."""

    def build(text: str, fails: bool = False) -> None:
        temporary = ppg.TempFileGeneratingJob("t", write(text)).ignore_code_changes()
        ppg.FileGeneratingJob("a", copy("t")).depends_on(temporary)
        if fails:
            ppg.FileGeneratingJob("b", fail).depends_on(temporary)

    project.run(lambda: build("1", fails=True))
    assert project.read("t") == "1"
    assert project.ran(lambda: build("2")) == ["a"]
    assert project.read("a") == "1"
    assert project.ran(lambda: build("2")) == []


def test_ignored_code_of_a_cached_job_keeps_its_file_but_redoes_what_is_made_of_it(project: Project) -> None:
    def build(value: int) -> None:
        cached = ppg.CachedAttributeLoadingJob("cache", HELD, "value", lambda: value).ignore_code_changes()
        ppg.FileGeneratingJob("a", lambda path: write(str(HELD.value))(path)).depends_on(cached)

    project.run(lambda: build(1))
    assert project.ran(lambda: build(2)) == ["a", "cache_load"]
    assert project.read("a") == "1"
    assert project.ran(lambda: build(2)) == []


def test_ignored_code_of_a_loading_job_has_no_effect(project: Project) -> None:
    def build(value: int) -> None:
        loading = ppg.AttributeLoadingJob("load", HELD, "value", lambda: value).ignore_code_changes()
        ppg.FileGeneratingJob("a", lambda path: write(str(HELD.value))(path)).depends_on(loading)

    project.run(lambda: build(1))
    assert project.ran(lambda: build(2)) == ["a", "load"]
    assert project.read("a") == "2"


class HELD:
    value = 0


def test_a_function_invariant_shared_by_jobs_redoes_all_of_them(project: Project) -> None:
    def build(value: int) -> None:
        shared = ppg.FunctionInvariant("shared", lambda: value)
        for name in "ab":
            ppg.FileGeneratingJob(name, write()).depends_on(shared)
        ppg.FileGeneratingJob("c", write())

    project.run(lambda: build(1))
    assert project.ran(lambda: build(2)) == ["a", "b"]


class Opaque:
    """Of no known type."""

    __slots__ = ()


def test_an_unknown_type_in_a_closure_is_warned_of_once(project: Project, capsys: Any) -> None:
    """ "An unknown type is a visible warning with the way out (`depends_on_params`), never a cut repr.\""""
    thing = Opaque()

    def callback(path: str) -> None:
        Path(path).write_text(f"x{thing is None}")

    outcome = project.run(lambda: [ppg.FileGeneratingJob(name, callback) for name in "ab"], quiet=False)
    assert outcome.error is None
    about = [text for text in outcome.warnings() if "Opaque" in text]
    assert len(about) == 1
    assert "depends_on_params" in about[0]
    assert about[0] in capsys.readouterr().err
    assert project.ran(lambda: [ppg.FileGeneratingJob(name, callback) for name in "ab"]) == []
