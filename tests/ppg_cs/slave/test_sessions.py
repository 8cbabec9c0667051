"""What a master gets from a machine of a cluster: stories with a real daemon and all that it starts."""

from __future__ import annotations

import os
import platform
import signal
from pathlib import Path

from slave_cluster import Cluster, Gates, Holder, Master, Piece, file_task, parent

from ppg_cs.task_stream import TaskStream
from ppg_cs.tasks import Generated, GenerateTask, LoadTask
from ppg_protocol.messages import DataLost, Define, Finished, Heartbeat, Loaded, Ready, Shutdown, Started
from ppg_protocol.records import Blob, Outcome

genome: dict[str, int] = {}


def write(path: str, text: str = "x") -> None:
    Path(path).write_text(text)


def test_a_machine_says_what_it_is_runs_jobs_and_leaves(tmp_path: Path) -> None:
    with Cluster(tmp_path) as cluster:
        master = Master(cluster, "m")
        ready = cluster.open(master)
        assert (ready.cores, ready.machine_id) == (2, cluster.machine_id)
        assert ready.python_version == platform.python_version()
        assert "pyzmq" in {found.name for found in ready.distributions}
        greeting = "hello"
        master.define(0, file_task(tmp_path / "out", lambda path: write(path, greeting)))
        done = master.finish(0)
        assert done.outcome == Outcome.OK, done.failure
        assert (tmp_path / "out").read_text() == "hello"
        master.send(Shutdown("over"))
        assert cluster.ended(master).pid == ready.pid
        assert cluster.alive() == []


def test_jobs_share_what_one_of_them_loaded(tmp_path: Path) -> None:
    with Cluster(tmp_path) as cluster:
        master = Master(cluster, "m")
        cluster.open(master)
        data: dict[str, int] = {}
        load = LoadTask("load", lambda: data.update(length=42), None)
        master.define(0, load, file_task(tmp_path / "out", lambda path: write(path, str(data["length"]))))
        assert master.finish(1, loads=(0,)).outcome == Outcome.OK
        assert (tmp_path / "out").read_text() == "42"
        master.expect(Loaded, job=0)
        assert cluster.until(lambda: [m for m in master.find(Heartbeat) if m.data_bytes >= 0])


def test_parts_that_come_during_a_load_are_there_when_it_takes_over(tmp_path: Path) -> None:
    with Cluster(tmp_path) as cluster:
        master = Master(cluster, "m")
        cluster.open(master)
        go = tmp_path / "go"
        os.mkfifo(go)
        data: list[str] = []
        master.define(0, LoadTask("load", lambda: data.append(go.read_text()), None))
        master.run(0, loads=(0,))
        with go.open("w") as fifo:
            master.define(1, file_task(tmp_path / "out", lambda path: write(path, "".join(data))))
            attempt = master.run(1, loads=(0,))
            cluster.pump(0.1)
            fifo.write("loaded")
        assert master.expect(Finished, attempt=attempt).outcome == Outcome.OK
        assert (tmp_path / "out").read_text() == "loaded"


def test_a_data_process_that_is_killed_is_made_anew_with_all_jobs(tmp_path: Path) -> None:
    gates = Gates(tmp_path, 1)
    with Cluster(tmp_path) as cluster:
        master = Master(cluster, "m")
        cluster.open(master)
        master.define(0, *gates.tasks)
        master.define(1, file_task(tmp_path / "out", write))
        victim = master.expect(Started, attempt=master.run(0))
        os.kill(parent(victim.pid), signal.SIGKILL)
        assert master.result(victim.attempt).outcome == Outcome.LOST
        done = master.finish(1)
        assert done.outcome == Outcome.OK, done.failure


def generator(tmp_path: Path, data: dict[str, int]) -> GenerateTask:
    """Makes a job that uses the data of the machine it runs on, and one that waits in between."""
    gate = str(tmp_path / "gate")
    os.mkfifo(gate)

    def generate(stream: TaskStream) -> Generated:
        quick = file_task(tmp_path / "quick", lambda path: write(path, str(data["length"])))
        slow = file_task(tmp_path / "slow", lambda path: write(path, Path(gate).read_text()))
        holders = [Holder(-1, quick), Holder(-1, slow)]
        return Generated(b"change", (), stream.dump(Piece(holders), holders))

    return GenerateTask("generator", generate)  # type: ignore[arg-type]


def test_generated_jobs_come_back_after_the_data_process_was_lost(tmp_path: Path) -> None:
    with Cluster(tmp_path) as cluster:
        master = Master(cluster, "m")
        cluster.open(master)
        data: dict[str, int] = {}
        master.define(0, LoadTask("load", lambda: data.update(length=42), None), generator(tmp_path, data))
        made = master.finish(1, loads=(0,), generates=True)
        assert (made.outcome, made.generated) == (Outcome.OK, b"change"), made.failure
        master.send(Define(made.attempt, (10, 11), Blob(b""), master.parts))
        slow = master.expect(Started, attempt=master.run(11, loads=(0,)))
        os.kill(parent(slow.pid), signal.SIGKILL)
        lost = master.expect(DataLost)
        assert (lost.jobs, lost.generators) == ((0,), ())
        assert master.expect(Finished, attempt=slow.attempt).outcome == Outcome.LOST
        done = master.finish(10, loads=(0,))
        assert done.outcome == Outcome.OK, done.failure
        assert (tmp_path / "quick").read_text() == "42"


def test_jobs_that_were_generated_on_another_machine_use_the_data_of_this_one(tmp_path: Path) -> None:
    with Cluster(tmp_path) as cluster:
        first, second = Master(cluster, "a"), Master(cluster, "b", epoch=1)
        data: dict[str, int] = {}
        tasks = LoadTask("load", lambda: data.update(length=42), None), generator(tmp_path, data)
        for master in (first, second):
            cluster.open(master, cores=1)
            master.define(0, *tasks)
        made = first.finish(1, loads=(0,), generates=True)
        assert made.outcome == Outcome.OK, made.failure
        second.send(Define(0, (10, 11), made.chunk, second.parts))
        done = second.finish(10, loads=(0,))
        assert done.outcome == Outcome.OK, done.failure
        assert (tmp_path / "quick").read_text() == "42"


def test_a_supervisor_that_is_told_again_says_ready_again(tmp_path: Path) -> None:
    with Cluster(tmp_path) as cluster:
        master = Master(cluster, "m")
        cluster.open(master)
        master.welcome()
        cluster.until(lambda: len(master.find(Ready)) == 2)
