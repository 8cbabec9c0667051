"""In a notebook: streams are replaced, a loop of asyncio runs, zmq sockets and threads of the kernel are there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ..project import Project
from ..scripts import PRELUDE, Scripts, until

if TYPE_CHECKING:
    from .notebook import Notebook

CELL = """
def callback(path):
    print("said in the job")
    # {comment}
    Path(path).write_text({text!r})

ppg.new_pipegraph()
job = ppg.FileGeneratingJob("a", callback)
ppg.run()
job.was_run
"""
SLOW = """
def slow(path):
    tell("reached")
    wait_for("go")
    Path(path).write_text("slow")

ppg.new_pipegraph()
ppg.FileGeneratingJob("slow", slow)
ppg.run()
"""


def test_a_cell_runs_and_runs_nothing_again(project: Project, notebook: Notebook) -> None:
    notebook.good(PRELUDE)
    first = notebook.good(CELL.format(text="x", comment=""))
    assert first.result == "True"
    assert "1 job run" in first.stderr, "progress is shown below the cell"
    assert first.stdout == "", "what a job prints is the job's"
    assert notebook.good("job.stdout").result == repr("said in the job\n")
    assert notebook.good(CELL.format(text="x", comment="")).result == "False"


def test_a_function_that_is_defined_again_counts_its_comments_do_not(project: Project, notebook: Notebook) -> None:
    notebook.good(PRELUDE)
    versions = [("x", "one", "True"), ("x", "two", "False"), ("y", "two", "True"), ("x", "three", "True")]
    for text, comment, expected in versions:
        assert notebook.good(CELL.format(text=text, comment=comment)).result == expected
        assert project.read("a") == text


def test_a_function_of_an_earlier_cell(project: Project, notebook: Notebook) -> None:
    notebook.good(PRELUDE)
    run = 'ppg.new_pipegraph()\njob = ppg.FileGeneratingJob("a", step)\nppg.run()\njob.was_run'
    for body, expected in (("'x'", "True"), ("'x'", "False"), ("'z'", "True")):
        notebook.good(f"def step(path):\n    Path(path).write_text({body})")
        assert notebook.good(run).result == expected


def test_another_kernel_knows_what_was_done(project: Project, notebook: Notebook) -> None:
    from .notebook import Notebook

    notebook.good(PRELUDE)
    assert notebook.good(CELL.format(text="x", comment="")).result == "True"
    other = Notebook(project.path)
    try:
        other.good(PRELUDE + "\n1 + 1")
        assert other.good(CELL.format(text="x", comment="")).result == "False"
    finally:
        other.end()


def test_interrupting_the_kernel_stops_the_run(project: Project, notebook: Notebook, scripts: Scripts) -> None:
    notebook.good(PRELUDE)
    cell = notebook.send(SLOW)
    until(lambda: project.calls() == ["reached"], "the job")
    notebook.manager.interrupt_kernel()
    done = notebook.collect(cell)
    assert done.status == "error"
    assert done.error.startswith("KeyboardInterrupt")
    until(lambda: scripts.processes() == [notebook.pid], "the end of the run's processes")
    Path("go").touch()
    notebook.good(SLOW)
    assert project.read("slow") == "slow"


def test_jobs_leave_the_kernel_alone(project: Project, notebook: Notebook) -> None:
    """A job is a fork of the kernel: whatever it shows or prints must not come out of the kernel's sockets."""
    notebook.good(PRELUDE)
    cell = notebook.good(
        """
def chatty(path):
    import logging, sys
    from IPython.display import display
    print("printed"); display("displayed"); sys.stderr.write("complained"); logging.warning("logged")
    Path(path).write_text("x")

ppg.new_pipegraph(quiet=True)
for n in range(10):
    ppg.FileGeneratingJob(f"{n}", chatty)
ppg.run()
"""
    )
    assert [message["msg_type"] for message in cell.messages] == ["status", "execute_input", "status"]
    assert cell.replies == 1
    for n in range(5):
        assert notebook.good(f"{n} * 2").result == str(n * 2)


def test_a_failing_job_is_shown_below_the_cell(project: Project, notebook: Notebook) -> None:
    notebook.good(PRELUDE)
    cell = notebook.run("ppg.new_pipegraph()\nppg.FileGeneratingJob('a', lambda: 1 / 0)\nppg.run()")
    assert cell.status == "error"
    assert "ZeroDivisionError" in cell.error
    assert notebook.good(CELL.format(text="x", comment="")).result == "True"


def test_jobs_are_generated_and_data_is_loaded(project: Project, notebook: Notebook) -> None:
    notebook.good(PRELUDE)
    notebook.good(
        """
class Store: pass
store = Store()

def make():
    for n in store.numbers:
        job = ppg.FileGeneratingJob(f"made{n}", lambda path, n=n: Path(path).write_text(str(n * store.numbers[-1])))
        job.depends_on(load)

ppg.new_pipegraph()
load = ppg.AttributeLoadingJob("load", store, "numbers", lambda: [1, 2, 3])
ppg.JobGeneratingJob("make", make).depends_on(load)
ppg.run()
assert not hasattr(store, "numbers")
"""
    )
    assert [project.read(f"made{n}") for n in (1, 2, 3)] == ["3", "6", "9"]


def test_a_loop_of_asyncio_goes_on_after_the_run(project: Project, notebook: Notebook) -> None:
    notebook.good(PRELUDE)
    notebook.good("import asyncio\nticks = []\nasync def tick():\n    while True:\n        ticks.append(1)\n"
                  "        await asyncio.sleep(0)\ntask = asyncio.ensure_future(tick())")  # fmt: skip
    notebook.good(CELL.format(text="x", comment=""))
    assert notebook.good("before = len(ticks)\nawait asyncio.sleep(0.01)\nlen(ticks) > before").result == "True"
    assert notebook.good("await asyncio.to_thread(lambda: 7)").result == "7"


@pytest.mark.parametrize("signal", [9, 15])
def test_a_killed_kernel_leaves_nothing_running(
    project: Project, notebook: Notebook, scripts: Scripts, signal: int
) -> None:
    notebook.good(PRELUDE)
    notebook.send(SLOW)
    until(lambda: project.calls() == ["reached"], "the job")
    os.kill(notebook.pid, signal)
    until(lambda: not [pid for pid in scripts.processes() if pid != notebook.pid], "the end of the run's processes")
    Path("go").touch()
    scripts.good(SLOW)
    assert project.read("slow") == "slow"
