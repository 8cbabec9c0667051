"""A host that can't work for a run: the user is told which, with the facts; another host does the work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import cloudpickle
import pytest

from ppg_cs.session_directory import user_root
from ppg_mcp import version

from .hosts import Cluster, Script, until

pytestmark = pytest.mark.usefixtures("namespaces")
ROOT = Path(__file__).parents[2]
NAME_A = "hostname host-a\n"
JOBS = """
for i in range(4):
    def write(i=i):
        note(f"begun {machine()}")
        wait_for("go")
        Path(f"f{i}").write_text(machine())
    ppg.FileGeneratingJob(f"f{i}", write)
ppg.run()
"""


def start(cluster: Cluster, inside: str, **environment: str) -> None:
    """Host a as the commands make it, host b as it should be."""
    cluster.coordinator()
    cluster.slave("a", inside=NAME_A + inside, **environment)
    cluster.slave("b")
    until(lambda: len(cluster.status()["machines"]) == 2, "registration of slaves")


def refusal(cluster: Cluster, text: str = JOBS, **environment: str) -> str:
    """The line of the log that tells why host-a can't work. All jobs are done by b, after that is known."""
    script = cluster.start(text, **environment)
    (line,) = until(lambda: lines(script, "host-a can't work for this run"), "word of host-a")
    (script.directory / "go").touch()
    script.good()
    assert [(script.directory / f"f{i}").read_text() for i in range(4)] == ["b"] * 4
    assert len(lines(script, "host-a can't work for this run")) == 1, "it is told once"
    return line


def lines(script: Script, words: str) -> list[str]:
    return [line for line in script.log.splitlines() if words in line]


def mounted_over(original: Path, directory: Path, old: str, new: str) -> str:
    """Commands that show a changed copy of a file in its place."""
    text = original.read_text()
    assert old in text
    (directory / original.name).write_text(text.replace(old, new))
    return f"mount --bind {directory / original.name} {original}\n"


def sessions_on(options: str) -> str:
    """Commands that give session directories a small disk."""
    root = user_root()
    return f"mkdir -p -m 700 {root}\nmount -t tmpfs -o mode=0700,{options} none {root}\n"


def other_python() -> str:
    """An environment of another minor version, as `make venv` and `make interpreters` leave them."""
    for python in [ROOT / ".venv/bin/python", *sorted(ROOT.glob(".venvs/*/bin/python"))]:
        asked = "import sys, ppg_cs.slave.command; print(sys.version_info[1])"
        done = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=False)
        if done.returncode == 0 and int(done.stdout) != sys.version_info[1]:
            return str(python)
    pytest.skip("there is no environment with another Python (make interpreters makes some)")


def test_another_python(cluster: Cluster) -> None:
    python = other_python()
    start(cluster, f"mount -t tmpfs none {Path(sys.executable).parent}\n", PYTHON=python)
    line = refusal(cluster)
    ours = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert f"({python})" in line
    assert f"and {ours} on {os.uname().nodename} ({sys.executable})" in line


def test_a_slave_of_another_python_uses_the_interpreter_of_the_script(cluster: Cluster) -> None:
    """What runs the daemon does not matter, as long as the script's environment is there."""
    cluster.coordinator()
    cluster.slave("a", inside=NAME_A, PYTHON=other_python())
    script = cluster.run("""
ppg.FileGeneratingJob("f", lambda: Path("f").write_text(sys.executable))
ppg.run()
""")
    assert (script.directory / "f").read_text() == sys.executable


def test_when_no_host_can_work_the_user_is_told_what_is_waited_for(cluster: Cluster) -> None:
    project = cluster.directory / "project"
    project.mkdir()
    cluster.coordinator()
    cluster.slave("a", inside=f"{NAME_A}mount -t tmpfs none {project}\n")
    script = cluster.start(JOBS)
    until(lambda: any("host-a" in line for line in lines(script, "INFO waits: ")), "the reason")
    script.process.send_signal(signal.SIGINT)
    assert script.wait() != 0
    assert script.err.rstrip().endswith("KeyboardInterrupt")


