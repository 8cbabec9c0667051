"""Runtime, and the executing structure."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from engine.project import Project, assert_no_children, fail, write
from engine.scripts import PATIENCE_S, Scripts, children, until

import pypipegraph as ppg
from ppg_cs import machine


def test_ctrl_c_terminates_it(project: Project, scripts: Scripts) -> None:
    """While the pypipegraph is running, you can terminate it with CTRL-C"""
    script = scripts.start(
        """
ppg.new_pipegraph()
first = ppg.FileGeneratingJob("first", write())
def second(path):
    Path(path).write_text("half")
    tell("reached")
    wait_for("never")
ppg.FileGeneratingJob("second", second).depends_on(first)
ppg.run()
"""
    )
    until(lambda: project.calls() == ["reached"], "the second job")
    os.killpg(script.pid, signal.SIGINT)
    _, err = script.communicate(timeout=PATIENCE_S)
    assert err.rstrip().endswith("KeyboardInterrupt")
    assert Path("first").exists()
    assert not Path("second").exists()
    assert scripts.processes() == []


def test_one_compute_slave_per_machine(project: Project) -> None:
    """You write a 'master control program' (mcp) that creates Jobs and at one point, you hand over control to the
    pypipegraph. The mcp then talks to a resource-coordinator (either a local instance that says 'take all of this
    machine' or a network service that coordinates between multiple unning pypipegraphs) and spawns one compute
    slave (cs) for each machine.
    """
    script = os.getpid()

    def look(path: str) -> None:
        write(f"{len(children(script))}")(path)

    def build() -> None:
        for n in range(4):
            ppg.FileGeneratingJob(f"{n}", look)

    project.ran(build)
    assert [project.read(f"{n}") for n in range(4)] == ["1"] * 4
    assert_no_children()


def test_each_compute_slave_has_all_jobs(project: Project) -> None:
    """Now each compute slave receives a copy of all jobs (which are just definitions, and therefore pretty small)."""

    def look(path: str) -> None:
        write(" ".join(sorted(job for job in ppg.util.global_pipegraph.jobs if "_" not in job)))(path)

    def build() -> None:
        ppg.FileGeneratingJob("a", look)
        ppg.FileGeneratingJob("b", look)

    project.ran(build)
    assert project.read("a") == project.read("b") == "a b"


def test_control_returns_when_all_is_done_or_failed(project: Project) -> None:
    """One by one the mcp (talking to the resource-coordinator) asks the cs to execute jobs (while talking to the
    resource-coordinater to share resources with others), collects their feedback, prunes the graph on errors and
    returns control to you once all of them have been done (or failed ;) ).
    """

    def build() -> None:
        bad = ppg.FileGeneratingJob("bad", fail)
        ppg.FileGeneratingJob("pruned", write()).depends_on(bad)
        ppg.FileGeneratingJob("good", write())

    outcome = project.run(build)
    assert (outcome.failed, outcome.pruned) == (["bad"], ["pruned"])
    assert Path("good").exists()
    assert not Path("pruned").exists()


def test_nodes_are_not_overloaded(project: Project) -> None:
    """The mcp knows (thanks to the resource coordinator) about the resources available (number of cpu cores, memory)
    and doesn't overload the nodes (by spawning more processes than there are cores or by spawning too many memory
    hungry jobs at once).
    """
    Path("here").mkdir()

    def crowd(path: str) -> None:
        mine = Path("here", path)
        mine.touch()
        write(str(len(os.listdir("here"))))(path)
        mine.unlink()

    def build() -> None:
        for n in range(8):
            ppg.FileGeneratingJob(f"narrow{n}", crowd)
        for n in range(3):
            ppg.FileGeneratingJob(f"hungry{n}", crowd).memory_needed = int(machine.memory_bytes() * 0.9)

    project.ran(build, resource_coordinator=ppg.resource_coordinators.LocalSystem(2))
    seen = {name: int(project.read(name)) for name in (f"{kind}{n}" for kind in ("narrow", "hungry") for n in range(3))}
    assert all(1 <= count <= 2 for count in seen.values())
    assert all(count == 1 for name, count in seen.items() if name.startswith("hungry")), "counts as two cores"
