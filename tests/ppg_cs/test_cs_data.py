"""Loads and generators over a real link: residency, identity, takeover, and who may crash without harm."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cs_mcp import Mcp, file_task, is_alive

from ppg_cs import descendants
from ppg_cs.tasks import Generated, GenerateTask, LoadTask, Task
from ppg_protocol.messages import (
    Cancel,
    DataLost,
    Define,
    Finished,
    Heartbeat,
    Loaded,
    LoadFailed,
    Retracted,
    Started,
    Unload,
)
from ppg_protocol.records import Blob, Outcome

genome: dict[str, Any] = {}


@pytest.fixture(autouse=True)
def _empty() -> None:
    genome.clear()


def load_genome() -> None:
    genome["chromosomes"] = ["ACGT"] * 1000
    genome["loaded_by"] = os.getpid()
    print("loading")


def tell(path: str, *keys: str) -> None:
    Path(path).write_text(repr([genome.get(key) for key in keys]))


def wait_for(path: Path) -> str:
    while not path.exists():
        time.sleep(0.001)
    return path.read_text()


def children_of(pid: int) -> list[int]:
    return [p for p in descendants._children_by_scan(pid) if is_alive(p)]


def test_a_load_is_shared_by_jobs_and_never_reaches_the_mcp(tmp_path: Path) -> None:
    tasks: list[Task] = [
        LoadTask("genome", load_genome, None),
        *(file_task(tmp_path / f"out{i}", tell, "loaded_by") for i in range(4)),
    ]
    with Mcp(tmp_path, tasks) as mcp:
        for job in (1, 2, 3, 4):
            mcp.run(job, loads=(0,))
        mcp.until(lambda: sum(isinstance(m, Finished) for m in mcp.said) == 4)
        assert [m.job for m in mcp.said if isinstance(m, Loaded)] == [0]
        assert mcp.expect(Loaded).stdout == b"loading\n"
    assert len({(tmp_path / f"out{i}").read_text() for i in range(4)}) == 1
    assert genome == {}


def test_later_loads_see_earlier_ones_by_identity(tmp_path: Path) -> None:
    def load_view() -> None:
        genome["view"] = genome["chromosomes"]

    def same(path: str) -> None:
        Path(path).write_text(str(genome["view"] is genome["chromosomes"]))

    tasks: list[Task] = [
        LoadTask("a", load_genome, None),
        LoadTask("b", load_view, None),
        file_task(tmp_path / "o", same),
    ]
    with Mcp(tmp_path, tasks) as mcp:
        assert mcp.finish(2, loads=(0, 1)).outcome == Outcome.OK
    assert (tmp_path / "o").read_text() == "True"


def test_jobs_whose_data_is_there_run_during_a_load(tmp_path: Path) -> None:
    def load_slowly() -> None:
        wait_for(tmp_path / "release")

    tasks: list[Task] = [
        LoadTask("slow", load_slowly, None),
        file_task(tmp_path / "late", tell),
        file_task(tmp_path / "quick", tell),
    ]
    with Mcp(tmp_path, tasks) as mcp:
        late = mcp.run(1, loads=(0,))
        assert mcp.finish(2).outcome == Outcome.OK
        assert not any(isinstance(m, Loaded) for m in mcp.said)
        (tmp_path / "release").touch()
        assert mcp.expect(Finished, attempt=late).outcome == Outcome.OK


def raise_it() -> None:
    raise ValueError("bad data")


@pytest.mark.parametrize(
    ("load", "outcomes", "number"),
    [
        (raise_it, {Outcome.EXCEPTION}, -1),
        (lambda: os.kill(os.getpid(), signal.SIGSEGV), {Outcome.SIGNAL}, signal.SIGSEGV),
        (lambda: os._exit(0), {Outcome.EXIT}, -1),
        (lambda: os.closerange(3, 4096), {Outcome.SIGNAL, Outcome.EXCEPTION}, None),  # whoever notices first
    ],
)
def test_a_load_that_fails_takes_only_its_dependants_along(
    tmp_path: Path, load: Callable[[], None], outcomes: set[Outcome], number: int | None
) -> None:
    tasks: list[Task] = [
        LoadTask("good", load_genome, None),
        LoadTask("bad", load, None),
        file_task(tmp_path / "a", tell, "loaded_by"),
        file_task(tmp_path / "b", tell),
        file_task(tmp_path / "c", tell, "loaded_by"),
    ]
    with Mcp(tmp_path, tasks) as mcp:
        mcp.finish(2, loads=(0,))
        doomed = mcp.run(3, loads=(0, 1))
        failed = mcp.expect(LoadFailed, job=1)
        assert failed.outcome in outcomes
        assert failed.failure is not None
        assert number is None or failed.failure.signal == number
        if load is raise_it:
            assert pickle.loads(failed.failure.pickled).args == ("bad data",)
        assert mcp.expect(Retracted).attempts == (doomed,)
        assert mcp.said.index(failed) < mcp.said.index(mcp.expect(Retracted))
        assert mcp.finish(4, loads=(0,)).outcome == Outcome.OK
        assert sum(isinstance(m, Loaded) for m in mcp.said) == 1
    assert (tmp_path / "a").read_text() == (tmp_path / "c").read_text()


def test_unload_runs_in_place_and_a_new_need_loads_again(tmp_path: Path) -> None:
    tasks: list[Task] = [
        LoadTask("genome", load_genome, genome.clear),
        file_task(tmp_path / "a", tell, "loaded_by"),
        file_task(tmp_path / "b", tell, "loaded_by"),
        file_task(tmp_path / "c", tell, "loaded_by"),
    ]
    with Mcp(tmp_path, tasks) as mcp:
        mcp.finish(1, loads=(0,))
        mcp.send(Unload(0))
        mcp.finish(2)
        mcp.finish(3, loads=(0,))
    texts = [(tmp_path / name).read_text() for name in "abc"]
    assert texts[1] == "[None]"
    assert len(set(texts)) == 3


def test_old_data_processes_end_with_their_last_job(tmp_path: Path) -> None:
    def hold(path: str) -> None:
        tell(path, "loaded_by")
        wait_for(tmp_path / "release")

    tasks: list[Task] = [
        LoadTask("a", load_genome, None),
        LoadTask("b", lambda: None, None),
        file_task(tmp_path / "held", hold),
        file_task(tmp_path / "o", tell),
    ]
    with Mcp(tmp_path, tasks) as mcp:
        held = mcp.run(2, loads=(0,))
        mcp.expect(Started, attempt=held)
        mcp.finish(3, loads=(0, 1))
        assert len(children_of(mcp.supervisor.pid)) == 1  # pristine; the others descend from it
        (tmp_path / "release").touch()
        assert mcp.expect(Finished, attempt=held).outcome == Outcome.OK
        mcp.until(lambda: len(children_of(mcp.supervisor.pid)) == 2)  # pristine and the current one


def test_a_helper_that_a_load_started_lives_as_long_as_the_data(tmp_path: Path) -> None:
    def load_with_helper() -> None:
        child = os.fork()
        if child == 0:
            while True:
                signal.pause()
        genome["helper"] = child

    tasks: list[Task] = [
        LoadTask("a", load_with_helper, None),
        LoadTask("b", lambda: None, None),
        file_task(tmp_path / "a", tell, "helper"),
        file_task(tmp_path / "b", tell, "helper"),
        file_task(tmp_path / "c", lambda path: os._exit(1)),
    ]
    with Mcp(tmp_path, tasks) as mcp:
        mcp.finish(2, loads=(0,))
        mcp.finish(3, loads=(0, 1))
        (helper,) = eval((tmp_path / "b").read_text())
        mcp.until(lambda: helper in children_of(mcp.supervisor.pid))  # the data process that made it has retired
        mcp.finish(4)
        assert is_alive(helper)
    assert not is_alive(helper)


# ------------------------------------------------------------------------------------------------------- generators


def generator(tmp_path: Path, change: bytes = b"change") -> GenerateTask:
    def generate(stream: object) -> Generated:
        private = object()
        genome["private"] = private

        def closure(path: str) -> None:
            Path(path).write_text(str(genome["private"] is private))

        return Generated(change, tuple(file_task(tmp_path / f"g{i}", closure) for i in range(3)))

    return GenerateTask("generator", generate)


def test_generated_tasks_run_with_the_closures_that_were_made(tmp_path: Path) -> None:
    change = os.urandom(300_000)
    with Mcp(tmp_path, [generator(tmp_path, change)]) as mcp:
        done = mcp.finish(0, generates=True)
        assert done.outcome == Outcome.OK
        assert done.generated == change
        mcp.send(Define(done.attempt, (100, 101, 102), Blob(b"")))
        assert mcp.finish(102).outcome == Outcome.OK
        assert (tmp_path / "g2").read_text() == "True"


def test_a_refused_generator_leaves_no_trace(tmp_path: Path) -> None:
    tasks: list[Task] = [generator(tmp_path), file_task(tmp_path / "o", tell, "private")]
    with Mcp(tmp_path, tasks) as mcp:
        done = mcp.finish(0, generates=True)
        mcp.send(Cancel(done.attempt))
        assert mcp.finish(1).outcome == Outcome.OK
        assert (tmp_path / "o").read_text() == "[None]"
        mcp.until(lambda: len(descendants._children_by_scan(mcp.supervisor.pid)) == 1)


def test_a_generator_that_raises_is_reported_like_a_job(tmp_path: Path) -> None:
    tasks: list[Task] = [GenerateTask("g", lambda stream: raise_it()), file_task(tmp_path / "o", tell)]  # type: ignore[arg-type]
    with Mcp(tmp_path, tasks) as mcp:
        done = mcp.finish(0, generates=True)
        assert done.outcome == Outcome.EXCEPTION
        assert done.failure is not None
        assert done.failure.text == "bad data"
        assert mcp.finish(1).outcome == Outcome.OK


def test_a_hundred_thousand_generated_tasks_get_their_indices(tmp_path: Path) -> None:
    def generate(stream: object) -> Generated:
        task = file_task(tmp_path / "o", tell)
        return Generated(b"", (task,) * 100_000)

    with Mcp(tmp_path, [GenerateTask("g", generate)]) as mcp:
        done = mcp.finish(0, generates=True)
        mcp.send(Define(done.attempt, tuple(range(1_000_000, 1_100_000)), Blob(b"")))
        assert mcp.finish(1_099_999).outcome == Outcome.OK


def test_jobs_of_a_lost_generator_are_not_run_without_their_tasks(tmp_path: Path) -> None:
    with Mcp(tmp_path, [generator(tmp_path)], cores=1) as mcp:
        done = mcp.finish(0, generates=True)
        mcp.send(Define(done.attempt, (100, 101, 102), Blob(b"")))
        mcp.finish(100)
        current = mcp.until(lambda: current_data_process(mcp))
        os.kill(current, signal.SIGKILL)
        assert mcp.expect(DataLost).generators == (done.attempt,)
        again = mcp.finish(0, generates=True)
        mcp.send(Define(again.attempt, (100, 101, 102), Blob(b"")))
        assert mcp.finish(101).outcome == Outcome.OK


# ------------------------------------------------------------------------------------------------- data processes die


def pristine(mcp: Mcp) -> int:
    """The supervisor's first child."""
    return min(children_of(mcp.supervisor.pid))


