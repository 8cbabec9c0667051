"""The clock was set back, or the times of files are odd: nothing is lost, nothing is wrongly redone."""

from __future__ import annotations

import os
import time
from itertools import permutations
from pathlib import Path

import pytest
from engine.project import Build, Project, write

import pypipegraph as ppg

YEAR_S = 365 * 86400


def at(second: int, text: str) -> object:
    """A callback that writes a file which is from that second on."""

    def callback(path: str) -> None:
        Path(path).write_text(text)
        os.utime(path, (second, second))

    return callback


def chain(value: int, second: int) -> Build:
    """Three jobs in a row, of which the first has a parameter."""

    def build() -> None:
        a = ppg.FileGeneratingJob("a", at(second, f"a{value}")).depends_on_params(value)
        b = ppg.FileGeneratingJob("b", write("b")).depends_on(a)
        ppg.FileGeneratingJob("c", write("c")).depends_on(b)

    return build


@pytest.mark.parametrize(("then", "now"), list(permutations((-5, 0, 1_000_000_000, 1 << 33), 2)))
def test_what_is_newer_by_content_may_be_older_by_its_time(project: Project, then: int, now: int) -> None:
    """Outputs from before 1970 and from far ahead, made again with an older or a later time."""
    assert project.ran(chain(1, then)) == ["a", "b", "c"]
    assert project.ran(chain(1, then)) == []
    assert project.ran(chain(2, now)) == ["a", "b", "c"]
    assert project.ran(chain(2, now)) == []


@pytest.mark.parametrize("shift_s", [-YEAR_S, YEAR_S])
def test_records_from_the_future_or_the_past_count(
    project: Project, monkeypatch: pytest.MonkeyPatch, shift_s: int
) -> None:
    real = time.time
    assert project.ran(chain(1, 1_000_000_001)) == ["a", "b", "c"]
    monkeypatch.setattr("time.time", lambda: real() + shift_s)
    assert project.ran(chain(1, 1_000_000_001)) == []
    assert project.ran(chain(2, 1_000_000_002)) == ["a", "b", "c"]
    monkeypatch.setattr("time.time", real)
    assert project.ran(chain(2, 1_000_000_002)) == []
    assert project.ran(chain(1, 1_000_000_001)) == ["a", "b", "c"]


@pytest.mark.parametrize("kind", ["FileTimeInvariant", "FileChecksumInvariant"])
def test_an_input_that_became_older_has_changed(project: Project, kind: str) -> None:
    def build() -> None:
        ppg.FileGeneratingJob("a", write("a")).depends_on(getattr(ppg, kind)("input"))

    Path("input").write_text("old")
    assert project.ran(build) == ["a"]
    Path("input").write_text("new")
    os.utime("input", (1000, 1000))
    assert project.ran(build) == ["a"]
    assert project.ran(build) == []


def test_the_clock_jumps_while_jobs_run(project: Project) -> None:
    """Patience and heartbeats go by another clock."""
    real = time.time
    jumps = iter(range(1, 1_000_000))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.time", lambda: real() + (-1) ** next(jumps) * YEAR_S)
        assert project.ran(chain(1, 1_000_000_000)) == ["a", "b", "c"]
    assert project.ran(chain(1, 1_000_000_000)) == []
