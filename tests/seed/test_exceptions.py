"""Exceptions."""

from __future__ import annotations

import os
import signal

import pytest
from engine.project import Project, write
from engine.scripts import children

import pypipegraph as ppg


def test_all_descend_from_one() -> None:
    """pypipegraph has a small set of exceptions (all descending from PyPipelineGraphError)."""
    for kind in (ppg.RuntimeError, ppg.JobContractError, ppg.CycleError, ppg.CommunicationFailure):
        assert issubclass(kind, ppg.PyPipelineGraphError)


def test_runtime_error(project: Project) -> None:
    """RuntimeError get's thrown by pypipegraph.run if a job raised an exception, communication lines were broken etc"""
    ppg.new_pipegraph(quiet=True)
    job = ppg.FileGeneratingJob("a", lambda: 1 / 0)
    with pytest.raises(ppg.RuntimeError, match="ZeroDivisionError"):
        ppg.run()
    assert isinstance(job.exception, ZeroDivisionError)


def test_broken_communication_lines(project: Project) -> None:
    """communication lines were broken etc"""
    script = os.getpid()

    def kill_the_supervisor() -> None:
        for pid in children(script):
            os.kill(pid, signal.SIGKILL)

    ppg.new_pipegraph(quiet=True)
    ppg.FileGeneratingJob("a", kill_the_supervisor)
    with pytest.raises(ppg.CommunicationFailure):
        ppg.run()


def test_job_contract_error(project: Project) -> None:
    """JobContractError is stored in a job's .exception if the job's callback did not comply with it's requirements
    (e.g. a FileGeneratingJob did not actually create the file)
    """
    outcome = project.run(lambda: ppg.FileGeneratingJob("a", lambda: None))
    assert isinstance(outcome.job("a").exception, ppg.JobContractError)
    assert outcome.job("a").failed


def test_cycle_error(project: Project) -> None:
    """CycleError: you have fabricated a cycle in your dependencies. Unfortunatly it's currently not reported where the
    cycle is (though some simple circles are reported early on)
    """
    ppg.new_pipegraph(quiet=True)
    a, b, c, d = (ppg.FileGeneratingJob(name, write()) for name in "abcd")
    a.depends_on(b)
    with pytest.raises(ppg.CycleError):
        b.depends_on(a)
    b.depends_on(c)
    c.depends_on(a)
    d.depends_on(a)
    with pytest.raises(ppg.CycleError) as caught:
        ppg.run()
    assert sorted(caught.value.cycle) == ["a", "b", "c"]
    for step in ("'a' depends on 'b'", "'b' depends on 'c'", "'c' depends on 'a'"):
        assert step in str(caught.value)