def current_data_process(mcp: Mcp) -> int:
    """The newest idle data process below the supervisor: last in the chain."""
    chain = children_of(mcp.supervisor.pid)
    chain += [child for parent in chain for child in children_of(parent)]
    return chain[-1]


def test_kill_9_of_the_current_data_process(tmp_path: Path) -> None:
    def hang(path: str) -> None:
        Path(path).write_text("half")
        (tmp_path / "running").touch()
        signal.pause()

    tasks: list[Task] = [
        LoadTask("genome", load_genome, None),
        file_task(tmp_path / "a", tell, "loaded_by"),
        file_task(tmp_path / "hang", hang),
        file_task(tmp_path / "b", tell, "loaded_by"),
    ]
    with Mcp(tmp_path, tasks) as mcp:
        mcp.finish(1, loads=(0,))
        (current,) = eval((tmp_path / "a").read_text())
        hanging = mcp.run(2, loads=(0,))
        mcp.until((tmp_path / "running").exists)
        os.kill(current, signal.SIGKILL)
        lost = mcp.expect(DataLost)
        assert (lost.jobs, lost.generators) == ((0,), ())
        done = mcp.expect(Finished, attempt=hanging)
        assert done.outcome == Outcome.LOST
        assert not (tmp_path / "hang").exists()
        assert mcp.finish(3, loads=(0,)).outcome == Outcome.OK
        assert sum(isinstance(m, Loaded) for m in mcp.said) == 2


