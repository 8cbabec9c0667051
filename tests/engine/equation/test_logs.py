"""Files beside the outputs (semantics §7): ppg_run.txt, ppg_errors.txt, ppg_graph.txt, and port 5005."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg
from ppg_mcp.util.log_listener import LOG_PORT

from ..project import Project, fail, write
from ..scripts import PATIENCE_S, Scripts, until
from ..unprivileged import Unprivileged


def build(value: int = 1) -> None:
    a = ppg.FileGeneratingJob("a", write()).depends_on_params(value)
    temporary = ppg.TempFileGeneratingJob("t", write()).depends_on(a)
    ppg.FileGeneratingJob("b", write()).depends_on(temporary)
    ppg.FinalJob("last", lambda: None)


def test_the_run_log_has_a_reason_for_every_job_that_runs(project: Project) -> None:
    log = project.run(build, log_level="INFO").log
    for text in (
        "run: FileGeneratingJob('a'), because it has never been done",
        "run: TempFileGeneratingJob('t'), because it has never been done",
        "run: FileGeneratingJob('b'), because it has never been done",
        "run: FinalJob('last'), because jobs of this kind run every time",
        "removing the temporary TempFileGeneratingJob('t')",
    ):
        assert text in log


def test_at_debug_level_it_has_one_for_every_job_that_does_not(project: Project) -> None:
    project.run(build)
    outcome = project.run(build)
    assert "not run: FileGeneratingJob('a'), because its output is current" in outcome.log
    assert "not run: FileGeneratingJob('b'), because its output is current" in outcome.log
    assert "not run: TempFileGeneratingJob('t'), because nothing that must run needs it" in outcome.log
    assert "not run" not in project.run(build, log_level="INFO").log


def test_another_log_file_and_level_may_be_given(project: Project) -> None:
    project.run(build, log_file="my.log", log_level="WARNING")
    assert not Path("logs/ppg_run.txt").exists()
    assert project.read("my.log") == ""


def test_without_a_folder_logs_no_file_is_written(project: Project) -> None:
    shutil.rmtree("logs")
    assert project.run(lambda: [build(), ppg.FileGeneratingJob("bad", fail)]).failed == ["bad"]
    assert sorted(os.listdir()) == [".pypipegraph_status_robust", "a", "b"]


def test_a_folder_logs_that_cannot_be_written_stops_nothing(as_nobody: Unprivileged) -> None:
    def story(project: Project) -> None:
        os.chmod("logs", 0o500)
        assert project.run(lambda: [build(), ppg.FileGeneratingJob("bad", fail)]).failed == ["bad"]
        assert sorted(os.listdir()) == [".pypipegraph_status_robust", "a", "b", "logs"]
        assert os.listdir("logs") == []

    as_nobody(story)


def test_logs_that_are_no_files_stop_nothing(project: Project) -> None:
    for name in ("ppg_run.txt", "ppg_errors.txt", "ppg_graph.txt"):
        Path("logs", name, "full").mkdir(parents=True)
    graph = ppg.new_pipegraph(quiet=True)
    build()
    ppg.FileGeneratingJob("bad", fail)
    with pytest.raises(ppg.RuntimeError):
        ppg.run()
    assert graph.jobs["a"].was_run


def test_the_graph_is_dumped(project: Project) -> None:
    project.run(build)
    text = project.read("logs/ppg_graph.txt")
    assert "FileGeneratingJob('b')\n    depends on FunctionInvariant('b_func')\n    depends on TempFileGen" in text
    os.unlink("logs/ppg_graph.txt")
    project.run(build, dump_graph=False)
    assert not Path("logs/ppg_graph.txt").exists()


def test_the_error_log_has_exception_traceback_stdout_and_stderr(project: Project) -> None:
    def bad(path: str) -> None:
        print("to stdout")
        os.write(2, b"to stderr\n")
        fail(path)

    project.run(lambda: ppg.FileGeneratingJob("a", bad))
    text = project.read("logs/ppg_errors.txt")
    for part in ("a: ValueError: ('as told', 7)", "Traceback", "in fail", "to stdout", "to stderr"):
        assert part in text


def test_the_former_error_log_is_kept_as_dot_one(project: Project) -> None:
    def failing(name: str) -> None:
        ppg.FileGeneratingJob(name, fail)

    for name in ("first", "second", "third"):
        project.run(lambda name=name: failing(name))
    assert "third" in project.read("logs/ppg_errors.txt")
    assert "second" not in project.read("logs/ppg_errors.txt")
    assert "second" in project.read("logs/ppg_errors.txt.1")


def test_all_records_go_to_port_5005(project: Project) -> None:
    """ "All log records also go to localhost port 5005 (UDP, JSON lines, dropped when nobody listens).\""""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        until(lambda: is_bound(listener), "the port, which another listener has")
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        listener.settimeout(1)
        names = (f"unique {os.getpid()} {attempt}" for attempt in itertools.count())
        # other tests send too, and what does not fit is dropped
        record = until(lambda: sent_and_received(project, listener, next(names)), "a record")
    assert record["level"] == "INFO"
    assert record["pid"] == os.getpid()


def sent_and_received(project: Project, listener: socket.socket, name: str) -> dict[str, Any] | None:
    """What a run says of a job, if it gets through."""
    project.run(lambda: ppg.FileGeneratingJob(name, write()))
    return received(listener, f"run: FileGeneratingJob({name!r}), because it has never been done")


def is_bound(listener: socket.socket) -> bool:
    try:
        listener.bind(("127.0.0.1", LOG_PORT))
    except OSError:
        return False
    return True


def test_the_log_listener_shows_them(project: Project, scripts: Scripts) -> None:
    out = Path("listened")
    listener = until(lambda: listening(scripts), "the port, which another listener has")
    until(lambda: is_shown(scripts, out), "a record")
    listener.send_signal(signal.SIGINT)
    assert listener.wait(timeout=PATIENCE_S) == 0


def test_the_log_listener_has_help(project: Project) -> None:
    command = [sys.executable, "-m", "ppg_mcp.util.log_listener"]
    told = subprocess.run([*command, "--help"], capture_output=True, text=True, timeout=PATIENCE_S)
    assert told.returncode == 0
    assert "port 5005" in told.stdout
    assert subprocess.run([*command, "more"], capture_output=True, timeout=PATIENCE_S).returncode == 2


def is_shown(scripts: Scripts, out: Path) -> bool:
    """Run until the record gets through."""
    made = scripts.good("ppg.new_pipegraph(quiet=True)\nppg.FileGeneratingJob(f'{os.getpid()}', write())\nppg.run()\n"
                        "print(os.getpid())").strip()  # fmt: skip
    wanted = f"{made} INFO    run: FileGeneratingJob('{made}'), because it has never been done"
    return any(line.endswith(wanted) for line in out.read_text().splitlines())


def listening(scripts: Scripts) -> Any:
    """A listener that has the port, None if another one has it. What it shows goes to the file `listened`."""
    with open("listened", "w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "ppg_mcp.util.log_listener"], stdout=out, stderr=subprocess.PIPE, text=True
        )
    scripts.adopt(process)
    assert process.stderr is not None
    first = process.stderr.readline()
    return process if first.startswith("Listening on") else None


def received(listener: socket.socket, message: str) -> dict[str, Any] | None:
    """The record with this message, None if it does not come."""
    try:
        for _ in range(10_000):
            record: dict[str, Any] = json.loads(listener.recv(65535))
            if record["message"] == message:
                return record
    except TimeoutError:
        pass
    return None
