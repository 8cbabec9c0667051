"""deploy/slurm/ppg-slaves.sbatch on a real Slurm with two nodes: slaves go with their allocation, pipelines stay."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .head import Head
from .slurm import NODES, Slurm
from .waiting import PATIENCE_S, free_port, processes_with, wait_for

SCRIPT = str(Path(__file__).parents[2] / "deploy" / "slurm" / "ppg-slaves.sbatch")
MEMORY_MB = 1500
WHOLE_NODES = (f"--mem={MEMORY_MB}",)

MEET = """
import os
import time
from pathlib import Path

import pypipegraph as ppg


def meet(path):
    "Ends when four jobs run at once, two on each node."
    Path(f"{path}.on").write_text(os.environ["PPG_SESSION"])
    deadline = time.monotonic() + 300
    while len(list(Path().glob("*.on"))) < 4:
        assert time.monotonic() < deadline, "the other jobs did not come"
        time.sleep(0.05)
    Path(path).write_text("met")


ppg.new_pipegraph()
for number in range(4):
    ppg.FileGeneratingJob(f"{number}.txt", meet)
ppg.run()
"""

STEPS = """
import time
from pathlib import Path

import pypipegraph as ppg


def step(path):
    "Says that it runs; ends when the test says so."
    with Path("calls").open("a") as calls:
        calls.write(f"{path}\\n")
    deadline = time.monotonic() + 300
    while not Path(f"{path}.go").exists():
        assert time.monotonic() < deadline, "nobody said go"
        time.sleep(0.05)
    Path(path).write_text("done")


ppg.new_pipegraph()
first = ppg.FileGeneratingJob("first", step)
ppg.FileGeneratingJob("second", step).depends_on(first)
ppg.run()
"""


@pytest.fixture
def allocations(slurm: Slurm, head: Head) -> Iterator[Allocations]:
    allocations = Allocations(slurm, head)
    yield allocations
    allocations.cancel_all()


class Allocations:
    """Submits the job script."""

    def __init__(self, slurm: Slurm, head: Head) -> None:
        self._slurm = slurm
        self._head = head
        self._jobs: list[str] = []

    def submit(self, *command: str, options: tuple[str, ...] = WHOLE_NODES, **variables: str) -> str:
        """Submit the script, with a command for it; returns the number of Slurm's job."""
        output = f"--output={self._head.directory}/slurm-%j.log"
        call = ("sbatch", "--parsable", output, *options, SCRIPT, *command)
        self._jobs.append(self._slurm.call(*call, cwd=self._head.directory, **{**self._head.variables, **variables}))
        return self._jobs[-1]

    def submit_slaves(self, *options: str) -> str:
        """Wait until both slaves are there."""
        job = self.submit(options=options or WHOLE_NODES)
        wait_for(lambda: len(self.machines()) == len(NODES), self._head.log)
        return job

    def machines(self) -> dict[str, tuple[int, int]]:
        """Cores and memory of machines with a slave that is there and stays."""
        return {
            machine["machine_id"]: (machine["cores"], machine["memory_bytes"])
            for machine in self._head.status()["machines"]
            if any(daemon["state"] == "connected" for daemon in machine["daemons"])
        }

    def cancel_all(self) -> None:
        for job in self._jobs:
            self._slurm.call("scancel", job)
        for job in self._jobs:
            self._slurm.wait_for_end(job)


def ran(head: Head) -> list[str]:
    calls = head.directory / "calls"
    return calls.read_text().split() if calls.exists() else []


def go(head: Head, step: str) -> None:
    (head.directory / f"{step}.go").touch()


def test_slaves_offer_what_the_allocation_has_on_each_node(allocations: Allocations) -> None:
    job = allocations.submit_slaves()

    assert allocations.machines() == {f"two.{job}.{node}": (2, MEMORY_MB << 20) for node in NODES}


def test_a_part_of_a_node_is_offered_as_a_part(allocations: Allocations) -> None:
    job = allocations.submit_slaves("--oversubscribe", "--cpus-per-task=1", "--ntasks-per-node=1", "--mem-per-cpu=700")

    assert allocations.machines() == {f"two.{job}.{node}": (1, 700 << 20) for node in NODES}


def test_all_memory_of_a_node_is_no_number(allocations: Allocations) -> None:
    job = allocations.submit_slaves("--mem=0")

    assert [cores for cores, _ in allocations.machines().values()] == [2, 2]
    assert allocations.machines().keys() == {f"two.{job}.{node}" for node in NODES}


