"""Questions to a run that goes on, from a second process."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from ..project import Project
from ..scripts import Scripts, until
from .asking import answer, ask

RUN = """
def held(path):
    tell("reached")
    wait_for("go")
    Path(path).write_text("x")

def gate(path):
    wait_for("calls")
    Path(path).write_text("x")

def bad(path):
    raise ValueError("as told")

ppg.new_pipegraph(quiet=True, resource_coordinator=ppg.resource_coordinators.LocalSystem(max_cores_to_use=2))
load = ppg.DataLoadingJob("the data", lambda: None)
first = ppg.MultiFileGeneratingJob(["first.1", "first.2"], lambda paths: [Path(p).write_text("x") for p in paths])
held = ppg.FileGeneratingJob("held", held).depends_on(first, load)
ppg.FileGeneratingJob("results/ after", write()).depends_on(held)
bad = ppg.FileGeneratingJob("bad", bad)
ppg.FileGeneratingJob("below bad", write()).depends_on(bad)
gate = ppg.FileGeneratingJob("gate", gate).depends_on(bad.prerequisites)
ppg.FileGeneratingJob("queued", write()).use_cores(2).depends_on(gate).depends_on_params(1)
try:
    ppg.run()
except ppg.RuntimeError:
    pass
"""


@pytest.fixture
def running(project: Project, scripts: Scripts) -> Project:
    """A run whose job `held` waits for the file `go`, and takes one of two cores, of which `queued` needs both."""
    (project.path / "results").mkdir()
    scripts.start(RUN)
    until(lambda: project.calls() == ["reached"], "the held job")
    until(stands_still, "the others")
    return project


def stands_still() -> bool:
    told = answer("status")
    return told["failed"] == 1 and told["done"] == 2 and told["running"] == 1


def test_status_says_how_the_run_stands(running: Project) -> None:
    told = answer("status")
    assert told["live"]
    assert (told["host"], told["directory"]) == (platform.node(), str(running.path))
    assert told["store"] == str(running.path / ".pypipegraph_status_robust")
    assert told["machine"]["cores"] == 2
    assert told["total"] == told["done"] + told["failed"] + told["running"] + told["waiting"]
    (job,) = told["running_jobs"]
    assert (job["job"], job["cores"]) == ("held", 1)
    assert job["memory_bytes"] > 0
    assert os.path.exists(f"/proc/{job['pid']}")
    text = ask("status").out
    assert "A run goes on since" in text
    assert "held: since" in text


def test_why_tells_of_each_kind_of_standing(running: Project) -> None:
    held = answer("why", "held")
    assert (held["state"], held["reason"]) == ("running", "it has never been done")
    after = answer("why", "results/ after")
    assert after["state"] == "waits for prerequisites"
    assert after["waits_for"] == [{"job": "held", "state": "running"}]
    queued = answer("why", "queued")
    assert (queued["state"], queued["cores_needed"]) == ("waits for cores, memory or data", 2)
    assert answer("why", "the data")["state"] == "loaded"
    first = answer("why", "first.2")
    assert (first["job"], first["state"]) == ("first.1:first.2", "done in this run")
    assert answer("why", "PIqueued")["value"] == {"value": "1"}
    assert "running since" in ask("why", "held").out
    assert "waits for held (running)" in ask("why", "results/ after").out


def test_a_job_is_named_by_a_path_from_here_or_by_its_id(running: Project) -> None:
    results = running.path / "results"
    assert answer("why", " after", cwd=results)["job"] == "results/ after"
    assert answer("why", "../held", cwd=results)["job"] == "held"
    assert answer("why", "queued", cwd=results)["job"] == "queued", "no such file there, but such an id"
    assert answer("why", "the data", "--dir", str(running.path), cwd=Path("/"))["job"] == "the data"
    assert answer("status", str(results), cwd=Path("/"))["live"]


def test_an_unknown_job_is_answered_with_near_ones(running: Project) -> None:
    asked = ask("why", "hold", "--json")
    assert asked.code == 1
    assert "held" in asked.data["near"]
    assert "Did you mean one of these?\n  held" in ask("why", "hold").err


def test_failed_and_pruned(running: Project) -> None:
    bad = answer("why", "bad")
    assert (bad["state"], bad["error"]) == ("failed", "ValueError: as told")
    below = answer("why", "below bad")
    assert (below["state"], below["because_of"]) == ("not run", "bad")
    assert "not run, because bad, on which it depends, failed" in ask("why", "below bad").out
    told = answer("status")
    assert (told["pruned"], told["failed_jobs"]) == (1, [{"job": "bad", "error": "ValueError: as told"}])


def test_history_of_a_job_that_has_just_ended(running: Project) -> None:
    told = answer("history", "first.1")
    assert told["state"] == "done in this run"
    assert [one["outcome"] for one in told["executions"]] == ["ok"]


WAITING = """
class Slow(ppg.FunctionInvariant):
    def fingerprint(self, surroundings):
        tell("surveying")
        wait_for("go")
        return super().fingerprint(surroundings)

ppg.new_pipegraph(quiet=True)
ppg.FileGeneratingJob("a", write()).depends_on(Slow("slow", write))
ppg.run()
"""


def test_a_run_that_is_being_planned_says_so(project: Project, scripts: Scripts) -> None:
    scripts.start(WAITING)
    until(lambda: project.calls() == ["surveying"], "the survey")
    asked = ask("status")
    assert asked.code == 1
    assert "is being planned" in asked.err


CHANGED = """
TEXT = "{text}"

def work(path, text=TEXT):
    if text == "second":
        tell("reached")
        wait_for("go")
    Path(path).write_text(text)

samples = {{f"sample{{n}}": n for n in range(20)}}
samples["sample7"] = "{text}"
ppg.new_pipegraph(quiet=True)
ppg.FileGeneratingJob("a", work).depends_on_params(samples)
ppg.run()
"""


def test_why_shows_the_changes_of_a_job_that_runs_now(project: Project, scripts: Scripts) -> None:
    scripts.good(CHANGED.format(text="first"))
    scripts.start(CHANGED.format(text="second").replace("    Path(path).write", "    samples\n    Path(path).write"))
    until(lambda: project.calls() == ["reached"], "the second run")
    told = answer("why", "a")
    assert told["state"] == "running"
    value, function = told["changes"]
    assert value["input"] == "PIa"
    assert {"-    'sample7': 'first',", "+    'sample7': 'second',"} <= set(value["parts"][0]["diff"])
    code, defaults = function["parts"]
    assert (code["name"], [line for line in code["diff"] if line[0] == "+"]) == ("code", ["+++ now", "+    samples"])
    assert (defaults["then"], defaults["now"]) == ("{'text': 'first'}", "{'text': 'second'}")
