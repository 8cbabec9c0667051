"""No kernel outlives its job, whatever is killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from subprocess import Popen

import pytest

from ..project import Project
from ..scripts import PATIENCE_S, Scripts, family, is_alive, kill_at_once, until
from .cells import outputs, save

SCRIPT = """
ppg.new_pipegraph(quiet=True)
ppg.NotebookJob("report.ipynb")
ppg.run()
"""
WAITING = """
import os, subprocess, time
program = subprocess.Popen(["sleep", "1000"])
with open("pids.part", "w") as file:
    file.write(f"{os.getpid()} {os.getppid()} {program.pid}")
if not os.path.exists("go"):
    os.rename("pids.part", "pids")
    while True:
        time.sleep(0.01)
program.kill()
print("went on")
"""


def started(scripts: Scripts) -> tuple[int, list[int], Popen[str]]:
    """The job's pid; pids of the kernel and of a program that it started; the running script."""
    save("report.ipynb", WAITING)
    script = scripts.start(SCRIPT)
    until(Path("pids").exists, "the notebook to run")
    kernel, job, program = map(int, Path("pids").read_text().split())
    assert all(map(is_alive, (kernel, job, program)))
    return job, [kernel, program], script


def test_the_kernel_ends_with_a_job_that_ended_well(project: Project, scripts: Scripts) -> None:
    save("report.ipynb", "import os\nopen('pid', 'w').write(str(os.getpid()))")
    scripts.good(SCRIPT)
    assert not is_alive(int(project.read("pid")))
    assert scripts.processes() == []


def test_the_kernel_ends_with_a_job_that_is_killed(project: Project, scripts: Scripts) -> None:
    job, kernel, script = started(scripts)
    os.kill(job, signal.SIGKILL)
    assert script.wait(timeout=PATIENCE_S) == 1, "the job failed"
    assert not any(map(is_alive, kernel))
    assert "was killed by signal 9" in script.stderr.read()


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGKILL])
def test_the_kernel_ends_with_the_script(project: Project, scripts: Scripts, signal_number: signal.Signals) -> None:
    job, kernel, script = started(scripts)
    script.send_signal(signal_number)
    script.wait(timeout=PATIENCE_S)
    until(lambda: not any(map(is_alive, [job, *kernel])), "the end of the kernel")
    until(lambda: not scripts.processes(), "the end of all processes")


def test_a_kernel_that_lost_all_others_is_ended_by_the_next_run(project: Project, scripts: Scripts) -> None:
    """Script, supervisor, data process and job are killed at once, so none can kill the next."""
    job, kernel, script = started(scripts)
    others = [pid for pid in family(script.pid) if pid not in kernel]
    assert job in others
    kill_at_once(others)
    script.wait(timeout=PATIENCE_S)
    Path("go").touch()
    scripts.good(SCRIPT)
    assert not any(map(is_alive, kernel))
    assert outputs("cache/notebooks/report.ipynb") == ["went on\n"]
    assert scripts.processes() == []
