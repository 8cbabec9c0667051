"""Processes that stand still, shorter or longer than a lease, and jobs that take their machine along."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from ppg_cs.session_directory import runtime_root

from .hosts import LEASE_S, Cluster, Script, until

WORK = """
def work(i):
    note(f"begun {i} {machine()}")
    time.sleep(0.3)
    Path(f"f{i}").write_text(str(i))
    note(f"done {i} {machine()}")
for i in range(16):
    ppg.FileGeneratingJob(f"f{i}", lambda i=i: work(i))
ppg.run()
"""
ON_BOTH = WORK.replace("    time.sleep", '    wait_until_begun_on("b")\n    time.sleep')


def assert_complete(script: Script, count: int = 16) -> None:
    for i in range(count):
        assert (script.directory / f"f{i}").read_text() == str(i)


def begun_on(script: Script, machine: str) -> bool:
    return any(note.startswith("begun") and note.endswith(machine) for note in script.notes)


def supervisors(script: Script, machine: str) -> list[int]:
    """Pids of session processes of a run on a machine: they keep the log of their session open."""
    root = str(runtime_root(str(script.directory)))

    def logs(pid: int) -> bool:
        return any(link.startswith(root) and link.endswith(f".{machine}/session.log") for link in _links(pid))

    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return [pid for pid in pids if "ppg_cs.slave.session" in _text(f"/proc/{pid}/cmdline") and logs(pid)]


def _text(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace").replace("\0", " ")
    except OSError:
        return ""


def _links(pid: int) -> list[str]:
    try:
        return [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
    except OSError:
        return []


def test_a_script_that_stands_still_for_longer_than_the_lease(cluster: Cluster) -> None:
    """Nobody writes for it any more then; when it goes on, it does what is missing."""
    cluster.up("a", "b")
    script = cluster.start(ON_BOTH)
    until(lambda: begun_on(script, "a") and begun_on(script, "b"))
    script.process.send_signal(signal.SIGSTOP)
    until(lambda: not supervisors(script, "a") and not supervisors(script, "b"), "the end of its supervisors")
    script.process.send_signal(signal.SIGCONT)
    script.good()
    assert_complete(script)


def test_a_script_that_stands_still_for_a_moment_loses_nothing(cluster: Cluster) -> None:
    cluster.up("a", "b")
    script = cluster.start(WORK)
    until(lambda: begun_on(script, "a"))
    script.process.send_signal(signal.SIGSTOP)
    time.sleep(LEASE_S / 3)
    script.process.send_signal(signal.SIGCONT)
    script.good()
    assert_complete(script)
    assert "lost " not in script.log
    assert len([note for note in script.notes if note.startswith("begun")]) == 16


def test_a_supervisor_that_stands_still_for_longer_than_its_lease(cluster: Cluster) -> None:
    """The slave ends it, with all that it had; its jobs run elsewhere, or in a new one."""
    cluster.up("a", "b")
    script = cluster.start(ON_BOTH)
    until(lambda: begun_on(script, "b"))
    (frozen,) = supervisors(script, "b")
    os.kill(frozen, signal.SIGSTOP)
    script.good()
    assert_complete(script)
    until(lambda: not Path(f"/proc/{frozen}").exists(), "its end")


def test_a_coordinator_that_stands_still_is_not_missed(cluster: Cluster) -> None:
    cluster.up("a", "b")
    script = cluster.start(ON_BOTH)
    until(lambda: begun_on(script, "a") and begun_on(script, "b"))
    cluster.kill("coordinator", signal.SIGSTOP)
    script.good()
    cluster.kill("coordinator", signal.SIGCONT)
    assert_complete(script)
    assert len([note for note in script.notes if note.startswith("begun")]) == 16


def test_a_supervisor_that_is_killed_is_replaced_and_its_jobs_do_not_wait_for_a_lease(cluster: Cluster) -> None:
    cluster.up("a")
    script = cluster.start(WORK)
    until(lambda: begun_on(script, "a"))
    (pid,) = supervisors(script, "a")
    os.kill(pid, signal.SIGKILL)
    script.good()
    assert_complete(script)
    assert f"(pid {pid}) has ended" in script.log


def test_a_job_that_takes_its_machine_down_again_and_again_is_poison(cluster: Cluster) -> None:
    """Neighbours are not failed for it, however often they are hit."""
    cluster.up("a", "b")
    script = cluster.run("""
import signal
def murder():
    parent = os.getppid()
    supervisor = int(Path(f"/proc/{parent}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(supervisor, signal.SIGKILL)
    time.sleep(60)
for i in range(4):
    ppg.FileGeneratingJob(f"f{i}", lambda i=i: (time.sleep(0.2), Path(f"f{i}").write_text(str(i))))
bad = ppg.FileGeneratingJob("bad", murder)
try:
    ppg.run()
except ppg.RuntimeError as error:
    print([failure.job_id for failure in error.failures], bad.exception)
""")
    assert script.out.startswith("['bad'] FileGeneratingJob('bad') was lost 3 times while it was alone there, on ")
    assert_complete(script, 4)
