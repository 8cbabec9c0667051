"""Random processes of a session are killed while it works: every attempt still ends once, and honestly.

PPG_CHAOS_SEEDS=200 runs more of them.
"""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest
from cs_mcp import Mcp, file_task
from test_cs_survivors import processes_below

from ppg_cs.tasks import LoadTask, Task
from ppg_protocol.messages import Finished, Retracted
from ppg_protocol.records import Outcome

JOBS = 60
LONG_S = 120.0
"""For all of them, and all the kills."""
data: dict[int, list[int]] = {}


def use(path: str, load: int, gate: str) -> None:
    with open(path, "w") as file:
        file.write("half")
        file.flush()
        while not os.path.exists(gate):  # until the first kill; else a busy killer may come when all is over
            time.sleep(0.005)
        time.sleep(0.005)  # a job that takes its time: the killer shall find it with its file half written
        file.write(f" and whole {len(data.get(load, ()))}")


@pytest.mark.parametrize("seed", range(int(os.environ.get("PPG_CHAOS_SEEDS", "4"))))
def test_every_attempt_ends_once_and_honestly(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    gate = tmp_path / "gate"
    tasks: list[Task] = [LoadTask(f"l{i}", lambda i=i: data.update({i: [i] * (i + 1)}), None) for i in range(3)]
    tasks += [file_task(tmp_path / f"out{i}", use, i % 4, str(gate)) for i in range(JOBS)]
    ended: dict[int, int] = {}
    with Mcp(tmp_path, tasks, cores=4) as mcp:
        attempts = {mcp.run(3 + i, loads=(i % 4,) if i % 4 < 3 else ()): i for i in range(JOBS)}
        read = kills = 0
        deadline = time.monotonic() + LONG_S
        while len(ended) < JOBS:
            assert time.monotonic() < deadline, (seed, attempts.keys() - ended.keys(), mcp.said[-4:], mcp.log())
            mcp.pump(0.02)
            for message in mcp.said[read:]:
                if isinstance(message, Finished):
                    check(tmp_path / f"out{attempts[message.attempt]}", message)
                gone = message.attempts if isinstance(message, Retracted) else [getattr(message, "attempt", 0)]
                for attempt in gone if isinstance(message, Finished | Retracted) else ():
                    ended[attempt] = ended.get(attempt, 0) + 1
            read = len(mcp.said)
            victims = processes_below(mcp.supervisor.pid)[1:]
            if victims and (kills == 0 or (kills < 8 and chance.random() < 0.3)):
                kills += 1
                try:
                    os.kill(chance.choice(victims), signal.SIGKILL)
                except ProcessLookupError:
                    pass
                gate.touch()
        assert kills
        assert ended == dict.fromkeys(attempts, 1), f"seed {seed}"
        assert mcp.finish(3).outcome in (Outcome.OK, Outcome.SIGNAL, Outcome.LOST)


def check(path: Path, message: Finished) -> None:
    if message.outcome == Outcome.OK:
        (stat,) = message.files
        number = int(path.name[3:]) % 4
        assert path.read_text() == f"half and whole {0 if number == 3 else number + 1}"
        assert path.stat().st_ino == stat.inode
    else:
        assert message.outcome in (Outcome.SIGNAL, Outcome.LOST)
        assert not path.exists()