def test_another_engine(cluster: Cluster) -> None:
    there = mounted_over(Path(version.__file__), cluster.directory, version.__version__, "9.9.9")
    start(cluster, there, PYTHONDONTWRITEBYTECODE="1")
    line = refusal(cluster, PYTHONDONTWRITEBYTECODE="1")
    assert "supervisor on host-a (pypipegraph 9.9.9" in line
    assert f"mcp on {os.uname().nodename} (pypipegraph {version.__version__}" in line


def test_another_cloudpickle(cluster: Cluster) -> None:
    there = mounted_over(Path(cloudpickle.__file__), cluster.directory, cloudpickle.__version__, "9.9.9")
    start(cluster, there, PYTHONDONTWRITEBYTECODE="1")
    line = refusal(cluster, PYTHONDONTWRITEBYTECODE="1")
    assert "cloudpickle is 9.9.9 on host-a" in line
    assert f"{cloudpickle.__version__} on {os.uname().nodename}" in line


def test_a_project_directory_that_is_not_shared(cluster: Cluster) -> None:
    project = cluster.directory / "project"
    project.mkdir()
    start(cluster, f"mount -t tmpfs none {project}\n")
    line = refusal(cluster)
    assert f"the project directory {project} of {os.uname().nodename} is not shared" in line
    assert "is not there on host-a" in line


def test_a_module_that_is_missing_on_one_host(cluster: Cluster) -> None:
    lib = cluster.directory / "lib"
    lib.mkdir()
    (lib / "steps.py").write_text("def word(): return 'x'\n")
    start(cluster, f"mount -t tmpfs none {lib}\n")
    line = refusal(
        cluster,
        JOBS.replace("for i", "import steps\nfor i", 1).replace("machine())", "machine()) or steps.word()"),
        PYTHONPATH=str(lib),
    )
    assert "on host-a there is no module 'steps'" in line


def test_a_full_disk_for_what_sessions_leave(cluster: Cluster) -> None:
    """Nothing can be started there at all."""
    start(cluster, sessions_on("nr_inodes=1"))
    line = refusal(cluster)
    assert "No space left on device" in line


def test_a_disk_that_has_no_room_for_the_jobs(cluster: Cluster) -> None:
    start(cluster, sessions_on("size=64k"))
    line = refusal(cluster, "import os\nnoise = os.urandom(1 << 20)\n" + JOBS.replace("wait_for", "noise; wait_for"))
    assert "host-a can't keep the jobs" in line
    assert "No space left on device" in line


def test_other_packages_are_warned_of_once_per_host(cluster: Cluster) -> None:
    lib = cluster.directory / "lib"
    (lib / "fancy-2.0.dist-info").mkdir(parents=True)
    start(cluster, f"mount -t tmpfs none {lib}\nmkdir {lib}/fancy-1.5.dist-info\n")
    script = cluster.start(JOBS, PYTHONPATH=str(lib))
    until(lambda: lines(script, "fancy"), "the warning")
    until(lambda: set(script.notes) == {"begun a", "begun b"}, "jobs on both hosts")
    (script.directory / "go").touch()
    script.good()
    (line,) = lines(script, "fancy")
    assert "host-a has other packages than this machine: fancy 1.5 (here 2.0)" in line
    made_by = {f"f{i}": (script.directory / f"f{i}").read_text() for i in range(4)}
    assert set(made_by.values()) == {"a", "b"}, "it works all the same"
    for job_id, machine in made_by.items():
        assert ("host-a" in history(script, job_id)) == (machine == "a")


def history(script: Script, job_id: str) -> str:
    """As the user asks for it."""
    command = [sys.executable, "-m", "pypipegraph", "history", job_id]
    done = subprocess.run(command, cwd=script.directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
