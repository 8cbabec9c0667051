"""What runs never exceeds the limit: lowered and raised while jobs run."""

from __future__ import annotations

from pathlib import Path

from slave_cluster import Cluster, Gates, Master

from ppg_protocol.cluster_messages import StopSession
from ppg_protocol.messages import Finished, Heartbeat, Started


def running(master: Master) -> set[int]:
    """Attempts that were started and have not ended."""
    return {m.attempt for m in master.find(Started)} - {m.attempt for m in master.find(Finished)}


def test_nothing_starts_without_a_limit_nor_above_it(tmp_path: Path) -> None:
    gates = Gates(tmp_path, 4)
    with Cluster(tmp_path, cores=4) as cluster:
        master = Master(cluster, "m")
        cluster.open(master, cores=0)
        master.define(0, *gates.tasks)
        for job in range(4):
            master.run(job)
        beats = len(master.find(Heartbeat))
        cluster.until(lambda: len(master.find(Heartbeat)) > beats + 1)
        assert running(master) == set()

        number = cluster.limit(master, 3)
        cluster.until(lambda: running(master) == {1, 2, 3})
        assert cluster.holding(number).cores == 3

        lowered = cluster.limit(master, 1)
        assert cluster.holding(lowered).cores == 3
        gates.open(0)
        cluster.until(lambda: cluster.holding(lowered).cores == 2)
        gates.open(1)
        cluster.until(lambda: cluster.holding(lowered).cores == 1)
        cluster.until(lambda: running(master) == {3})
        gates.open(2)
        cluster.until(lambda: running(master) == {4})
        assert cluster.holding(lowered).cores == 1
        gates.open(3)
        master.expect(Finished, attempt=4)


def test_all_cores_wait_for_a_share_of_nearly_all(tmp_path: Path) -> None:
    gates = Gates(tmp_path, 1)
    with Cluster(tmp_path, cores=4) as cluster:
        master = Master(cluster, "m")
        cluster.open(master, cores=2)
        master.define(0, *gates.tasks)
        attempt = master.run(0, cores=-1)
        cluster.limit(master, 3)
        assert master.expect(Started, attempt=attempt).cores == 3
        gates.open(0)
        master.expect(Finished, attempt=attempt)


def test_declared_memory_stays_below_the_limit(tmp_path: Path) -> None:
    gates = Gates(tmp_path, 2)
    with Cluster(tmp_path, cores=4, memory_bytes=1000) as cluster:
        master = Master(cluster, "m")
        cluster.open(master, cores=0)
        master.define(0, *gates.tasks)
        cluster.limit(master, 4, memory_bytes=500)
        needy = master.run(0, memory_bytes=600)
        beats = len(master.find(Heartbeat))
        cluster.until(lambda: len(master.find(Heartbeat)) > beats + 1)
        assert running(master) == set()
        number = cluster.limit(master, 4, memory_bytes=700)
        cluster.until(lambda: running(master) == {needy})
        modest = master.run(1)
        cluster.until(lambda: running(master) == {needy, modest})
        assert cluster.holding(number).memory_bytes == 700
        for gate in (0, 1):
            gates.open(gate)
        cluster.until(lambda: running(master) == set())


def test_a_limit_of_a_session_that_is_not_here_is_held_at_once(tmp_path: Path) -> None:
    with Cluster(tmp_path) as cluster:
        master = Master(cluster, "m")
        number = cluster.limit(master, 2)
        assert cluster.holding(number).cores == 0


def test_a_session_that_is_stopped_is_gone_with_its_jobs(tmp_path: Path) -> None:
    gates = Gates(tmp_path, 1)
    with Cluster(tmp_path) as cluster:
        master = Master(cluster, "m")
        ready = cluster.open(master)
        master.define(0, *gates.tasks)
        master.run(0)
        cluster.until(lambda: running(master) == {1})
        cluster.coordinator.send(StopSession(master.session, "closed"))
        assert cluster.ended(master).pid == ready.pid
        assert cluster.alive() == []
