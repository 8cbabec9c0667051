"""SIGKILL of the script in the middle: "the files equal those of an undisturbed run", nothing finished is redone."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

import pypipegraph as ppg
from ppg_cs.session_directory import user_root

from ..project import Project, version
from ..scripts import Scripts, children, family, kill_at_once, session_pids, until

WAITING = """
def second(path):
    Path(path).write_text("half")
    tell(os.environ["PPG_SESSION"], "session")
    if not os.path.exists("go"):
        import subprocess
        subprocess.Popen(["sleep", "1000"], start_new_session=True)
        tell("reached")
        wait_for("go")
    Path(path).write_text("whole")

ppg.new_pipegraph()
first = ppg.FileGeneratingJob("first", write("first"))
second = ppg.FileGeneratingJob("second", second).depends_on(first)
ppg.FileGeneratingJob("third", write("third")).depends_on(second)
ppg.run()
"""

GRAPH = """
class Holder: pass
HOLDER = Holder()

def slow(text):
    def callback(path):
        Path(path).write_text("ha")
        time.sleep(0.02)
        tell(path)
        Path(path).write_text(text)
    return callback

def join(*names):
    def callback(path):
        tell(path)
        Path(path).write_text("".join(Path(name).read_text() for name in names))
    return callback

ppg.new_pipegraph(quiet=True)
load = ppg.AttributeLoadingJob("load", HOLDER, "value", lambda: "loaded")
parts = [ppg.FileGeneratingJob(f"part{n}", slow(str(n))).depends_on_params(n) for n in range(6)]
temporary = ppg.TempFileGeneratingJob("temporary", join(*[p.job_id for p in parts])).depends_on(parts)
whole = ppg.FileGeneratingJob("whole", join("temporary")).depends_on(temporary)

def generate():
    for n in range(4):
        job = ppg.FileGeneratingJob(f"made{n}", lambda path, n=n: Path(path).write_text(HOLDER.value + str(n)))
        job.depends_on(load, whole).ignore_code_changes()

def inject():
    return [ppg.FileGeneratingJob(f"injected{n}", slow(str(n))) for n in range(3)]

