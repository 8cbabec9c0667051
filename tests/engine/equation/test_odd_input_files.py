"""Input files that are replaced, linked, no files at all, not to be read, huge, or written while they are read."""

from __future__ import annotations

import ctypes
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg
from ppg_mcp.run import still_file

from ..project import Project, copy, write
from ..scripts import Scripts

Make = Callable[[], ppg.Job]
CONTENT: dict[str, Make] = {
    "checksum": lambda: ppg.FileChecksumInvariant("in"),
    "several": lambda: ppg.MultiFileInvariant(["in", "in2"]),
}
ALL: dict[str, Make] = {**CONTENT, "time": lambda: ppg.FileTimeInvariant("in")}


def builder(make: Make) -> Callable[[], None]:
    def build() -> None:
        ppg.FileGeneratingJob("a", copy("in")).depends_on(make())
        ppg.FileGeneratingJob("aside", write())

    Path("in").write_text("hello")
    Path("in2").write_text("there")
    return build


def replace(name: str, text: str, keep_mtime: bool = False) -> None:
    """By another file of another name, as editors and downloads do."""
    facts = os.stat(name)
    Path("new").write_text(text)
    if keep_mtime:
        os.utime("new", ns=(facts.st_atime_ns, facts.st_mtime_ns))
    os.rename("new", name)


# ------------------------------------------------------------------------------------------------- replaced and linked


@pytest.mark.parametrize("kind", CONTENT)
@pytest.mark.parametrize("keep_mtime", [False, True])
def test_a_file_replaced_by_another_counts_by_content(project: Project, kind: str, keep_mtime: bool) -> None:
    build = builder(CONTENT[kind])
    project.run(build)
    replace("in", "hello", keep_mtime)
    assert project.ran(build) == []
    replace("in", "jello", keep_mtime)
    assert project.ran(build) == ["a"]
    assert project.read("a") == "jello"


@pytest.mark.parametrize("kind", CONTENT)
def test_a_link_counts_by_what_it_leads_to(project: Project, kind: str) -> None:
    build = builder(CONTENT[kind])
    Path("one").write_text("hello"), Path("two").write_text("hello"), Path("three").write_text("jello")
    os.unlink("in"), os.symlink("one", "in")
    project.run(build)
    os.unlink("in"), os.symlink("two", "in")
    assert project.ran(build) == []
    os.unlink("in"), os.symlink("three", "in")
    assert project.ran(build) == ["a"]
    Path("three").write_text("other")
    assert project.ran(build) == ["a"]
    assert project.read("a") == "other"


def test_a_link_counts_by_the_time_of_what_it_leads_to(project: Project) -> None:
    build = builder(ALL["time"])
    Path("one").write_text("hello")
    os.unlink("in"), os.symlink("one", "in")
    project.run(build)
    os.utime("in", ns=(1, 1), follow_symlinks=False)
    assert project.ran(build) == []
    os.utime("one", ns=(1, 1))
    assert project.ran(build) == ["a"]


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("target", ["nowhere", "in"])
def test_a_link_to_nowhere_or_to_itself_fails_its_dependants_only(project: Project, kind: str, target: str) -> None:
    build = builder(ALL[kind])
    os.unlink("in"), os.symlink(target, "in")
    outcome = project.run(build)
    assert outcome.ran == ["aside"]
    assert outcome.pruned == ["a"]


# ---------------------------------------------------------------------------------------------- no files, no permission


@pytest.mark.parametrize("kind", CONTENT)
@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda name: os.symlink("/dev/zero", name)])
def test_what_is_no_file_fails_its_dependants_only_and_keeps_nobody_waiting(
    project: Project, kind: str, make: Callable[[str], None]
) -> None:
    build = builder(CONTENT[kind])
    project.run(build)
    os.rename("in", "away")
    make("in")
    outcome = project.run(build)
    assert outcome.ran == []
    (failed,) = outcome.failed
    assert outcome.pruned == ["a"]
    assert "not a regular file" in str(outcome.exception(failed))
    assert project.read("a") == "hello"


