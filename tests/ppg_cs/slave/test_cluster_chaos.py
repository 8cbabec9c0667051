"""Random processes of a session in a cluster are killed while limits change: every attempt ends once, and honestly.

PPG_CHAOS_SEEDS=200 runs more of them.
"""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest
from slave_cluster import Cluster, Master, file_task

from ppg_cs.tasks import LoadTask
from ppg_protocol.messages import Finished, Retracted, Started
from ppg_protocol.records import Outcome

JOBS = 40
CORES = 4
data: dict[int, list[int]] = {}


def use(path: str, load: int, gate: str) -> None:
    with open(path, "w") as file:
        file.write("half")
        file.flush()
        while not os.path.exists(gate):  # until the first kill; else a busy killer may come when all is over
            time.sleep(0.005)
        time.sleep(0.005)  # a job that takes its time: the killer shall find it with its file half written
        file.write(f" and whole {len(data.get(load, ()))}")


@pytest.mark.parametrize("seed", range(int(os.environ.get("PPG_CHAOS_SEEDS", "2"))))
def test_every_attempt_ends_once_and_honestly(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    gate = tmp_path / "gate"
    with Cluster(tmp_path, cores=CORES) as cluster:
        master = Master(cluster, "m")
        ready = cluster.open(master, CORES)
        master.define(0, *(LoadTask(f"l{i}", lambda i=i: data.update({i: [i] * (i + 1)}), None) for i in range(3)))
        jobs: dict[int, int] = {}
        kills = started_before = 0
        for i in range(JOBS):
            master.define(3 + i, file_task(tmp_path / f"out{i}", use, i % 4, str(gate)))
            jobs[master.run(3 + i, loads=(i % 4,) if i % 4 < 3 else ())] = i
        while len(ends := fates(master)) < JOBS:
            cluster.until(cluster.later(0.02))
            victims = [pid for pid in cluster.alive() if pid != ready.pid]
            started = len(master.find(Started))
            if victims and started > started_before and kills < 8 and (kills == 0 or chance.random() < 0.5):
                kills, started_before = kills + 1, started
                kill(chance.choice(victims))
                gate.touch()
            if chance.random() < 0.3:
                cluster.limit(master, chance.randint(1, CORES))
        assert kills
        assert ends == dict.fromkeys(jobs, 1), f"seed {seed}"
        for message in master.find(Finished):
            check(tmp_path / f"out{jobs[message.attempt]}", message)
        assert master.finish(3).outcome in (Outcome.OK, Outcome.SIGNAL, Outcome.LOST)


def fates(master: Master) -> dict[int, int]:
    """How often each attempt ended."""
    ended: dict[int, int] = {}
    for message in master.said:
        if isinstance(message, Finished | Retracted):
            for attempt in message.attempts if isinstance(message, Retracted) else (message.attempt,):
                ended[attempt] = ended.get(attempt, 0) + 1
    return ended


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def check(path: Path, message: Finished) -> None:
    if message.outcome == Outcome.OK:
        number = int(path.name[3:]) % 4
        assert path.read_text() == f"half and whole {0 if number == 3 else number + 1}"
        assert path.stat().st_ino == message.files[0].inode
    else:
        assert message.outcome in (Outcome.SIGNAL, Outcome.LOST)
        assert not path.exists()