ppg.JobGeneratingJob("generator", generate).depends_on(whole)
injection = ppg.DependencyInjectionJob("injection", inject).depends_on(parts[0])
ppg.FileGeneratingJob("summary", join("injected0", "injected1", "injected2")).depends_on(injection)
ppg.MultiFileGeneratingJob(["m1", "m2"], lambda: [write(n)(n) for n in ("m1", "m2")]).depends_on(whole)
ppg.run()
"""
AUXILIARY = ("calls", "script.py", "logs", "session")


def results(path: Path) -> dict[str, str]:
    """Everything that jobs made."""
    skipped = {p for p in path.iterdir() if p.name in AUXILIARY or p.name.startswith(".")}
    return {p.name: p.read_text() for p in path.iterdir() if p not in skipped}


def test_finished_jobs_stay_and_the_rest_is_done_by_the_next_run(project: Project, scripts: Scripts) -> None:
    script = scripts.start(WAITING)
    until(lambda: project.calls() == ["reached"], "the second job")
    first = version("first")
    script.kill()
    assert script.wait() == -signal.SIGKILL
    Path("go").touch()
    err = scripts.run(WAITING).stderr
    assert (project.read("first"), project.read("second"), project.read("third")) == ("first", "whole", "third")
    assert version("first") == first
    assert "2 jobs run, 1 of 3 outputs were current" in err


def test_no_process_outlives_a_killed_script_for_long(project: Project, scripts: Scripts) -> None:
    """Not even a program that a job started in a session of its own, as its PPG_SESSION shows."""
    script = scripts.start(WAITING)
    until(lambda: project.calls() == ["reached"], "the second job")
    (session,) = project.calls("session")
    until(lambda: session_pids(session), "the program that the job started")
    script.kill()
    script.wait()
    until(lambda: not scripts.processes(), "the end of all processes")
    assert session_pids(session) == []


def test_a_job_that_was_running_is_redone_with_the_reason(project: Project, scripts: Scripts) -> None:
    script = scripts.start(WAITING)
    until(lambda: project.calls() == ["reached"], "the second job")
    script.kill()
    script.wait()
    until(lambda: not scripts.processes(), "the end of the job, which would go on writing")
    Path("go").touch()
    scripts.good(WAITING)
    log = project.read("logs/ppg_run.txt")
    assert "run: FileGeneratingJob('second'), because it was started before and did not end well" in log


def test_a_half_written_output_of_a_killed_run_is_no_result(project: Project, scripts: Scripts) -> None:
    """The file stands there, not empty, after script and supervisor are killed at once; the tombstone tells."""
    script = scripts.start(WAITING)
    until(lambda: project.calls() == ["reached"], "the second job")
    kill_at_once(family(script.pid))
    script.wait()
    assert project.read("second") == "half"
    Path("go").touch()
    scripts.good(WAITING)
    assert project.read("second") == "whole"


HIDDEN = 'mount --bind "$0" "$1" && shift && exec "$@"'


@pytest.fixture
def hidden(project: Project, scripts: Scripts) -> Scripts:
    """Scripts whose sessions nobody else sees, where that can be had. A ppg-slave that starts on this machine for a
    test that runs beside would end what dead runs of its user have left."""
    place, root = project.path / "sessions", user_root()
    for directory in (place, root):
        directory.mkdir(mode=0o700, exist_ok=True)
    prefix = ["unshare", "--mount", "--propagation", "private", "sh", "-c", HIDDEN, str(place), str(root)]
    if os.geteuid() == 0 and subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0:
        scripts.prefix = prefix
    return scripts


def test_what_outlived_script_and_supervisor_is_ended_by_the_next_run(project: Project, hidden: Scripts) -> None:
    """All that could have ended it dies at once."""
    scripts = hidden
    script = scripts.start(WAITING)
    until(lambda: project.calls() == ["reached"], "the second job")
    (session,) = project.calls("session")
    left = until(lambda: session_pids(session), "the program that the job started")
    kill_at_once(pid for pid in family(script.pid) if pid not in left)
    script.wait()
    until(lambda: set(scripts.processes()) == set(left), "the end of all but that program")
    assert session_pids(session) == left
    Path("go").touch()
    scripts.good(WAITING)
    assert session_pids(session) == []
    assert f"killed what an earlier run had left behind: ended process {left[0]}" in project.read("logs/ppg_run.txt")


@pytest.mark.parametrize("after", [1, 4, 7, 9])
def test_killed_at_any_moment_the_files_are_those_of_an_undisturbed_run(
    project: Project, scripts: Scripts, tmp_path_factory: pytest.TempPathFactory, after: int
) -> None:
    calm = tmp_path_factory.mktemp("calm")
    undisturbed = Scripts(calm)
    undisturbed.good(GRAPH)
    script = scripts.start(GRAPH)
    until(lambda: len(project.calls()) >= after or script.poll() is not None, f"{after} calls")
    script.kill()
    script.communicate()
    scripts.good(GRAPH)
    assert results(project.path) == results(calm)
    assert not Path("temporary").exists()
    before = {name: version(name) for name in results(project.path)}
    calls = project.calls()
    scripts.good(GRAPH)
    assert project.calls() == calls, "a third run does nothing"
    assert {name: version(name) for name in results(project.path)} == before


def test_a_second_pipegraph_on_the_same_store_is_refused(project: Project, scripts: Scripts) -> None:
    """It names the process that holds the store; after that one's death nothing has to be unlocked."""
    script = scripts.start(WAITING)
    until(lambda: project.calls() == ["reached"], "the second job")
    refused = scripts.run(WAITING, "other.py")
    assert refused.returncode == 1
    assert str(script.pid) in refused.stderr
    ppg.new_pipegraph(quiet=True)
    ppg.FileGeneratingJob("else", lambda path: Path(path).write_text("x"))
    with pytest.raises(ppg.PyPipeGraphError, match=str(script.pid)):
        ppg.run()
    assert script.poll() is None, "the first is not disturbed"
    Path("go").touch()
    assert script.communicate()[1].endswith("s)\n")
    assert script.returncode == 0
    assert project.read("third") == "third"


LEAVES_A_PROGRAM = """
def second(path):
    import subprocess
    Path(path).write_text("half")
    if not os.path.exists("go"):
        subprocess.Popen(["sh", "-c", "while :; do echo garbage >> second; sleep 0.002; done"], start_new_session=True)
        tell(os.getppid(), "parent")
        tell("reached")
        wait_for("go")
    Path(path).write_text("whole")

ppg.new_pipegraph()
ppg.FileGeneratingJob("second", second)
ppg.run()
"""


def test_when_the_supervisor_is_killed_the_run_ends_what_it_left_before_it_says_so(
    project: Project, scripts: Scripts
) -> None:
    """A program that goes on writing must not outlive the run: the next one could not know it."""
    script = scripts.start(LEAVES_A_PROGRAM)
    until(lambda: project.calls() == ["reached"], "the job")
    data_process = int(project.read("parent"))
    (supervisor,) = [pid for pid in children(script.pid) if data_process in children(pid)]
    os.kill(supervisor, signal.SIGKILL)
    _, err = script.communicate()
    assert "CommunicationFailure" in err
    assert scripts.processes() == []
    Path("go").touch()
    scripts.good(LEAVES_A_PROGRAM)
    assert project.read("second") == "whole"
