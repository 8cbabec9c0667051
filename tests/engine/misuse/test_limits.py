"""Too few processes or files for a run, or for a job while another has them all: told, waited for, nobody blamed."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import pypipegraph as ppg
from ppg_cs import headroom, machine
from ppg_cs.session_directory import runtime_root

from ..project import Project, tell, write
from ..scripts import until
from ..unprivileged import Unprivileged

USERS = 1_000_000
"""User ids from here on are nobody's, as far as one can know."""


@pytest.fixture
def as_somebody(project: Project) -> Iterator[Unprivileged]:
    """Stories of a user who has no other process: the limit counts all of them."""
    unprivileged = Unprivileged(project, USERS + os.getpid())
    yield unprivileged
    unprivileged.end()


@contextmanager
def limited(kind: int, value: int) -> Iterator[None]:
    """With another soft limit."""
    soft, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (value, hard))
    try:
        yield
    finally:
        resource.setrlimit(kind, (soft, hard))


def room_for(tasks: int) -> int:
    """The limit that leaves room for so many processes and threads more."""
    return machine.tasks_of(os.getuid()) + tasks


def build() -> None:
    ppg.FileGeneratingJob("b", write()).depends_on(ppg.FileGeneratingJob("a", write()))


def refusal(project: Project) -> str:
    """Why there is no run; it leaves nothing behind."""
    with pytest.raises(ppg.PyPipeGraphError) as error:
        project.run(build)
    assert not runtime_root(str(project.path)).exists()
    return str(error.value)


@pytest.mark.parametrize("room", [0, 1, headroom.TASKS - 1])
def test_a_run_that_finds_no_room_for_its_processes_says_so(as_somebody: Unprivileged, room: int) -> None:
    """libzmq would abort the script where it finds no room for its threads."""

    def story(project: Project) -> None:
        with limited(resource.RLIMIT_NPROC, room_for(room)):
            told = refusal(project)
        for words in (f"user {os.getuid()} may have", "ulimit -u", "needs at least 7 more", "raise the limit"):
            assert words in told
        assert project.ran(build) == ["a", "b"]

    as_somebody(story)


def test_with_the_least_room_a_run_goes_through(as_somebody: Unprivileged) -> None:
    def story(project: Project) -> None:
        with limited(resource.RLIMIT_NPROC, room_for(headroom.TASKS)):
            assert project.ran(build) == ["a", "b"]

    as_somebody(story)


def test_a_supervisor_that_cannot_be_forked_is_told(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else took the room that was there a moment ago."""

    def no_fork() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    with monkeypatch.context() as patch:
        patch.setattr("os.fork", no_fork)
        told = refusal(project)
    assert "could not be started: no process could be made: Resource temporarily unavailable" in told
    assert "ulimit -u" in told
    assert project.ran(build) == ["a", "b"]


def descriptors(room: int) -> int:
    """The limit that leaves so many of them free."""
    taken = {int(fd) for fd in os.listdir("/proc/self/fd")}
    free = [fd for fd in range(len(taken) + room + 1) if fd not in taken]
    return free[room]


@pytest.mark.parametrize("room", [headroom.FILES // 2, headroom.FILES - 2])
def test_a_run_that_finds_no_room_for_its_files_says_so(project: Project, room: int) -> None:
    with limited(resource.RLIMIT_NOFILE, descriptors(room)):
        told = refusal(project)
    for words in ("this process may have", "ulimit -n", f"needs at least {headroom.FILES} more"):
        assert words in told
    assert project.ran(build) == ["a", "b"]


def test_with_the_least_room_for_files_a_run_goes_through(project: Project) -> None:
    with limited(resource.RLIMIT_NOFILE, descriptors(headroom.FILES + 12)):  # store and log have theirs by then
        assert project.ran(build) == ["a", "b"]


def takes_all_processes(path: str) -> None:
    """A fork bomb in the cage of ulimit -u, greedy for some time after there are others that want to start."""
    give_up = time.monotonic() + 30.0
    while time.monotonic() < give_up:
        try:
            if os.fork() == 0:
                time.sleep(1000)
        except BlockingIOError:
            if not Path("full").exists():
                Path("full").touch()
            if Path("gate").exists():
                give_up = min(give_up, time.monotonic() + 1.0)
    Path(path).write_text("x")


def test_jobs_wait_while_another_one_has_all_processes(as_somebody: Unprivileged) -> None:
    def story(project: Project) -> None:
        def opens(path: str) -> None:
            until(Path("full").exists)
            Path(path).write_text("x")

        def told(path: str) -> None:
            tell(path)
            Path(path).write_text("x")

        def beside() -> None:
            bomb = ppg.FileGeneratingJob("bomb", takes_all_processes)
            gate = ppg.FileGeneratingJob("gate", opens)
            for name in "abcd":
                ppg.FileGeneratingJob(name, told).depends_on(gate)
            ppg.FileGeneratingJob("after", write()).depends_on(bomb)

        with limited(resource.RLIMIT_NPROC, room_for(20)):
            outcome = project.run(beside, resource_coordinator=ppg.resource_coordinators.LocalSystem(3))
        assert (outcome.failed, outcome.warnings()) == ([], [])
        assert outcome.ran == ["a", "after", "b", "bomb", "c", "d", "gate"]
        assert sorted(project.calls()) == ["a", "b", "c", "d"], "each was started once"

    as_somebody(story)
