"""Compound jobs."""

from __future__ import annotations

import pickle
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from engine.project import Project, tell, write

import pypipegraph as ppg


class DataFrame:
    """Of pydataframe, as far as it is needed."""

    columns_ordered = ("x",)

    def get_column(self, name: str) -> list[int]:
        return [1, 2]


class Plot:
    """Of pyggplot, as far as it is needed."""

    def __init__(self, text: str) -> None:
        self.text = text

    def render(self, path: str) -> None:
        Path(path).write_text(self.text)


def plot_job(text: str = "drawn", more: str = "") -> None:
    def calculate() -> DataFrame:
        tell("calculated" + more)
        return DataFrame()

    def plot(frame: Any) -> Plot:
        tell("plotted")
        return Plot(f"{text} {frame.get_column('x')}")

    ppg.PlotJob("plot.png", calculate, plot)


def test_plot_job(project: Project) -> None:
    """This job wraps plotting with pyggplot. It takes two functions: one calculates the dataframe for the plot, and
    that result is cached. The other one loads that dataframe and returns a pyggplot.Plot.
    """
    project.ran(plot_job)
    assert project.read("plot.png") == "drawn [1, 2]"
    assert project.ran(plot_job) == []
    Path("plot.png").unlink()
    assert project.ran(plot_job) == ["plot.png"]
    assert project.calls() == ["calculated", "plotted", "plotted"]


def test_both_functions_have_their_own_invariant(project: Project) -> None:
    """Both have their own FunctionInvariant, so you can fiddle with the plot function without having the calculation
    part rerun.
    """
    project.ran(plot_job)
    project.ran(partial(plot_job, "anew"))
    assert project.calls() == ["calculated", "plotted", "plotted"]
    project.ran(partial(plot_job, "anew", " anew"))
    assert project.calls()[3:] == ["calculated", "anew", "plotted"]


@pytest.mark.parametrize(("frame", "plot", "bad"), [(7, Plot("x"), "cache/p.png"), (DataFrame(), 7, "p.png")])
def test_what_the_functions_must_return(project: Project, frame: Any, plot: Any, bad: str) -> None:
    """The calc function must return a pydataframe.DataFrame, the plot function a pyggplot.Plot"""
    outcome = project.run(lambda: ppg.PlotJob("p.png", lambda: frame, lambda _: plot))
    assert outcome.failed == [bad]
    assert isinstance(outcome.exception(bad), ppg.JobContractError)


class Holder:
    """Something to load into."""

    value: Any


HOLDER = Holder()


def calculate() -> int:
    tell("calculated")
    return 42


def cached(needed: bool = True, callback: Any = calculate, ignore: bool = False) -> None:
    job = ppg.CachedAttributeLoadingJob("cache/value", HOLDER, "value", callback)
    if ignore:
        job.ignore_code_changes()
    if needed:
        ppg.FileGeneratingJob("a", lambda path: write(str(HOLDER.value))(path)).depends_on(job)


def test_cached_job(project: Project) -> None:
    """A CachedJob is a combination of of a AttributeLoadingJob and a FileGeneratingJob. It has a single callback, that
    returns some hard-to-compute value, which is pickled to a file (jobid doubles as cache file name). The
    AttributeLoadingJob loads the data in question if necessary.
    """
    assert project.ran(cached) == ["a", "cache/value", "cache/value_load"]
    assert project.read("a") == "42"
    assert pickle.loads(Path("cache/value").read_bytes()) == 42
    assert project.ran(cached) == []
    Path("a").unlink()
    project.ran(cached)
    assert project.calls() == ["calculated"], "the second time it is only loaded"


def test_a_cached_job_that_nobody_needs(project: Project) -> None:
    """The calc function does not get run if there are no dependencies."""
    assert project.ran(partial(cached, needed=False)) == []
    assert project.calls() == []


def test_the_implicit_invariant_of_a_cached_job(project: Project) -> None:
    """It also has an implicit FunctionInvariant on it's calc function (supress just like a FileGeneratingJob with
    ignore_code_changes())
    """

    def other() -> int:
        tell("other")
        return 43

    project.ran(cached)
    project.ran(partial(cached, callback=other))
    assert project.calls() == ["calculated", "other"]
    assert project.read("a") == "43"
    project.ran(partial(cached, ignore=True))
    assert project.calls() == ["calculated", "other"]