def test_a_pipeline_runs_on_both_nodes(allocations: Allocations, head: Head) -> None:
    allocations.submit_slaves()

    assert head.pipeline(MEET).wait(PATIENCE_S) == 0, head.log()

    where = [path.read_text() for path in head.directory.glob("*.on")]
    assert len(where) == 4
    assert len(set(where)) == 2


def test_the_end_of_an_allocation_drains_its_slaves_and_the_pipeline_goes_on_with_the_next(
    allocations: Allocations, head: Head, slurm: Slurm
) -> None:
    short = allocations.submit_slaves("--time=1", "--signal=URG@20", *WHOLE_NODES)
    pipeline = head.pipeline(STEPS)
    wait_for(lambda: ran(head) == ["first"], head.log)
    wait_for(lambda: len(allocations.machines()) == 0, head.log)  # drain: told by Slurm, up to a minute before the end
    go(head, "first")

    assert slurm.wait_for_end(short) == "COMPLETED", head.log()
    assert processes_with(f"SLURM_JOB_ID={short}\0") == {}
    assert (head.directory / "first").read_text() == "done"
    assert ran(head) == ["first"], "a slave that drains has started a job"
    assert pipeline.poll() is None, head.log()

    allocations.submit_slaves()
    wait_for(lambda: ran(head) == ["first", "second"], head.log)
    go(head, "second")
    assert pipeline.wait(PATIENCE_S) == 0, head.log()


def test_a_cancelled_allocation_leaves_nothing_and_the_pipeline_goes_on_with_the_next(
    allocations: Allocations, head: Head, slurm: Slurm
) -> None:
    cancelled = allocations.submit_slaves()
    pipeline = head.pipeline(STEPS)
    wait_for(lambda: ran(head) == ["first"], head.log)
    slurm.call("scancel", cancelled)

    assert slurm.wait_for_end(cancelled) == "CANCELLED", head.log()
    assert processes_with(f"SLURM_JOB_ID={cancelled}\0") == {}
    assert pipeline.poll() is None, head.log()

    allocations.submit_slaves()
    wait_for(lambda: ran(head) == ["first", "first"], head.log)
    go(head, "first")
    go(head, "second")
    assert pipeline.wait(PATIENCE_S) == 0, head.log()


def test_slaves_without_work_leave_when_they_are_asked_to(allocations: Allocations, head: Head, slurm: Slurm) -> None:
    job = allocations.submit_slaves()
    slurm.call("scancel", "--signal=URG", job)

    assert slurm.wait_for_end(job) == "COMPLETED", head.log()


def test_the_pipeline_in_the_batch_script_needs_nothing_outside(
    allocations: Allocations, head: Head, slurm: Slurm
) -> None:
    (head.directory / "pipeline.py").write_text(MEET)
    nothing_outside = {"PPG_COORDINATOR": "", "PPG_KEYS": "", "PPG_PORT": str(free_port())}
    job = allocations.submit("python", "pipeline.py", **nothing_outside)

    assert slurm.wait_for_end(job) == "COMPLETED", head.log()
    assert len({path.read_text() for path in head.directory.glob("*.on")}) == 2
    assert not (head.directory / f".ppg-{job}").exists()
    assert processes_with(f"SLURM_JOB_ID={job}\0") == {}


def test_the_allocation_ends_as_its_pipeline_did(allocations: Allocations, head: Head, slurm: Slurm) -> None:
    job = allocations.submit("sh", "-c", "exit 7")

    assert slurm.wait_for_end(job) == "FAILED"
    assert "ExitCode=7:0" in slurm.call("scontrol", "show", "job", job)


def test_a_script_that_finds_no_slave_program_says_what_to_set(
    allocations: Allocations, head: Head, slurm: Slurm
) -> None:
    job = allocations.submit(PPG_BIN="", PATH="/usr/bin:/bin")

    assert slurm.wait_for_end(job) == "FAILED"
    assert "there is no ppg-slave in PATH=/usr/bin:/bin; set PPG_BIN" in head.log()


def test_slaves_without_a_coordinator_are_refused(allocations: Allocations, head: Head, slurm: Slurm) -> None:
    job = allocations.submit(PPG_COORDINATOR="")

    assert slurm.wait_for_end(job) == "FAILED"
    assert "set PPG_COORDINATOR and PPG_KEYS, or give the command of a pipeline" in head.log()
