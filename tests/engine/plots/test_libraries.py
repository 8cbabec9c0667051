"""Plots of the real libraries, drawn to real files from real tables."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas
import polars
import pytest

import pypipegraph as ppg

from ..project import Project

DATA = {"x": [1, 2, 1, 2], "y": [3.0, 4.0, 5.0, 6.0], "name": ["a", "a", "b", "b"]}
MAGIC = {".png": b"\x89PNG", ".pdf": b"%PDF", ".svg": b"<", ".html": b"<!DOCTYPE html>", ".json": b"{"}
TABLE = "x\ty\tname\n1\t3.0\ta\n2\t4.0\ta\n1\t5.0\tb\n2\t6.0\tb\n"


def matplotlib_figure(table: Any) -> Any:
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().plot(table["x"], table["y"])
    return figure


def plotnine_plot(table: Any) -> Any:
    import plotnine

    return plotnine.ggplot(table, plotnine.aes("x", "y")) + plotnine.geom_point()


def altair_chart(table: Any) -> Any:
    import altair

    return altair.Chart(table).mark_point().encode(x="x", y="y").properties(width=100)


def assert_drawn(path: str) -> None:
    assert Path(path).read_bytes().startswith(MAGIC[Path(path).suffix])


@pytest.mark.parametrize(
    ("draw", "library", "first", "second"),
    [
        (matplotlib_figure, pandas, {"dpi": 50}, {"dpi": 60}),
        (matplotlib_figure, polars, {"dpi": 50}, {"dpi": 60}),
        (plotnine_plot, pandas, {"width": 2, "height": 2, "verbose": False}, {"verbose": False}),
        (altair_chart, pandas, {"ppi": 50}, {"ppi": 60}),
        (altair_chart, polars, {"ppi": 50}, {"ppi": 60}),
    ],
)
def test_a_plot_is_drawn_and_redrawn_with_other_arguments(
    project: Project, draw: Callable[[Any], Any], library: Any, first: Any, second: Any
) -> None:
    def build(render_args: Any) -> None:
        ppg.PlotJob("out/plot.png", lambda: library.DataFrame(DATA), draw, render_args)

    Path("out").mkdir()
    assert project.ran(partial(build, first)) == ["cache/out/plot.png", "out/plot.png", "out/plot.png.tsv"]
    assert_drawn("out/plot.png")
    assert project.read("out/plot.png.tsv") == TABLE
    assert project.ran(partial(build, first)) == []
    before = Path("out/plot.png").read_bytes()
    assert project.ran(partial(build, second)) == ["out/plot.png"]
    assert Path("out/plot.png").read_bytes() != before


@pytest.mark.parametrize(
    ("draw", "name", "render_args"),
    [
        (matplotlib_figure, "plot.pdf", {}),
        (matplotlib_figure, "plot.svg", {}),
        (plotnine_plot, "plot.svg", {"verbose": False}),
        (altair_chart, "plot.svg", {}),
        (altair_chart, "plot.html", {}),
        (altair_chart, "plot.json", {}),
    ],
)
def test_the_suffix_decides_the_format(
    project: Project, draw: Callable[[Any], Any], name: str, render_args: Any
) -> None:
    assert name in project.ran(lambda: ppg.PlotJob(name, lambda: pandas.DataFrame(DATA), draw, render_args))
    assert_drawn(name)


def test_a_format_that_this_library_does_not_know_fails_the_plot(project: Project) -> None:
    outcome = project.run(lambda: ppg.PlotJob("plot.html", lambda: pandas.DataFrame(DATA), matplotlib_figure))
    assert outcome.failed == ["plot.html"]
    assert "html" in str(outcome.exception("plot.html"))


def test_a_fiddle_may_add_to_a_plot_of_plotnine(project: Project) -> None:
    """Its "+" makes a new plot; the facets that it draws make the file another one."""

    def build(faceted: bool) -> None:
        import plotnine

        job = ppg.PlotJob("plot.svg", lambda: pandas.DataFrame(DATA), plotnine_plot, {"verbose": False})
        if faceted:
            job.add_fiddle(lambda plot: plot + plotnine.facet_wrap("name"))

    project.run(partial(build, False))
    plain = project.read("plot.svg")
    assert project.ran(partial(build, True)) == ["plot.svg"]
    assert project.read("plot.svg").count("axes_") > plain.count("axes_")


@pytest.mark.parametrize("library", [pandas, polars], ids=["pandas", "polars"])
def test_plots_are_combined(project: Project, library: Any) -> None:
    def build() -> None:
        jobs = [
            ppg.PlotJob(f"{name}.svg", partial(library.DataFrame, {"x": [1], "y": [value]}), altair_chart)
            for name, value in (("a", 3), ("b", 4))
        ]
        ppg.CombinedPlotJob("all.json", jobs, [])

    assert "all.json" in project.ran(build)
    assert '"y": 3' in project.read("all.json")
    assert '"y": 4' in project.read("all.json")


def test_a_dict_of_tables_of_different_libraries(project: Project) -> None:
    def build() -> None:
        ppg.PlotJob(
            "plot.png",
            lambda: {"left": pandas.DataFrame(DATA), "right": polars.DataFrame(DATA)},
            lambda tables: matplotlib_figure(tables["right"]),
        )

    project.run(build)
    assert_drawn("plot.png")
    assert project.read("plot.png.tsv") == f"#left\n{TABLE}#right\n{TABLE}"


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (lambda: polars.DataFrame(DATA).lazy(), r"polars\.[a-z.]+\.LazyFrame"),
        (lambda: pandas.DataFrame(DATA).groupby("name"), r"pandas\.[a-z.]+\.DataFrameGroupBy"),
        (lambda: {"one": pandas.DataFrame(DATA), "two": None}, r"builtins\.NoneType"),
    ],
)
def test_what_is_no_table_is_named_with_its_module(project: Project, value: Callable[[], Any], name: str) -> None:
    outcome = project.run(lambda: ppg.PlotJob("plot.png", value, matplotlib_figure))
    assert outcome.failed == ["cache/plot.png"]
    with pytest.raises(ppg.JobContractError, match=f"but a {name} came"):
        raise outcome.exception("cache/plot.png")


@pytest.mark.parametrize(
    ("draw", "name"),
    [
        (lambda table: matplotlib_figure(table).axes[0], r"matplotlib\.axes\.[a-z_.]+Axes"),
        (lambda table: None, r"builtins\.NoneType"),
        (lambda table: type(matplotlib_figure(table)), r"builtins\.type"),
    ],
)
def test_what_is_no_plot_is_named_with_its_module(project: Project, draw: Callable[[Any], Any], name: str) -> None:
    outcome = project.run(lambda: ppg.PlotJob("plot.png", lambda: pandas.DataFrame(DATA), draw))
    assert outcome.failed == ["plot.png"]
    with pytest.raises(ppg.JobContractError, match=f"but a {name} came"):
        raise outcome.exception("plot.png")
