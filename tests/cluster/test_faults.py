"""Whatever dies, freezes or comes back: the run ends with the right files, and nothing that was finished runs again."""

from __future__ import annotations

import signal

from ppg_cs.session_directory import runtime_root
from ppg_mcp.store.copy import read_copy

from .hosts import Cluster, Script, until

SLOW = """
def work(i):
    note(f"begun {i} {machine()}")
    wait_until_begun_on("b")
    time.sleep(0.3)
    Path(f"f{i}").write_text(str(i))
    note(f"done {i} {machine()}")
for i in range(12):
    ppg.FileGeneratingJob(f"f{i}", lambda i=i: work(i))
ppg.run()
"""


def assert_complete(cluster: Cluster, name: str = "project", count: int = 12) -> None:
    for i in range(count):
        assert (cluster.directory / name / f"f{i}").read_text() == str(i)


def test_a_slave_that_is_killed(cluster: Cluster) -> None:
    cluster.up("a", "b")
    script = cluster.start(SLOW)
    until(lambda: any("begun" in note and note.endswith("b") for note in script.notes))
    cluster.kill("b")
    script.good()
    assert_complete(cluster)
    assert "lost " in script.log


def test_the_jobs_of_a_slave_that_is_killed_alone_do_not_wait_for_its_lease(cluster: Cluster) -> None:
    cluster.up("a", "b")
    script = cluster.start(SLOW, PPG_LEASE="600")
    until(lambda: any("begun" in note and note.endswith("b") for note in script.notes))
    cluster.kill("b")
    script.good()
    assert_complete(cluster)
    assert "its ppg-slave is gone" in script.log


def test_a_coordinator_that_is_killed_and_started_again(cluster: Cluster) -> None:
    cluster.up("a", "b")
    script = cluster.start(SLOW)
    until(lambda: len(script.notes) > 2)
    cluster.kill("coordinator")
    cluster.coordinator()
    script.good()
    assert_complete(cluster)
    assert len([note for note in script.notes if note.startswith("begun")]) == 12, "nothing ran twice"


def test_a_run_goes_on_while_a_coordinator_that_was_started_again_only_listens(cluster: Cluster) -> None:
    cluster.up("a", "b")
    script = cluster.start(SLOW.replace("range(12)", "range(30)"))
    until(lambda: len(script.notes) > 2)
    cluster.kill("coordinator")
    cluster.coordinator("--grace", "600")
    script.good()
    assert_complete(cluster, count=30)
    assert cluster.status()["coordinator"]["grace_s"] > 0


def test_a_script_that_is_killed_and_started_again(cluster: Cluster) -> None:
    cluster.up("a", "b")
    script = cluster.start(SLOW)
    until(lambda: script.notes, "a job")
    until(lambda: len(recorded(script)) >= 5, "records")
    script.process.kill()
    script.wait()
    finished = recorded(script)
    again = cluster.run(SLOW)
    assert_complete(cluster)
    begun = [note.split()[1] for note in again.notes if note.startswith("begun")]
    assert {i: begun.count(i) for i in finished} == dict.fromkeys(finished, 1), "what was committed did not run again"


def recorded(script: Script) -> list[str]:
    """Numbers of the jobs whose records are committed."""
    with read_copy(script.directory / ".pypipegraph_status_robust") as store:
        return [job_id.removeprefix("f") for job_id in store.ids() if store.has_record(job_id)]


def test_ctrl_c_stops_everything_and_the_next_run_goes_on(cluster: Cluster) -> None:
    cluster.up("a", "b")
    script = cluster.start(SLOW)
    until(lambda: len(script.notes) > 2)
    script.process.send_signal(signal.SIGINT)
    assert script.wait() != 0
    assert "KeyboardInterrupt" in script.err
    cluster.run(SLOW)
    assert_complete(cluster)


def test_a_slave_that_is_frozen_for_longer_than_its_lease(cluster: Cluster) -> None:
    """Its jobs run elsewhere; when it wakes up it ends what it had, and is used again."""
    cluster.up("a", "b")
    script = cluster.start(SLOW.replace("range(12)", "range(30)"))
    until(lambda: any("begun" in note and note.endswith("b") for note in script.notes))
    cluster.kill("b", signal.SIGSTOP)
    script.good()
    cluster.kill("b", signal.SIGCONT)
    assert_complete(cluster, count=30)


def test_a_job_that_kills_its_data_process_fails_alone(cluster: Cluster) -> None:
    cluster.up("a", "b")
    script = cluster.run("""
import signal
def murder():
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)
for i in range(6):
    ppg.FileGeneratingJob(f"f{i}", lambda i=i: (time.sleep(0.1), Path(f"f{i}").write_text(str(i))))
bad = ppg.FileGeneratingJob("bad", murder)
try:
    ppg.run()
except ppg.RuntimeError as error:
    print([failure.job_id for failure in error.failures])
""")
    assert script.out == "['bad']\n"
    assert_complete(cluster, count=6)


FULL = """
from ppg_mcp.store import StatusStore
from ppg_mcp.store.errors import StatusStoreError

commit = StatusStore.commit

def commit_while_there_is_room(store, durable=True):
    if Path("begun").exists() and not store.is_durable:
        raise StatusStoreError("the disk is full")
    commit(store, durable)

def endless(path):
    Path("begun").touch()
    wait_for("never")

def short(path):
    wait_for("begun")
    Path(path).write_text("x")

StatusStore.commit = commit_while_there_is_room
ppg.FileGeneratingJob("endless", endless)
ppg.FileGeneratingJob("short", short)
ppg.run()
"""


def test_a_run_whose_store_takes_no_more_ends_everywhere_and_leaves_nothing(cluster: Cluster) -> None:
    """Machines and coordinator are told that it is over, instead of missing it one day."""
    cluster.up("a")
    script = cluster.start(FULL)
    assert script.wait() != 0
    assert "StatusStoreError: the disk is full" in script.err
    until(lambda: ": its run is over" in cluster.log_of("coordinator"))
    assert not list(script.directory.glob("*.nonce"))
    until(lambda: not runtime_root(str(script.directory)).exists(), "the end of its supervisor")
