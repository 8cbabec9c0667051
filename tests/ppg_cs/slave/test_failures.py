"""Whatever dies, nothing of it stays: stories with kill -9, lost masters, coordinators and daemons."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from slave_cluster import Cluster, Gates, Master, Server, file_task, is_alive

from ppg_protocol.cluster_messages import EndOlder, OlderEnded, Register, SessionEnded
from ppg_protocol.messages import Finished, Retracted, Started
from ppg_protocol.records import Outcome

STRAY = ["setsid", "sleep", "1000"]


def leave_a_stray(path: str, gate: str) -> None:
    """A job that starts a program of a session of its own, which dies with nobody."""
    stray = subprocess.Popen(STRAY)
    Path(f"{path}.stray").write_text(str(stray.pid))
    os.rename(f"{path}.stray", f"{path}.pid")
    Path(path).write_text(Path(gate).read_text())


def stray_job(cluster: Cluster, master: Master, directory: Path) -> tuple[Started, int]:
    """Have it run; returns how it was started, and the program's pid."""
    gate = directory / "stray-gate"
    os.mkfifo(gate)
    master.define(0, file_task(directory / "out", leave_a_stray, str(gate)))
    started = master.expect(Started, attempt=master.run(0))
    pid_file = directory / "out.pid"
    cluster.until(pid_file.exists)
    return started, int(pid_file.read_text())


def test_a_job_that_is_killed_harms_nobody(tmp_path: Path) -> None:
    gates = Gates(tmp_path, 2)
    with Cluster(tmp_path) as cluster:
        master = Master(cluster, "m")
        cluster.open(master)
        master.define(0, *gates.tasks)
        victim, other = master.run(0), master.run(1)
        os.kill(master.expect(Started, attempt=victim).pid, signal.SIGKILL)
        assert master.expect(Finished, attempt=victim).outcome == Outcome.SIGNAL
        gates.open(1)
        assert master.expect(Finished, attempt=other).outcome == Outcome.OK


def test_a_supervisor_that_is_killed_takes_all_along_and_can_be_started_again(tmp_path: Path) -> None:
    with Cluster(tmp_path) as cluster:
        master = Master(cluster, "m")
        ready = cluster.open(master)
        started, stray = stray_job(cluster, master, tmp_path)
        os.kill(ready.pid, signal.SIGKILL)
        ended = cluster.ended(master)
        assert ended.pid == ready.pid
        assert "signal 9" in ended.reason
        assert not any(map(is_alive, (ready.pid, started.pid, stray)))
        assert not (tmp_path / "out").exists()

        master.said.clear()
        master.parts = 0
        assert cluster.open(master).pid != ready.pid


def test_a_supervisor_that_is_terminated_with_its_jobs_does_not_call_them_failed(tmp_path: Path) -> None:
    with Cluster(tmp_path) as cluster:
        master = Master(cluster, "m")
        ready = cluster.open(master)
        started, stray = stray_job(cluster, master, tmp_path)
        for pid in (started.pid, ready.pid):  # as a batch system does: all processes of the machine, leaves first
            os.kill(pid, signal.SIGTERM)
        assert "SIGTERM" in cluster.ended(master).reason
        assert not any(map(is_alive, (ready.pid, started.pid, stray)))
        assert not [message for message in master.said if isinstance(message, Finished)]


def test_a_daemon_that_is_killed_takes_all_along(tmp_path: Path) -> None:
    with Cluster(tmp_path) as cluster:
        master = Master(cluster, "m")
        ready = cluster.open(master)
        started, stray = stray_job(cluster, master, tmp_path)
        cluster.daemons[0].kill()
        cluster.until(lambda: not any(map(is_alive, (ready.pid, started.pid, stray))))


def test_a_daemon_that_starts_ends_what_a_killed_one_left(tmp_path: Path) -> None:
    with Cluster(tmp_path) as cluster:
        master = Master(cluster, "m")
        ready = cluster.open(master)
        started, stray = stray_job(cluster, master, tmp_path)
        os.kill(ready.pid, signal.SIGSTOP)
        cluster.daemons[0].kill()
        cluster.daemons[0].wait()
        assert is_alive(stray)
        cluster.coordinator.said.clear()
        cluster.start_daemon()
        cluster.coordinator.expect(Register)
        assert not any(map(is_alive, (ready.pid, started.pid, stray)))
        assert cluster.alive() == []


def test_a_supervisor_whose_master_is_silent_kills_everything_when_its_lease_is_over(tmp_path: Path) -> None:
    with Cluster(tmp_path, lease=2.0) as cluster:
        master = Master(cluster, "m")
        cluster.open(master)
        started, stray = stray_job(cluster, master, tmp_path)
        master.mute = True
        assert "lease" in cluster.ended(master).reason
        assert not any(map(is_alive, (started.pid, stray)))


def test_what_a_master_says_after_the_lease_is_not_obeyed(tmp_path: Path) -> None:
    gates = Gates(tmp_path, 1)
    with Cluster(tmp_path, lease=2.0) as cluster:
        master = Master(cluster, "m")
        ready = cluster.open(master)
        master.define(0, *gates.tasks)
        cluster.until(lambda: not master.link.session(master.peers[-1]).outbox.messages)  # type: ignore[union-attr]
        for pid in (cluster.daemons[0].pid, ready.pid):
            os.kill(pid, signal.SIGSTOP)
        frozen_until = cluster.later(2.5)
        master.mute = True
        master.run(0)
        cluster.until(frozen_until)
        os.kill(ready.pid, signal.SIGCONT)
        cluster.until(lambda: not is_alive(ready.pid))
        os.kill(cluster.daemons[0].pid, signal.SIGCONT)
        assert "lease" in cluster.ended(master).reason
        master.mute = False
        cluster.until(cluster.later(0.2))
        assert master.find(Started) == []
        assert not (tmp_path / "out0").exists()


