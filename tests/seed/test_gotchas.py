"""Python function gotchas."""

from __future__ import annotations

from engine.project import Project
from engine.scripts import Scripts

PRELUDE = """
def write_to_file(filename, text):
    tell(filename)
    Path(filename).write_text(text)

resource_coordinator = ppg.resource_coordinators.LocalSystem(1)
graph = ppg.new_pipegraph(quiet=True, resource_coordinator=resource_coordinator)
"""


def test_names_are_bound_late(project: Project, scripts: Scripts) -> None:
    """Please keep in mind that in python functions by default bind to the name of variables in their scope, no to their
    values.

    will not do what you want - you'll end up with three jobs, all writing to the same file (and the appropriate
    JobContractExceptions because two of them did not create their output files).
    """
    scripts.good(
        PRELUDE
        + """
for filename in ('A', 'B', 'C'):
   def shu():
       write_to_file(filename=filename, text='hello world')
   job = ppg.FileGeneratingJob(filename, shu)
try:
    ppg.run()
except ppg.RuntimeError as failures:
    assert sorted(failure.job_id for failure in failures.failures) == ['A', 'B']
for name in 'AB':
    assert isinstance(graph.jobs[name].exception, ppg.JobContractError), graph.jobs[name].exception
    assert name in str(graph.jobs[name].exception)
assert graph.jobs['C'].was_run and not graph.jobs['C'].failed
"""
    )
    assert project.calls() == ["C", "C", "C"]
    assert sorted(path.name for path in project.path.glob("[ABC]")) == ["C"]


def test_a_default_value_rebinds_the_variable(project: Project, scripts: Scripts) -> None:
    """What you need to do is rebind the variable:

    #that's the magic line. Also works for lambdas
    """
    text = """
for filename in ('A', 'B', 'C'):
   def shu(filename=filename):  #that's the magic line. Also works for lambdas
       write_to_file(filename=filename, text='hello world')
   ppg.FileGeneratingJob(filename, shu)
   ppg.FileGeneratingJob('lambda ' + filename, lambda filename='lambda ' + filename: write_to_file(filename, 'x'))
ppg.run()
"""
    scripts.good(PRELUDE + text)
    assert sorted(path.name for path in project.path.glob("*[ABC]")) == sorted(
        ["A", "B", "C", "lambda A", "lambda B", "lambda C"]
    )
    before = len(project.calls())
    scripts.good(PRELUDE + text)
    assert len(project.calls()) == before
