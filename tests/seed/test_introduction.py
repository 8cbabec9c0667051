"""Introduction, and the 30-second summary."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path

from engine.project import Project, copy, fail, tell, write
from engine.scripts import Scripts, until

import pypipegraph as ppg


def chain(value: int = 1) -> None:
    a = ppg.FileGeneratingJob("a", write("a")).depends_on_params(value)
    b = ppg.FileGeneratingJob("b", copy("a")).depends_on(a)
    ppg.FileGeneratingJob("c", copy("b")).depends_on(b)
    ppg.FileGeneratingJob("apart", write())


def test_only_the_parts_that_need_it(project: Project) -> None:
    """executing just the parts of it that need to be (re-)done

    It examines all jobs for their need to run (either because the have not been finished, or because they have been
    invalidated), distributes them across multiple python instances, and get's them executed in a sensible order.
    """
    assert project.ran(chain) == ["a", "apart", "b", "c"]
    assert project.read("c") == "a", "each after its prerequisites"
    assert project.ran(chain) == []
    os.unlink("b")
    assert project.ran(chain) == ["b", "c"]
    assert project.ran(partial(chain, 2)) == ["a", "b", "c"]


def test_jobs_encapsulate_output_invariants_and_what_is_between(project: Project) -> None:
    """you construct Jobs, which encapsulate output (i.e. stuff that needs to be done), invariants (which force
    re-evaluation of output jobs if they change), and stuff inbetween (e.g. load data from disk).
    """
    data: list[str] = []

    def build(parameter: int) -> None:
        Path("in").write_text("input")
        load = ppg.DataLoadingJob("load", lambda: data.append(Path("in").read_text()))
        invariant = ppg.ParameterInvariant("parameter", parameter)
        ppg.FileGeneratingJob("out", lambda path: write(data[0])(path)).depends_on(load, invariant)

    assert project.ran(partial(build, 1)) == ["load", "out"]
    assert project.read("out") == "input"
    assert project.ran(partial(build, 1)) == []
    assert project.ran(partial(build, 2)) == ["load", "out"]


def test_multiple_cores_and_python_instances(project: Project) -> None:
    """It supports using multiple cores (SMP)"""
    path = Path("meeting")
    path.mkdir()

    def meet(name: str) -> None:
        Path(path, name).touch()
        until(lambda: len(os.listdir(path)) == 3, "the others, who run at the same time")
        write(str(os.getpid()))(name)

    def build() -> None:
        for name in "abc":
            ppg.FileGeneratingJob(name, meet)

    project.ran(build, resource_coordinator=ppg.resource_coordinators.LocalSystem(3))
    assert len({project.read(name) for name in "abc"}) == 3, "each in a process of its own"


def test_a_dying_job_harms_only_what_is_downstream(project: Project) -> None:
    """It is robust against jobs dying for whatever reason (only the failed job and everything 'downstream' will be
    affected, independend jobs will continue running)
    """
    deaths = {
        "raise": fail,
        "exit": lambda: os._exit(3),
        "segfault": lambda: os.kill(os.getpid(), signal.SIGSEGV),
        "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    }

    def build() -> None:
        for name, death in deaths.items():
            ppg.FileGeneratingJob(f"below {name}", write()).depends_on(ppg.FileGeneratingJob(name, death))
        chain()

    outcome = project.run(build)
    assert outcome.failed == sorted(deaths)
    assert outcome.pruned == sorted(f"below {name}" for name in deaths)
    assert Path("c").exists()
    assert Path("apart").exists()


def test_it_resumes_between_jobs(project: Project, scripts: Scripts) -> None:
    """allows you to resume at any point 'in between' jobs"""
    script = """
ppg.new_pipegraph()
former = None
for n in range(4):
    def step(path, n=n):
        tell(f"{n}")
        if n == 2:
            wait_for("go")
        Path(path).write_text(f"{n}")
    former = ppg.FileGeneratingJob(f"step{n}", step).depends_on(former)
ppg.run()
"""
    process = scripts.start(script)
    until(lambda: project.calls() == ["0", "1", "2"], "the third step")
    process.kill()
    process.wait()
    Path("go").touch()
    scripts.good(script)
    assert project.calls() == ["0", "1", "2", "2", "3"]
    assert project.read("step3") == "3"


def test_jobs_are_isolated_against_each_other(project: Project) -> None:
    """and isolates jobs against each other."""
    shared: list[str] = []

    def build() -> None:
        for name in "abc":

            def spoil(path: str) -> None:
                os.environ["SPOILT"] = os.environ.get("SPOILT", "") + "x"
                shared.append("x")
                Path(path).write_text(f"{os.environ['SPOILT']} {shared} {os.getcwd()}")
                os.chdir("/")

            ppg.FileGeneratingJob(name, spoil)

    project.ran(build, resource_coordinator=ppg.resource_coordinators.LocalSystem(1))
    assert {project.read(name) for name in "abc"} == {f"x ['x'] {project.path}"}
    assert shared == []


def test_the_thirty_second_summary(project: Project, scripts: Scripts) -> None:
    """pypipegraph.new_pipeline()

    print 'the pipegraph is done and has returned control to you.'

    print 'sampleA.txt contains "hello world"'
    """
    out = scripts.good(
        """
import pypipegraph

pypipegraph.new_pipeline()
output_filenameA = 'sampleA.txt'
def do_the_work():
    open(output_filenameA, 'wb').write(b"hello world")
jobA = pypipegraph.FileGeneratingJob(output_filenameA, do_the_work)
output_filenameB = 'sampleB.txt'
def do_the_work():
    open(output_filenameB, 'wb').write(open(output_filenameA, 'rb').read() + b", once again")
jobB = pypipegraph.FileGeneratingJob(output_filenameB, do_the_work)
jobB.depends_on(jobA)
pypipegraph.run()
print('the pipegraph is done and has returned control to you.')
"""
    )
    assert out == "the pipegraph is done and has returned control to you.\n"
    assert project.read("sampleA.txt") == "hello world"
    assert project.read("sampleB.txt") == "hello world, once again"


def test_what_you_do(project: Project) -> None:
    """you create a pypipegraph, you create jobs, chain them together, then ask the pypipegraph to run."""
    ppg.new_pipegraph(quiet=True)
    first = ppg.FileGeneratingJob("first", lambda: [tell("first"), write()("first")])
    second = ppg.FileGeneratingJob("second", lambda: [tell("second"), write()("second")])
    assert second.depends_on(first) is second
    assert project.calls() == [], "nothing runs before it is asked for"
    ppg.run()
    assert project.calls() == ["first", "second"]