def test_kill_9_of_the_pristine_one_leaves_data_and_its_jobs_alone(tmp_path: Path) -> None:
    def hold(path: str) -> None:
        wait_for(tmp_path / "release")
        tell(path, "loaded_by")

    tasks: list[Task] = [
        LoadTask("genome", load_genome, None),
        file_task(tmp_path / "held", hold),
        file_task(tmp_path / "b", tell, "loaded_by"),
    ]
    with Mcp(tmp_path, tasks) as mcp:
        held = mcp.run(1, loads=(0,))
        mcp.expect(Started, attempt=held)
        old = pristine(mcp)
        os.kill(old, signal.SIGKILL)
        mcp.until(lambda: not is_alive(old))
        (tmp_path / "release").touch()
        assert mcp.expect(Finished, attempt=held).outcome == Outcome.OK
        assert mcp.finish(2, loads=(0,)).outcome == Outcome.OK
        assert sum(isinstance(m, Loaded) for m in mcp.said) == 1


def test_kill_9_of_the_pristine_one_while_it_is_current(tmp_path: Path) -> None:
    def hang(path: str) -> None:
        (tmp_path / "running").touch()
        signal.pause()

    tasks: list[Task] = [file_task(tmp_path / "hang", hang), file_task(tmp_path / "b", tell)]
    with Mcp(tmp_path, tasks) as mcp:
        hanging = mcp.run(0)
        mcp.until((tmp_path / "running").exists)
        os.kill(pristine(mcp), signal.SIGKILL)
        assert mcp.expect(Finished, attempt=hanging).outcome == Outcome.LOST
        assert mcp.finish(1).outcome == Outcome.OK


