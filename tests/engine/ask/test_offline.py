"""Without a run: the same questions, answered from the status store, which is not disturbed."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg
from ppg_mcp.ask import command

from ..project import Project, copy, fail, write, write_all
from ..scripts import Scripts
from .asking import answer, ask

STORE = ".pypipegraph_status_robust"


def build(text: str = "one", parameter: Any = 1) -> None:
    a = ppg.FileGeneratingJob("a", write(text)).depends_on_params(parameter)
    ppg.FileGeneratingJob("b", copy("a")).depends_on(a)
    ppg.FileGeneratingJob("bad", fail)
    ppg.FileGeneratingJob("below", write()).depends_on(ppg.util.global_pipegraph.jobs["bad"])


def state_of(path: Path) -> dict[str, tuple[int, int, bytes]]:
    found = {}
    for name in sorted(os.listdir(path)):
        if (path / name).is_file():
            facts = (path / name).stat()
            found[name] = (facts.st_ino, facts.st_mtime_ns, (path / name).read_bytes())
    return found


def test_status_tells_of_the_last_run(project: Project) -> None:
    project.run(build)
    told = answer("status")
    assert (told["live"], told["records"], told["tombstones"]) == (False, 2, 1)
    assert (told["last_run"]["done"], told["last_run"]["failed"], told["last_run"]["pruned"]) == (2, 1, 1)
    assert told["failed_jobs"] == [{"job": "bad", "error": "ValueError: ('as told', 7)"}]
    assert "on record: 2 jobs done, 1 job started that did not end well" in ask("status").out


def test_failures_of_earlier_runs_are_not_the_last_ones(project: Project) -> None:
    project.run(build)
    project.run(lambda: ppg.FileGeneratingJob("a", write()))
    told = answer("status")
    assert (told["failed"], told["tombstones"]) == (0, 1)


def test_why_tells_what_had_changed_at_the_last_execution(project: Project) -> None:
    project.run(build)
    project.run(lambda: build(parameter=2))
    told = answer("why", "a")
    assert (told["state"], told["last"]["outcome"]) == ("done", "ok")
    assert told["changes"] == [
        {"input": "PIa", "what": "changed", "parts": [{"name": "value", "then": "1", "now": "2"}]}
    ]
    assert answer("why", "b")["reason"] == "'a' is redone"
    assert answer("why", "bad")["state"] == "failed"
    text = ask("why", "a").out
    assert "  PIa changed\n    its value: 1 -> 2\n" in text


def test_changes_of_a_job_that_failed_are_shown_too(project: Project) -> None:
    """It has no record that would describe its inputs."""
    project.run(lambda: ppg.FileGeneratingJob("a", write()).depends_on_params("old"))
    project.run(lambda: ppg.FileGeneratingJob("a", fail).depends_on_params("new"))
    told = answer("why", "a")
    assert told["state"] == "failed"
    assert told["last"]["outcome"] == "ValueError: ('as told', 7)"
    value, function = told["changes"]
    assert (part(value, "value")["then"], part(value, "value")["now"]) == ("'old'", "'new'")
    lines = part(function, "code")["diff"]
    assert "-def callback(path: Any) -> None:" in lines
    assert "+def fail(path: Any) -> None:" in lines


def part(change: Any, name: str) -> Any:
    """What changed in one part of an input."""
    return next(one for one in change["parts"] if one["name"] == name)


def test_history_has_every_execution_and_its_reason(project: Project) -> None:
    project.run(build)
    project.run(build)
    project.run(lambda: build("two"))
    os.unlink("a")
    project.run(lambda: build("two"))
    told = answer("history", "a")
    assert [one["reason"] for one in told["executions"]] == [
        "its output is missing",
        "'a_func' changed (closure: {'text': 'one'} -> {'text': 'two'})",
        "it has never been done",
    ]
    failures = answer("history", "bad")["executions"]
    assert [one["outcome"] for one in failures] == ["ValueError: ('as told', 7)"] * 4
    assert ask("history", "a").out.count("because") == 3


def test_what_was_not_run_is_named_with_the_failure(project: Project) -> None:
    project.run(build)
    told = answer("status")
    assert told["not_run_jobs"] == [{"job": "below", "because_of": "bad"}]
    assert "Not run because of that:\n  below, because bad failed\n" in ask("status").out
    told = answer("why", "below")
    assert (told["state"], told["because_of"], told["error"]) == ("not run", "bad", "ValueError: ('as told', 7)")
    assert ask("why", "below").out.startswith("below: not run, because bad, on which it depends, failed\n")
    assert ask("history", "below").out == (
        "below: not run, because bad, on which it depends, failed\n  no execution is remembered\n"
    )
    project.run(lambda: ppg.FileGeneratingJob("below", write()))
    project.run(build)
    told = answer("why", "below")
    assert (told["state"], told["last"]["outcome"]) == ("not run", "ok")
    project.run(lambda: ppg.FileGeneratingJob("a", write()))
    assert answer("status")["not_run_jobs"] == []
    assert answer("why", "below")["state"] == "done"


def test_what_is_not_known_leads_to_what_was_not_run(project: Project) -> None:
    project.run(build)
    told = ask("why", "belo").err
    assert "none of that name was ever started. 1 job of the last run was not run" in told
    assert "Did you mean one of these?\n  below\n" in told


def test_no_more_than_a_thousand_are_kept_by_name(project: Project) -> None:
    def many() -> None:
        bad = ppg.FileGeneratingJob("bad", fail)
        for number in range(1005):
            ppg.FileGeneratingJob(f"{number:04}", write()).depends_on(bad)

    project.run(many)
    told = answer("status")
    assert (len(told["not_run_jobs"]), told["last_run"]["pruned"]) == (100, 1005)
    assert answer("why", "0999")["state"] == "not run"
    assert "1005 jobs of the last run were not run" in ask("why", "1004").err
    assert ask("status").out.endswith("and 985 more\n")


def test_what_was_left_out_says_so(project: Project) -> None:
    def build() -> None:
        a = ppg.FileGeneratingJob("a", write())
        ppg.FileGeneratingJob("b", write()).depends_on(a)
        a.prune()

    project.run(build)
    assert answer("status")["left_out_jobs"] == [{"job": "a", "because_of": "a"}, {"job": "b", "because_of": "a"}]
    assert ask("status").out.endswith("Left out:\n  a, because it was pruned\n  b, because a was pruned\n")
    assert answer("why", "a")["state"] == "left out, it was pruned"
    assert ask("why", "b").out == "b: left out, 'a' was pruned\n"


def test_an_input_that_was_missing_is_among_the_failures(project: Project) -> None:
    def build() -> None:
        ppg.FileGeneratingJob("bad", fail)
        ppg.FileGeneratingJob("out", write()).depends_on_file("missing.txt")

    project.run(build)
    told = answer("status")
    assert (told["failed"], [one["job"] for one in told["failed_jobs"]]) == (2, ["missing.txt", "bad"])
    assert "No such file or directory" in told["failed_jobs"][0]["error"]
    assert answer("why", "out")["because_of"] == "missing.txt"
    told = answer("why", "missing.txt")
    assert (told["state"], told["error"][:17]) == ("failed", "FileNotFoundError")
    Path("missing.txt").touch()
    project.run(build)
    assert ask("why", "missing.txt").code == 1


def test_a_job_is_found_by_each_of_its_files(project: Project) -> None:
    def build() -> None:
        plus = ppg.TempFilePlusGeneratingJob("temporary", "log.txt", lambda a, b: write_all()([a, b]))
        fails = ppg.TempFilePlusGeneratingJob("lost", "log of it", lambda a, b: fail(b))
        ppg.MultiFileGeneratingJob(["1", "2"], write_all()).depends_on([plus, fails])

    project.run(build)
    assert answer("why", "log.txt")["job"] == "temporary"
    assert answer("why", "log of it")["job"] == "lost"
    assert answer("why", "2")["job"] == "1:2"


def test_a_path_through_a_linked_directory(project: Project) -> None:
    Path("real").mkdir()
    Path("elsewhere").symlink_to(project.path)
    Path("link").symlink_to("real")
    project.run(lambda: [ppg.FileGeneratingJob("link/a", write()), ppg.FileGeneratingJob("b", write())])
    assert answer("why", str(project.path / "elsewhere" / "b"))["job"] == "b"
    assert answer("why", "elsewhere/b")["job"] == "b"
    assert answer("why", str(project.path / "link" / "a"))["job"] == "link/a"
    assert answer("why", "elsewhere/link/a")["job"] == "link/a"


def test_what_was_taken_over_says_so(project: Project) -> None:
    Path("a").write_text("old")
    project.run(lambda: ppg.FileGeneratingJob("a", write()), adopt=True)
    assert ask("why", "a").out == "a: done: its files were there and were taken over\n"
    assert ask("history", "a").out.startswith("a: done: its files were there and were taken over\n")
    os.unlink("a")
    project.run(lambda: ppg.FileGeneratingJob("a", write()))
    assert answer("why", "a")["state"] == "done"


def test_loads_and_generators_have_a_history_though_no_record(project: Project) -> None:
    def loads() -> None:
        load = ppg.DataLoadingJob("load it", lambda: None)
        ppg.FileGeneratingJob("a", write()).depends_on(load)
        ppg.JobGeneratingJob("make some", lambda: ppg.FileGeneratingJob("made", write()) and None)
        ppg.FinalJob("last", lambda: None)

    project.run(loads)
    for job in ("load it", "make some", "last", "made"):
        assert [one["outcome"] for one in answer("history", job)["executions"]] == ["ok"], job


def test_functions_of_generated_jobs_are_shown_as_well(project: Project) -> None:
    def generating(callback: Any) -> Any:
        return lambda: ppg.JobGeneratingJob("make", lambda: ppg.FileGeneratingJob("made", callback) and None)

    project.run(generating(write()))
    project.run(generating(fail))
    (change,) = answer("why", "made")["changes"]
    assert "+def fail(path: Any) -> None:" in part(change, "code")["diff"]


def test_why_leads_from_what_was_loaded_to_what_had_changed(project: Project) -> None:
    """By way of other loads. Data that is calculated as before is not named."""

    def build(number: int) -> None:
        holder = type("Holder", (), {})()
        cached = ppg.CachedAttributeLoadingJob("cache", holder, "number", lambda number=number: number)
        same = ppg.CachedAttributeLoadingJob("same", holder, "same", lambda: "same")
        more = ppg.DataLoadingJob("more", lambda: None).depends_on([cached, same])
        ppg.FileGeneratingJob("out", write()).depends_on(more)

    project.ran(lambda: build(1))
    outcome = project.run(lambda: build(2))
    assert outcome.reason("out") == "'more' changed, since 'cache' is redone"
    assert "  because 'more' changed, since 'cache' is redone" in ask("why", "out").out
    assert "-> {'number': 2}" in ask("why", "cache").out


def test_a_long_list_of_parameters_is_compared_item_by_item(project: Project) -> None:
    then = [f"sample {n}" for n in range(100)]
    project.run(lambda: ppg.FileGeneratingJob("a", write()).depends_on_params(then))
    project.run(lambda: ppg.FileGeneratingJob("a", write()).depends_on_params([*then[:50], *then[51:]]))
    (change,) = answer("why", "a")["changes"]
    assert [line for line in change["parts"][0]["diff"][2:] if line[0] in "+-"] == ["-    'sample 50',"]


def test_asking_leaves_no_trace(project: Project) -> None:
    project.run(build)
    before = state_of(project.path)
    for question in (("status",), ("why", "a"), ("history", "a"), ("why", "nothing")):
        ask(*question)
    assert state_of(project.path) == before
    assert project.run(build).ran == ["bad"]


def test_a_directory_that_may_only_be_read_by_somebody_else(project: Project) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can be somebody else")
    project.run(build)
    with tempfile.TemporaryDirectory() as elsewhere:
        os.chmod(elsewhere, 0o755)
        store = shutil.copy(STORE, elsewhere)
        os.chmod(store, 0o644)
        os.chdir(elsewhere)
        assert command.main(["why", "b"]) == 0, "and everything is imported before the rights are given up"
        assert exit_code_as_somebody_else(["why", "b"]) == 0
        os.chmod(store, 0)
        assert exit_code_as_somebody_else(["why", "b"]) == 1
        os.chdir(project.path)


def exit_code_as_somebody_else(arguments: list[str]) -> int:
    pid = os.fork()
    if pid == 0:
        code = 99
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            code = command.main(arguments)
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_no_store(project: Project) -> None:
    asked = ask("status")
    assert asked.code == 1
    assert "There is no status store (.pypipegraph_status_robust) in" in asked.err
    assert ask("status", "nowhere").code == 1


def test_another_name_of_the_store(project: Project) -> None:
    project.run(build, invariant_status_filename="mine")
    assert ask("status").code == 1
    assert answer("status", "--store", "mine")["records"] == 2


def test_stores_that_are_none(project: Project) -> None:
    for content, word in (
        (pickle.dumps({}), "pypipegraph 0.x"),
        (b"", "is empty"),
        (b"SQLite format 3\0" + b"\xff" * 2000, "another application"),
    ):
        Path(STORE).write_bytes(content)
        asked = ask("status")
        assert asked.code == 1
        assert word in asked.err
        assert Path(STORE).read_bytes() == content


def test_a_damaged_store(project: Project) -> None:
    project.run(lambda: [build(), [ppg.FileGeneratingJob(f"{n}", write()) for n in range(100)]])
    content = Path(STORE).read_bytes()
    Path(STORE).write_bytes(content[:4096] + b"\x55" * (len(content) - 4096))
    asked = ask("status")
    assert asked.code == 1
    assert "status store" in asked.err
    assert "Traceback" not in asked.err


def test_a_store_that_is_older_than_history(project: Project) -> None:
    project.run(build)
    with sqlite3.connect(STORE) as connection:
        connection.execute("DROP TABLE history")
        connection.execute("DELETE FROM meta")
    connection.close()
    told = answer("status")
    assert (told["records"], told["last_run"]) == (2, None)
    assert answer("why", "a")["state"] == "done"
    assert answer("history", "a")["executions"] == []


def test_a_run_on_another_host(project: Project) -> None:
    project.run(build)
    holder = {"host": "elsewhere", "pid": 4711, "boot_id": "b", "start_time": 1, "run_directory": "/tmp/none"}
    Path(f"{STORE}.holder").write_text(json.dumps(holder))
    told = answer("status")
    (note,) = told["notes"]
    assert "elsewhere (process 4711)" in note
    assert told["records"] == 2


def test_a_store_whose_log_was_not_moved_over_yet(project: Project, scripts: Scripts) -> None:
    """What a killed run committed is in the write-ahead log alone."""
    scripts.run(
        "ppg.new_pipegraph(quiet=True)\n"
        "first = ppg.FileGeneratingJob('first', write())\n"
        "def kill(path):\n    os.kill(os.getppid(), 0) or os.kill(MASTER, signal.SIGKILL) or time.sleep(60)\n"
        "MASTER = os.getpid()\n"
        "ppg.FileGeneratingJob('second', kill).depends_on(first)\n"
        "ppg.run()\n"
    )
    assert Path(f"{STORE}-wal").stat().st_size > 0
    before = Path(f"{STORE}-wal").read_bytes()
    assert answer("why", "first")["state"] == "done"
    assert answer("why", "second")["state"] == "started, and did not end"
    assert Path(f"{STORE}-wal").read_bytes() == before
    shutil.copytree(project.path, project.path.parent / "moved")
    assert answer("why", "first", "--dir", str(project.path.parent / "moved"))["state"] == "done"


@pytest.mark.parametrize("arguments", [(), ("nonsense",), ("why",), ("status", "--nonsense")])
def test_wrong_usage(project: Project, arguments: tuple[str, ...]) -> None:
    asked = ask(*arguments)
    assert asked.code == 2
    assert "usage: python -m pypipegraph" in asked.err


def test_help_is_complete(project: Project) -> None:
    text = ask("--help").out
    for word in ("status", "why", "history", "Exit codes: 0"):
        assert word in text
    assert "--json" in ask("why", "--help").out