def test_a_supervisor_that_is_stopped_does_not_outlive_its_lease(tmp_path: Path) -> None:
    with Cluster(tmp_path, lease=2.0) as cluster:
        master = Master(cluster, "m")
        ready = cluster.open(master)
        started, stray = stray_job(cluster, master, tmp_path)
        os.kill(ready.pid, signal.SIGSTOP)
        assert "lease" in cluster.ended(master).reason
        assert not any(map(is_alive, (ready.pid, started.pid, stray)))
        assert "does not keep to its lease" in cluster.log()


def test_an_older_epoch_is_ended_before_a_newer_one_starts(tmp_path: Path) -> None:
    with Cluster(tmp_path) as cluster:
        older = Master(cluster, "old", epoch=1)
        cluster.open(older)
        started, stray = stray_job(cluster, older, tmp_path)
        newer = Master(cluster, "new", epoch=2)
        cluster.open(newer)
        assert cluster.coordinator.find(SessionEnded, session=older.session)
        assert not any(map(is_alive, (started.pid, stray)))
        cluster.coordinator.send(older.start())
        cluster.until(lambda: len(cluster.coordinator.find(SessionEnded, session=older.session)) == 2)


def test_the_coordinator_is_told_when_nothing_older_lives(tmp_path: Path) -> None:
    with Cluster(tmp_path) as cluster:
        older = Master(cluster, "old", epoch=1)
        cluster.open(older)
        started, stray = stray_job(cluster, older, tmp_path)
        cluster.coordinator.send(EndOlder(older.project, 2))
        cluster.coordinator.expect(OlderEnded, project=older.project, epoch=2)
        assert not any(map(is_alive, (started.pid, stray)))
        assert cluster.coordinator.find(SessionEnded, session=older.session)


def test_sessions_go_on_without_the_coordinator_and_are_told_to_the_next_one(tmp_path: Path) -> None:
    gates = Gates(tmp_path, 2)
    with Cluster(tmp_path) as cluster:
        master = Master(cluster, "m")
        cluster.open(master)
        master.define(0, *gates.tasks)
        for job in (0, 1):
            master.run(job)
        master.expect(Started, attempt=2)
        cluster.coordinator.close()
        gates.open(0)
        assert master.expect(Finished, attempt=1).outcome == Outcome.OK
        coordinator: Server = cluster.start_coordinator()
        (held,) = coordinator.expect(Register).held
        assert (held.session, held.epoch, held.cores) == (master.session, 1, 2)
        gates.open(1)
        assert master.expect(Finished, attempt=2).outcome == Outcome.OK
        number = cluster.limit(master, 1)
        assert cluster.holding(number).cores == 1


def test_sigterm_lets_jobs_end_and_their_results_arrive(tmp_path: Path) -> None:
    gates = Gates(tmp_path, 2)
    with Cluster(tmp_path, cores=1) as cluster:
        master = Master(cluster, "m")
        cluster.open(master, cores=1)
        master.define(0, *gates.tasks)
        master.auto_ack = False
        runs, waits = master.run(0), master.run(1)
        master.expect(Started, attempt=runs)
        cluster.daemons[0].terminate()
        assert master.expect(Retracted).attempts == (waits,)
        late = master.run(1)
        cluster.until(lambda: master.find(Retracted, attempts=(late,)))
        gates.open(0)
        assert master.expect(Finished, attempt=runs).outcome == Outcome.OK
        assert cluster.daemons[0].poll() is None
        master.acknowledge(runs)
        assert cluster.exit_code() == 0
        assert cluster.coordinator.find(SessionEnded, session=master.session)


def test_jobs_that_do_not_end_are_killed_after_the_drain_timeout(tmp_path: Path) -> None:
    with Cluster(tmp_path, **{"drain-timeout": 0.5}) as cluster:
        master = Master(cluster, "m")
        cluster.open(master)
        started, stray = stray_job(cluster, master, tmp_path)
        cluster.daemons[0].terminate()
        assert cluster.exit_code() == 4
        assert not any(map(is_alive, (started.pid, stray)))


def test_a_second_signal_ends_everything_at_once(tmp_path: Path) -> None:
    with Cluster(tmp_path) as cluster:
        master = Master(cluster, "m")
        cluster.open(master)
        started, stray = stray_job(cluster, master, tmp_path)
        cluster.daemons[0].terminate()
        cluster.until(lambda: "draining" in cluster.log())
        cluster.daemons[0].send_signal(signal.SIGINT)
        assert cluster.exit_code() == 4
        assert not any(map(is_alive, (started.pid, stray)))
        assert cluster.alive() == []


def test_a_daemon_that_has_nothing_to_do_leaves_at_once(tmp_path: Path) -> None:
    with Cluster(tmp_path) as cluster:
        cluster.daemons[0].terminate()
        assert cluster.exit_code() == 0


def test_a_daemon_that_the_coordinator_refuses_says_why(tmp_path: Path) -> None:
    with Cluster(tmp_path) as cluster:
        coordinator = cluster.coordinator
        coordinator.dismiss("another ppg-slave of yours has this machine id; end it, or give --machine-id")
        assert cluster.exit_code() == 3
        assert "another ppg-slave of yours" in cluster.log()
