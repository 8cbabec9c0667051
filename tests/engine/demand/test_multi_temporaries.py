"""MultiTempFileGeneratingJob: several temporary files of one job, which come and go together."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest

import pypipegraph as ppg

from ..project import Project, copy, fail, tell, write, write_all
from ..scripts import Scripts, until


def build(value: int = 1, text: str = "temporary", works: bool = True) -> None:
    temporary = ppg.MultiTempFileGeneratingJob(["t1", "t2"], write_all(text))
    ppg.FileGeneratingJob("a", copy("t1", "t2") if works else fail).depends_on(temporary).depends_on_params(value)


def there() -> list[str]:
    return [name for name in ("t1", "t2") if Path(name).exists()]


def test_they_are_there_when_needed_and_gone_afterwards(project: Project) -> None:
    assert project.ran(build) == ["a", "t1:t2"]
    assert project.read("a") == "temporarytemporary"
    assert there() == []
    assert project.ran(build) == []
    assert project.ran(partial(build, 2)) == ["a", "t1:t2"]
    assert there() == []


def test_other_code_redoes_the_dependant(project: Project) -> None:
    project.run(build)
    assert project.ran(partial(build, text="other")) == ["a", "t1:t2"]
    assert project.read("a") == "otherother"


def test_nobody_needs_them_so_they_are_not_made(project: Project) -> None:
    assert project.ran(lambda: ppg.MultiTempFileGeneratingJob(["t1", "t2"], write_all())) == []
    assert there() == []


def test_both_are_kept_for_a_dependant_that_failed(project: Project) -> None:
    assert project.run(partial(build, works=False)).failed == ["a"]
    assert there() == ["t1", "t2"]
    assert project.ran(build) == ["a"]
    assert there() == []


@pytest.mark.parametrize("lost", ["t1", "t2"])
def test_when_one_is_lost_both_are_made_again(project: Project, lost: str) -> None:
    project.run(partial(build, works=False))
    os.unlink(lost)
    assert project.ran(build) == ["a", "t1:t2"]
    assert there() == []


def test_what_is_left_of_them_is_removed_when_nobody_needs_it_any_more(project: Project) -> None:
    project.run(partial(build, works=False))
    os.unlink("t1")

    def without() -> None:
        ppg.MultiTempFileGeneratingJob(["t1", "t2"], write_all("temporary"))
        ppg.FileGeneratingJob("a", write())

    assert project.ran(without) == ["a"]
    assert there() == []


def test_one_that_is_not_made_fails_the_job_and_takes_the_other_along(project: Project) -> None:
    def build() -> None:
        temporary = ppg.MultiTempFileGeneratingJob(["t1", "t2"], lambda: write()("t1"))
        ppg.FileGeneratingJob("a", write()).depends_on(temporary)

    outcome = project.run(build)
    assert (outcome.failed, outcome.pruned) == (["t1:t2"], ["a"])
    assert isinstance(outcome.exception("t1:t2"), ppg.JobContractError)
    assert there() == []


def test_rename_broken_and_empty_ok(project: Project) -> None:
    def half() -> None:
        write_all("")(["t1", "t2"])
        raise ValueError("after both")

    def build(works: bool) -> None:
        function = write_all("") if works else half
        temporary = ppg.MultiTempFileGeneratingJob(["t1", "t2"], function, True, empty_ok=True)
        ppg.FileGeneratingJob("a", write()).depends_on(temporary)

    assert project.run(partial(build, False)).failed == ["t1:t2"]
    assert sorted(path.name for path in Path().glob("t*")) == ["t1.broken", "t2.broken"]
    assert project.ran(partial(build, True)) == ["a", "t1:t2"]


def test_its_function_may_be_named_and_gets_the_files_in_their_order(project: Project) -> None:
    def function(paths: list[object]) -> None:
        tell(repr(paths).replace(" ", ""))
        write_all()(paths)

    def build() -> None:
        temporary = ppg.MultiTempFileGeneratingJob(filenames=["t2", "t1"], function=function)
        ppg.FileGeneratingJob("a", write()).depends_on(temporary)

    assert project.ran(build) == ["a", "t1:t2"]
    assert project.calls() == ["['t2','t1']"]


@pytest.mark.parametrize(("paths", "words"), [("ab", "list of files"), ([], "at least one"), (["a", "./a"], "twice")])
def test_nonsense_is_refused(project: Project, paths: object, words: str) -> None:
    ppg.new_pipegraph(quiet=True)
    with pytest.raises(ppg.JobContractError, match=f"MultiTempFileGeneratingJob.*{words}"):
        ppg.MultiTempFileGeneratingJob(paths, write_all())


def test_a_generating_job_may_make_them(project: Project) -> None:
    def grow(value: int) -> None:
        ppg.JobGeneratingJob("grow", partial(build, value)).depends_on_params(value)

    assert project.ran(partial(grow, 1)) == ["a", "grow", "t1:t2"]
    assert project.read("a") == "temporarytemporary"
    assert there() == []
    assert project.ran(partial(grow, 1)) == ["grow"]
    assert project.ran(partial(grow, 2)) == ["a", "grow", "t1:t2"]


def test_leftovers_of_a_killed_run_are_used_up_and_removed(scripts: Scripts) -> None:
    script = """
temporary = None
ppg.new_pipegraph(quiet=True)
temporary = ppg.MultiTempFileGeneratingJob(["t1", "t2"], lambda paths: [write()(path) for path in paths])
def use(path):
    tell("using")
    if not os.path.exists("go"):
        wait_for("never")
    write("".join(Path(name).read_text() for name in ("t1", "t2")))(path)
ppg.FileGeneratingJob("a", use).depends_on(temporary)
ppg.run()
"""
    process = scripts.start(script)
    until(Path("calls").exists, "the dependant to run")
    process.kill()
    process.wait()
    Path("go").touch()
    scripts.good(script)
    assert Path("a").read_text() == "xx"
    assert there() == []
