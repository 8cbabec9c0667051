"""Files that are not as they were recorded: edited by hand, touched, restored."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg

from ..project import Project, copy, version, write


def build(text: str = "made") -> None:
    a = ppg.FileGeneratingJob("a", write(text))
    b = ppg.FileGeneratingJob("b", copy("a")).depends_on(a)
    ppg.FileGeneratingJob("c", copy("b")).depends_on(b)


def test_an_edited_output_is_kept_and_what_depends_on_it_redone(project: Project, capsys: Any) -> None:
    """ "It is never overwritten for that reason, it counts as changed for its dependants, with a warning.\""""
    project.run(build)
    Path("b").write_text("by hand")
    outcome = project.run(build, quiet=False)
    assert outcome.ran == ["c"]
    assert project.read("b") == "by hand"
    assert project.read("c") == "by hand"
    assert [text for text in outcome.warnings() if "'b' was edited by hand" in text]
    assert "'b' was edited by hand" in capsys.readouterr().err


def test_the_edit_is_told_again_but_redone_only_once(project: Project) -> None:
    project.run(build)
    Path("b").write_text("by hand")
    project.run(build)
    outcome = project.run(build)
    assert outcome.ran == []
    assert outcome.warnings()


def test_a_second_edit_counts_again(project: Project) -> None:
    project.run(build)
    Path("b").write_text("by hand")
    project.run(build)
    Path("b").write_text("by my hand")
    assert project.ran(build) == ["c"]
    assert project.read("c") == "by my hand"


def test_undoing_the_edit_redoes_the_dependant_only(project: Project) -> None:
    project.run(build)
    Path("b").write_text("by hand")
    project.run(build)
    Path("b").write_text("made")
    outcome = project.run(build)
    assert outcome.ran == ["c"]
    assert project.read("c") == "made"
    assert outcome.warnings() == []
    assert project.ran(build) == []


def test_an_edited_output_is_overwritten_when_its_inputs_changed(project: Project) -> None:
    project.run(build)
    Path("a").write_text("by hand")
    assert project.ran(lambda: build("anew")) == ["a", "b", "c"]
    assert project.read("c") == "anew"


def test_deleting_the_edited_file_makes_it_again(project: Project) -> None:
    project.run(build)
    Path("b").write_text("by hand")
    project.run(build)
    os.unlink("b")
    assert project.ran(build) == ["b", "c"]
    assert project.read("c") == "made"


def test_a_touched_output_is_acquitted(project: Project) -> None:
    """ "A file whose (size, mtime_ns) differs from its record is acquitted if its content hash is equal.\""""
    project.run(build)
    os.utime("b", ns=(1, 1))
    outcome = project.run(build)
    assert outcome.ran == []
    assert outcome.warnings() == []


def test_an_acquitted_output_is_not_hashed_again(project: Project) -> None:
    project.run(build)
    os.utime("b", ns=(1, 1))
    project.run(build)
    os.utime("b", ns=(1, 1))
    project.run(build)
    assert os.stat("b").st_atime_ns == 1, "it was read"
    os.utime("b", ns=(1, 2))
    project.run(build)
    if os.stat("b").st_atime_ns == 1:
        pytest.skip("this file system keeps no access times")


def test_a_restored_backup_redoes_nothing(project: Project) -> None:
    """ "A restored backup reruns nothing.\""""
    project.run(build)
    for name in "abc":
        shutil.copy(name, f"{name}.bak")
        os.unlink(name)
        shutil.move(f"{name}.bak", name)
    assert project.ran(build) == []


def test_one_edited_file_of_several_counts(project: Project) -> None:
    def several() -> None:
        pair = ppg.MultiFileGeneratingJob(["a", "b"], lambda: [write()(name) for name in "ab"] and None)
        ppg.FileGeneratingJob("c", copy("a", "b")).depends_on(pair)

    project.run(several)
    Path("b").write_text("y")
    assert project.ran(several) == ["c"]
    assert project.read("c") == "xy"


def test_an_edited_cache_file_is_calculated_again_when_needed(project: Project) -> None:
    """A cache is ours: "a standing temporary or cache file with … matching (size, mtime_ns) is not redone"."""

    def cached(value: int) -> None:
        load = ppg.CachedDataLoadingJob("cached", lambda: 5, lambda loaded: None)
        ppg.FileGeneratingJob("a", write()).depends_on(load).depends_on_params(value)

    project.run(lambda: cached(1))
    Path("cached").write_text("garbage")
    assert project.ran(lambda: cached(1)) == []
    before = version("cached")
    assert project.ran(lambda: cached(2)) == ["a", "cached", "cached_load"]
    assert version("cached") != before