def test_kill_9_of_the_predecessor_in_the_middle_of_a_load_loses_it(tmp_path: Path) -> None:
    def load() -> None:
        with (tmp_path / "loads").open("a") as file:
            file.write("x")
        wait_for(tmp_path / "release")

    tasks: list[Task] = [LoadTask("l", load, None), file_task(tmp_path / "b", tell)]
    with Mcp(tmp_path, tasks) as mcp:
        attempt = mcp.run(1, loads=(0,))
        mcp.until((tmp_path / "loads").exists)
        os.kill(pristine(mcp), signal.SIGKILL)
        assert mcp.expect(LoadFailed, job=0).outcome == Outcome.LOST
        assert mcp.expect(Retracted).attempts == (attempt,)
        (tmp_path / "release").touch()
        assert mcp.finish(1, loads=(0,)).outcome == Outcome.OK
        assert (tmp_path / "loads").read_text() == "xx"


def test_heartbeats_name_what_lives(tmp_path: Path) -> None:
    tasks: list[Task] = [file_task(tmp_path / "o", lambda path: signal.pause())]
    with Mcp(tmp_path, tasks, heartbeat_s=0.05) as mcp:
        attempt = mcp.run(0)
        mcp.expect(Heartbeat, live=(attempt,))
        mcp.send(Cancel(attempt))
        mcp.expect(Finished, attempt=attempt)


def test_the_collector_is_off_in_data_processes_and_on_in_jobs(tmp_path: Path) -> None:
    def look(path: str) -> None:
        Path(path).write_text(f"{gc.isenabled()} {gc.get_freeze_count() > 0}")

    with Mcp(tmp_path, [file_task(tmp_path / "o", look)]) as mcp:
        mcp.finish(0)
    assert (tmp_path / "o").read_text() == "True True"
