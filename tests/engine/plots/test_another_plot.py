"""`PlotJob.add_another_plot`: one calculation, several plots; `add_fiddle`: a last touch before drawing."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg

from ..project import Project, tell, write
from .stand_ins import Plot, Pyggplot, Table, calculate

FIRST = ["cache/plot.png", "plot.png", "plot.png.tsv"]


def build(text: str = "other", factor: int = 1, **options: Any) -> Any:
    job = ppg.PlotJob("plot.png", calculate, lambda table: Plot("save"), **options)

    def draw(table: Table) -> Plot:
        return Plot("render", f"{text} {sum(table.get_column('x')) * factor}")

    return job, job.add_another_plot("another.pdf", draw, {"width": 3})


def test_it_draws_the_same_table_to_another_file(project: Project) -> None:
    assert project.ran(build) == ["another.pdf", *FIRST]
    assert project.read("another.pdf") == "other 3 by render {'width': 3}"
    assert project.calls() == ["calculated"]
    assert project.ran(build) == []


def test_each_plot_is_redrawn_on_its_own(project: Project) -> None:
    project.run(build)
    assert project.ran(partial(build, "changed")) == ["another.pdf"]
    os.unlink("plot.png")
    assert project.ran(partial(build, "changed")) == ["plot.png"]
    assert project.calls() == ["calculated"]


def test_changed_render_args_redraw(project: Project) -> None:
    def build(width: int) -> None:
        job = ppg.PlotJob("plot.png", calculate, lambda table: Plot("save"))
        job.add_another_plot("another.png", lambda table: Plot("save"), {"width": width})

    project.run(partial(build, 1))
    assert project.ran(partial(build, 2)) == ["another.png"]


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("skip_caching", [True, False])
def test_what_the_calculation_depends_on_redoes_both(project: Project, before: bool, skip_caching: bool) -> None:
    """Whether that is said before the other plot is added, or after."""

    def build(value: int) -> None:
        def read() -> Table:
            assert project.read("first") == str(value)
            return Table()

        first = ppg.FileGeneratingJob("first", write(str(value)))
        job = ppg.PlotJob("plot.png", read, lambda table: Plot("save"), skip_caching=skip_caching, skip_table=True)
        if before:
            job.depends_on(first)
        job.add_another_plot("another.png", lambda table: Plot("save"))
        job.depends_on(first)

    everything = ["another.png", *([] if skip_caching else ["cache/plot.png"]), "first", "plot.png"]
    assert project.ran(partial(build, 1)) == everything
    assert project.ran(partial(build, 2)) == everything


def test_without_a_cache_each_plot_calculates(project: Project) -> None:
    assert project.ran(partial(build, skip_caching=True)) == ["another.pdf", "plot.png", "plot.png.tsv"]
    assert project.calls() == ["calculated"] * 3
    assert project.ran(partial(build, "changed", skip_caching=True)) == ["another.pdf"]


def test_a_fiddle_of_one_plot_leaves_the_other_alone(project: Project) -> None:
    def fiddled(mark: str) -> None:
        job, _ = build()
        assert job.add_fiddle(lambda plot: setattr(plot, "text", plot.text + mark)) is job

    project.run(partial(fiddled, "!"))
    assert project.read("plot.png") == "drawn! by save {}"
    assert project.read("another.pdf").startswith("other 3 by")
    assert project.ran(partial(fiddled, "?")) == ["plot.png"]
    assert project.ran(build) == ["plot.png"], "without any fiddle"
    assert project.read("plot.png") == "drawn by save {}"
    assert project.calls() == ["calculated"]


def test_the_other_plot_can_be_fiddled_with(project: Project) -> None:
    def fiddled() -> None:
        build()[1].add_fiddle(lambda plot: setattr(plot, "text", "fiddled"))

    project.run(fiddled)
    assert project.read("another.pdf").startswith("fiddled by")


def test_no_fiddle_is_a_fiddle(project: Project) -> None:
    def fiddled() -> None:
        build()[0].add_fiddle(None)

    project.run(build)
    assert project.ran(fiddled) == []


@pytest.mark.parametrize(
    ("fiddle", "text"),
    [
        (lambda plot: plot.add("+"), "drawn+"),
        (lambda plot: Pyggplot("another"), "another"),
        (lambda plot: Plot("save", "of another class"), "drawn"),
        (lambda plot: "done", "drawn"),
    ],
)
def test_a_fiddle_changes_the_plot_or_returns_another(project: Project, fiddle: Any, text: str) -> None:
    """ "+" of plotnine makes a new plot, the methods of pyggplot change theirs."""
    project.run(lambda: ppg.PlotJob("plot.png", Table, lambda table: Pyggplot("drawn")).add_fiddle(fiddle))
    assert project.read("plot.png") == f"{text} [('width', 8)]"


def test_a_failing_fiddle_fails_the_plot_alone(project: Project) -> None:
    outcome = project.run(lambda: build()[0].add_fiddle(lambda plot: 1 / 0))
    assert outcome.failed == ["plot.png"]
    assert isinstance(outcome.exception("plot.png"), ZeroDivisionError)
    assert Path("another.pdf").exists()


def test_misuse_is_refused(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    job, another = build()
    assert build() == (job, another)
    other = ppg.PlotJob("other.png", calculate, lambda table: Plot("save"))
    with pytest.raises(ppg.JobContractError, match="another definition"):
        job.add_another_plot("another.pdf", lambda table: Plot("save"))
    with pytest.raises(ppg.JobContractError, match="belongs to a PlotJob"):
        job.add_another_plot("other.png", lambda table: Plot("save"))
    with pytest.raises(ppg.JobContractError, match="decides its format"):
        job.add_another_plot("another", lambda table: Plot("save"))
    with pytest.raises(ppg.JobContractError, match="must be callable"):
        job.add_fiddle("nonsense")
    with pytest.raises(ppg.JobContractError, match="needs 2 arguments"):
        job.add_fiddle(lambda plot, more: None)
    job.add_fiddle(tell)
    with pytest.raises(ppg.JobContractError, match="another definition"):
        job.add_fiddle(print)
    assert other.fiddle is None


def test_one_file_shows_one_table(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)

    def draw(table: Table) -> Plot:
        return Plot("save")

    one = ppg.PlotJob("one.png", calculate, draw)
    two = ppg.PlotJob("two.png", calculate, draw)
    one.add_another_plot("another.png", draw)
    with pytest.raises(ppg.JobContractError, match=r"one\.png.*two\.png"):
        two.add_another_plot("another.png", draw)
