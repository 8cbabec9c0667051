"""After a power cut: what was committed but not synced is looked at again; what is as recorded is not redone.

The power cut is played: the script is killed, outputs lose their content under the same size and mtime, and the next
scripts believe that the machine has booted since.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ..project import Project
from ..scripts import Scripts, until

GRAPH = """
from ppg_mcp.store import host_facts

if "BOOT" in os.environ:
    host_facts._boot_id = lambda: os.environ["BOOT"]

def last(path):
    if not os.path.exists("go"):
        tell("reached")
        wait_for("go")
    Path(path).write_text("last")

ppg.new_pipegraph(quiet=True)
early = ppg.FileGeneratingJob("early", write("early"))
lost = ppg.FileGeneratingJob("lost", write("lost")).depends_on(early)
kept = ppg.FileGeneratingJob("kept", write("kept")).depends_on(early)
ppg.FileGeneratingJob("last", last).depends_on(lost, kept)
ppg.run()
print(*sorted(job.job_id for job in ppg.util.global_pipegraph.jobs.values() if job.was_run))
"""
REBOOTED = {"BOOT": "another boot"}


@pytest.fixture
def cut_off(project: Project, scripts: Scripts) -> Scripts:
    """Scripts after one that was killed when all but the last job were done, and after the loss of an output.

    The first output starts the first sync, which may have reached the disk; the others are younger.
    """
    process = scripts.start(GRAPH)
    until(lambda: project.calls() == ["reached"])
    process.kill()
    process.wait()
    facts = os.stat("lost")
    Path("lost").write_bytes(b"\0" * facts.st_size)
    os.utime("lost", ns=(facts.st_atime_ns, facts.st_mtime_ns))
    Path("go").touch()
    return scripts


def test_an_output_that_lost_its_content_is_made_again_and_no_other(project: Project, cut_off: Scripts) -> None:
    assert cut_off.good(GRAPH, more_env=REBOOTED).split() == ["last", "lost"]
    assert project.read("lost") == "lost"
    assert "'lost': the file is not what was recorded before the machine went down" in project.read("logs/ppg_run.txt")
    assert cut_off.good(GRAPH, more_env=REBOOTED).split() == []


def test_without_a_reboot_size_and_time_are_believed(project: Project, cut_off: Scripts) -> None:
    assert cut_off.good(GRAPH).split() == ["last"]


def test_what_was_not_looked_at_then_is_made_again_later(project: Project, cut_off: Scripts) -> None:
    """The first script after the reboot does not know the job."""
    other = GRAPH.replace('"lost"', '"other"')
    assert cut_off.good(other, more_env=REBOOTED).split() == ["last", "other"]
    assert cut_off.good(GRAPH, more_env=REBOOTED).split() == ["last", "lost"]
    assert project.read("lost") == "lost"


def test_after_a_clean_end_nothing_is_suspect(project: Project, cut_off: Scripts) -> None:
    """A run that ended well has synced everything."""
    cut_off.good(GRAPH, more_env=REBOOTED)
    facts = os.stat("lost")
    Path("lost").write_bytes(b"\0" * facts.st_size)
    os.utime("lost", ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert cut_off.good(GRAPH, more_env={"BOOT": "a third boot"}).split() == []
