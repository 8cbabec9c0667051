"""CombinedPlotJob: the tables of several PlotJobs, drawn as one."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pandas
import polars
import pytest

import pypipegraph as ppg

from ..project import Project, tell
from .stand_ins import Plot, Pyggplot, Table


def table(name: str, library: Any = pandas, **more: Any) -> Any:
    def calculate() -> Any:
        tell(f"calculated-{name}")
        return library.DataFrame({"x": [1, 2], "name": [name, name]}, **more)

    return calculate


def show(data: Any) -> Pyggplot:
    return Pyggplot(" ".join(f"{x}{name}" for x, name in zip(data["x"], data["name"], strict=True)))


def plots(names: str = "ab", library: Any = pandas, plot: Any = show, **more: Any) -> list[Any]:
    return [ppg.PlotJob(f"{name}.png", table(name, library, **more), plot, skip_table=True) for name in names]


def build(names: str = "ab", facets: Any = (), plot: Any = show, fiddle: Any = None, **more: Any) -> Any:
    return ppg.CombinedPlotJob("all.png", plots(names, plot=plot), facets or [], more or None, fiddle)


BOTH = ["a.png", "b.png", "cache/a.png", "cache/b.png"]


def test_all_rows_are_drawn_in_the_order_of_the_plots(project: Project) -> None:
    assert project.ran(build) == ["a.png", "all.png", "b.png", *BOTH[2:]]
    assert project.read("all.png") == "1a 2a 1b 2b [('width', 8)]"
    assert project.ran(build) == []
    assert project.ran(partial(build, "ba")) == ["all.png"]
    assert project.read("all.png").startswith("1b 2b 1a 2a")
    assert sorted(project.calls()) == ["calculated-a", "calculated-b"]


def test_tables_of_polars_too(project: Project) -> None:
    project.run(lambda: ppg.CombinedPlotJob("all.png", plots(library=polars), []))
    assert project.read("all.png").startswith("1a 2a 1b 2b")


def test_dicts_of_tables_are_combined_name_by_name(project: Project) -> None:
    def build() -> None:
        def calculate(name: str) -> Any:
            return {"one": pandas.DataFrame({"x": [name]}), "two": polars.DataFrame({"x": [name * 2]})}

        def draw(tables: Any) -> Plot:
            assert list(tables) == ["one", "two"]
            return Plot("save", f"{list(tables['one']['x'])} {list(tables['two']['x'])}")

        jobs = [ppg.PlotJob(f"{name}.png", partial(calculate, name), draw) for name in "ab"]
        ppg.CombinedPlotJob("all.png", jobs, [])

    project.run(build)
    assert project.read("all.png").startswith("['a', 'b'] ['aa', 'bb']")


@pytest.mark.parametrize(
    ("index", "expected"), [(None, [0, 1, 2, 3]), (["p", "q"], ["p", "q", "p", "q"])], ids=["counted", "labelled"]
)
def test_rows_that_are_just_counted_are_counted_on(project: Project, index: Any, expected: Any) -> None:
    def draw(data: Any) -> Plot:
        return Plot("save", str(list(data.index)))

    project.run(lambda: ppg.CombinedPlotJob("all.png", plots(plot=draw, index=index), []))
    assert project.read("all.png") == f"{expected} by save {{}}"


@pytest.mark.parametrize(
    ("facets", "expected"),
    [
        ([], ""),
        ({}, ""),
        (["name"], " by ('name',) {}"),
        (["name", "x"], " by ('name', 'x') {}"),
        ({"columns": 2}, " by () {'columns': 2}"),
    ],
)
def test_facets_are_asked_for_by_position_or_name(project: Project, facets: Any, expected: str) -> None:
    project.run(partial(build, facets=facets))
    assert project.read("all.png") == f"1a 2a 1b 2b{expected} [('width', 8)]"


def test_render_args_and_a_fiddle(project: Project) -> None:
    project.run(partial(build, facets=["name"], fiddle=lambda plot: plot.add("!"), width=5))
    assert project.read("all.png") == "1a 2a 1b 2b by ('name',) {}! [('width', 5)]"


def test_only_what_changed_is_redone(project: Project) -> None:
    def other(data: Any) -> Pyggplot:
        return Pyggplot("other")

    project.run(build)
    assert project.ran(partial(build, facets=["name"])) == ["all.png"]
    assert project.ran(partial(build, facets=["name"], width=5)) == ["all.png"]
    assert project.ran(partial(build, facets=["name"], width=5, fiddle=lambda plot: plot.add("!"))) == ["all.png"]
    assert project.ran(build) == ["all.png"]
    assert project.ran(partial(build, plot=other)) == ["a.png", "all.png", "b.png"]
    assert project.ran(partial(build, "abc", plot=other)) == ["all.png", "c.png", "cache/c.png"]
    assert sorted(project.calls()) == ["calculated-a", "calculated-b", "calculated-c"]


def test_a_changed_table_redraws(project: Project) -> None:
    def build(value: int) -> None:
        first, second = plots()
        second.depends_on_params(value)
        ppg.CombinedPlotJob("all.png", [first, second], [])

    project.run(partial(build, 1))
    assert project.ran(partial(build, 2)) == ["all.png", "b.png", "cache/b.png"]


def test_the_plots_themselves_may_fail(project: Project) -> None:
    """It needs their tables, not their drawings."""

    def draw(data: Any) -> Any:
        if len(data) == 2:
            raise ValueError("too few")
        return show(data)

    outcome = project.run(partial(build, plot=draw))
    assert (outcome.failed, outcome.pruned) == (["a.png", "b.png"], [])
    assert Path("all.png").exists()


def test_a_failed_calculation_prunes_it(project: Project) -> None:
    def build() -> None:
        ppg.CombinedPlotJob("all.png", [*plots("a"), ppg.PlotJob("b.png", lambda: 1 / 0, show)], [])

    outcome = project.run(build)
    assert outcome.failed == ["cache/b.png"]
    assert outcome.pruned == ["all.png", "b.png", "b.png.tsv"]


def test_facets_of_a_plot_without_facets_are_an_error(project: Project) -> None:
    outcome = project.run(partial(build, facets=["name"], plot=lambda data: Plot("save")))
    assert outcome.failed == ["all.png"]
    with pytest.raises(ppg.JobContractError, match=r"stand_ins\.Plot has no facet_wrap"):
        raise outcome.exception("all.png")


@pytest.mark.parametrize(
    ("others", "words"),
    [
        (Table, r"stand_ins\.Table, pandas\.DataFrame came"),
        (table("b", polars), "polars"),
        (lambda: {"one": pandas.DataFrame()}, "builtins.dict"),
    ],
)
def test_tables_of_different_kinds_are_an_error_that_names_them(project: Project, others: Any, words: str) -> None:
    def build() -> None:
        draw: Any = lambda data: Plot("save")  # noqa: E731
        ppg.CombinedPlotJob("all.png", [*plots("a", plot=draw), ppg.PlotJob("b.png", others, draw)], [])

    outcome = project.run(build)
    assert outcome.failed == ["all.png"]
    assert isinstance(outcome.exception("all.png"), ppg.JobContractError)
    with pytest.raises(ppg.JobContractError, match=words):
        raise outcome.exception("all.png")


def test_dicts_with_different_names_are_an_error(project: Project) -> None:
    def build() -> None:
        jobs = [ppg.PlotJob(f"{n}.png", partial(dict, {n: pandas.DataFrame()}), lambda t: Plot("save")) for n in "ab"]
        ppg.CombinedPlotJob("all.png", jobs, [])

    with pytest.raises(ppg.JobContractError, match=r"\['a'\] and another \['b'\]"):
        raise project.run(build).exception("all.png")


def test_misuse_is_refused(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    (plot,) = plots("a")
    uncached = ppg.PlotJob("b.png", table("b"), show, skip_caching=True)
    before = dict(ppg.util.global_pipegraph.jobs)
    for jobs, words in (
        ([], "at least one PlotJob"),
        ([plot, "b.png"], "builtins.str"),
        ([plot.cache_job], "combines PlotJobs, not TableCalculatingJob"),
        (plot, "takes a list of PlotJobs"),
        ({plot}, "takes a list of PlotJobs"),
        (None, "takes a list of PlotJobs"),
        ("ab", "takes a list of PlotJobs"),
        ([plot, uncached], r"b\.png.*skip_caching"),
    ):
        with pytest.raises(ppg.JobContractError, match=words):
            ppg.CombinedPlotJob("all.png", jobs, [])
    for facets in (None, "name", ("name",), 5):
        with pytest.raises(ppg.JobContractError, match="must be a list or a dict"):
            ppg.CombinedPlotJob("all.png", [plot], facets)
    with pytest.raises(ppg.JobContractError, match="decides its format"):
        ppg.CombinedPlotJob("all", [plot], [])
    with pytest.raises(ppg.JobContractError, match="must be callable"):
        ppg.CombinedPlotJob("all.png", [plot], [], None, "nonsense")
    assert ppg.util.global_pipegraph.jobs == before


def test_a_generating_job_may_make_it_of_older_plots(project: Project) -> None:
    def grow() -> None:
        jobs = plots()
        ppg.JobGeneratingJob("grow", lambda: ppg.CombinedPlotJob("all.png", jobs, [], fiddle=lambda plot: None))

    assert project.ran(grow) == ["a.png", "all.png", "b.png", "cache/a.png", "cache/b.png", "grow"]
    assert project.ran(grow) == ["grow"]