def test_a_pipe_that_takes_the_files_place_at_the_last_moment_keeps_nobody_waiting(project: Project) -> None:
    os.mkfifo("in")
    with pytest.raises(OSError, match="not a regular file"):
        still_file.read_still("in")


UNREADABLE = """
ppg.new_pipegraph(quiet=True)
ppg.FileGeneratingJob("a", write()).depends_on_file("in")
ppg.FileGeneratingJob("aside", write())
try:
    ppg.run()
except ppg.RuntimeError as error:
    (failure,) = error.failures
    print(type(failure.exception).__name__, failure.job_id, *error.pruned, Path("aside").exists())
"""


PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2  # linux/prctl.h, linux/capability.h


def drop_privilege() -> None:
    """In a child that is about to exec: from then on, permissions hold for root as well."""
    libc = ctypes.CDLL(None)
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def test_a_file_that_may_not_be_read_fails_its_dependants_only(project: Project, scripts: Scripts) -> None:
    Path("in").write_text("secret")
    os.chmod("in", 0)
    said = scripts.good(UNREADABLE, preexec_fn=drop_privilege)
    assert said.split() == ["PermissionError", "in", "a", "True"]


# ----------------------------------------------------------------------------------------------------- while it is read


def written_while_read(monkeypatch: pytest.MonkeyPatch, times: int) -> list[str]:
    """Let the file be appended to, right after each of the first so many readings."""
    seen: list[str] = []
    file_digest = hashlib.file_digest

    def digest(file: Any, *args: Any) -> Any:
        result = file_digest(file, *args)
        seen.append(result.hexdigest())
        if len(seen) <= times:
            with open("in", "a") as writer:
                writer.write("!")
        return result

    monkeypatch.setattr(hashlib, "file_digest", digest)
    return seen


def test_a_file_that_is_written_while_it_is_read_is_read_again(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = builder(CONTENT["checksum"])
    seen = written_while_read(monkeypatch, 1)
    outcome = project.run(build)
    assert outcome.ran == ["a", "aside"]
    assert len(seen) == 2
    assert outcome.job("in").parts() == {"md5": hashlib.md5(b"hello!").hexdigest()}
    monkeypatch.undo()
    os.chdir(project.path)
    assert project.ran(build) == []


def test_a_file_that_never_stands_still_fails_its_dependants_only(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = builder(CONTENT["checksum"])
    seen = written_while_read(monkeypatch, 100)
    outcome = project.run(build)
    assert (outcome.failed, outcome.pruned, outcome.ran) == (["in"], ["a"], ["aside"])
    assert "changes while it is read" in str(outcome.exception("in"))
    assert len(seen) == still_file.ATTEMPTS


def test_a_file_that_is_replaced_while_it_is_read_is_read_again(
    monkeypatch: pytest.MonkeyPatch, project: Project
) -> None:
    """With the same size and mtime: the descriptor still shows the old one, as it was."""
    Path("in").write_text("hello")
    file_digest, seen = hashlib.file_digest, []

    def digest(file: Any, *args: Any) -> Any:
        result = file_digest(file, *args)
        if not seen:
            replace("in", "jello", keep_mtime=True)
        seen.append(result)
        return result

    monkeypatch.setattr(hashlib, "file_digest", digest)
    assert still_file.read_still("in").checksum == hashlib.md5(b"jello").digest()


# ----------------------------------------------------------------------------------------------------------------- huge

HUGE = """
with open("in", "wb") as file:
    file.truncate(5 << 30)

def build():
    ppg.new_pipegraph(quiet=True)
    ppg.FileGeneratingJob("a", write()).depends_on_file("in")
    ppg.run()

build()
status = open("/proc/self/status").read()
print(int(status.split("VmHWM:")[1].split()[0]) >> 10)
"""


def test_a_huge_file_takes_little_memory(project: Project, scripts: Scripts) -> None:
    """5 GiB of nothing. (ru_maxrss survives exec: it would tell of the process that started the script.)"""
    script = scripts.start(HUGE)
    said, complaint = script.communicate(timeout=10 * 60)
    assert script.returncode == 0, complaint
    assert int(said) < 200
