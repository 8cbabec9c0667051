"""The machine went down in mid-run: what the disk lost of outputs since the last sync is noticed and redone."""

from __future__ import annotations

from pathlib import Path

import pytest

from .mounts import play

STORY = """
def build():
    jobs = [ppg.FileGeneratingJob(name, write(name * 1000)) for name in "abc"]
    jobs.append(ppg.FileGeneratingJob("d", write("d")).depends_on(jobs[0]))
    return jobs

def undone(path, content):
    "Its old content is back, or a part of the new one; what of the times, is chance."
    facts = os.stat(path)
    Path(path).write_bytes(content)
    os.utime(path, ns=(facts.st_mtime_ns, facts.st_mtime_ns + SHIFT))

"""
LOSSES = {
    "removed": 'os.unlink("a")',
    "cut to nothing": 'undone("a", b"")',
    "cut": 'undone("a", b"aaaa")',
    "zeros": 'undone("a", bytes(1000))',
    "the content of before": 'undone("a", b"A" * 1000)',
}


@pytest.mark.parametrize("times", ["the same times", "other times"])
@pytest.mark.parametrize("loss", LOSSES)
def test_what_was_lost_is_redone_with_what_depends_on_it(tmp_path: Path, loss: str, times: str) -> None:
    story = """
boot("one")
crash(build)
assert told() == ["a", "b", "c", "d"]
LOSS
boot("two")
assert run(build) is None
assert told() == ["a", "d"], "b and c are as they were recorded"
assert Path("a").read_text() == "a" * 1000
assert run(build) is None and told() == []
"""
    shift = "0" if times == "the same times" else "-1_000_000_000"
    play(STORY.replace("SHIFT", shift) + story.replace("LOSS", LOSSES[loss]), tmp_path)


def test_it_stays_suspect_over_further_crashes_and_reboots(tmp_path: Path) -> None:
    story = """
boot("one")
crash(build)
boot("two")
crash(lambda: ppg.FileGeneratingJob("other", write("x")))
boot("three")
undone("b", bytes(1000))
told()
assert run(build) is None
assert "b" in told() and Path("b").read_text() == "b" * 1000
"""
    play(STORY.replace("SHIFT", "0") + story, tmp_path)


def test_after_a_run_that_ended_well_nothing_is_suspect(tmp_path: Path) -> None:
    """It was synced; what changes then was edited by hand, and is kept."""
    story = """
boot("one")
assert run(build) is None
boot("two")
crash(lambda: ppg.FileGeneratingJob("other", write("x")))
Path("a").write_text("by hand")
boot("three")
told()
assert run(build) is None
assert told() == ["d"] and Path("a").read_text() == "by hand"
"""
    play(STORY.replace("SHIFT", "0") + story, tmp_path)


def test_a_crash_without_a_reboot_loses_nothing(tmp_path: Path) -> None:
    """The system still has what it had not written yet: no output is read again."""
    story = """
crash(build)
told()
undone("a", b"A" * 1000)
assert run(build) is None
assert told() == [], "size and times are those of the record, which is all that was looked at"
"""
    play(STORY.replace("SHIFT", "0") + story, tmp_path)
