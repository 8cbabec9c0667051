"""PlotJob: "you can fiddle with the plot function without having the calculation part rerun"."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg

from ..project import Project, tell, write


class Table:
    """A pydataframe by duck type."""

    columns_ordered = ("x", "y")

    def get_column(self, name: str) -> list[int]:
        return [1, 2] if name == "x" else [3, 4]


class Plot:
    """Draws itself by whichever method it has."""

    def __init__(self, method: str, text: str = "drawn") -> None:
        def draw(path: str, **options: Any) -> None:
            Path(path).write_text(f"{text} by {method} {options}")

        setattr(self, method, draw)


def calculate() -> Table:
    tell("calculated")
    return Table()


def build(text: str = "drawn", method: str = "render", **options: Any) -> None:
    def plot(table: Any) -> Plot:
        assert table.get_column("y") == [3, 4]
        tell("plotted")
        return Plot(method, text)

    ppg.PlotJob("plot.png", calculate, plot, **options)


def test_it_calculates_caches_writes_the_table_and_plots(project: Project) -> None:
    assert project.ran(build) == ["cache/plot.png", "plot.png", "plot.png.tsv"]
    assert project.read("plot.png") == "drawn by render {}"
    assert project.read("plot.png.tsv") == "x\ty\n1\t3\n2\t4\n"
    assert project.ran(build) == []
    assert project.calls() == ["calculated", "plotted"]


def test_another_plot_function_redraws_without_calculating(project: Project) -> None:
    project.run(build)
    assert project.ran(partial(build, "anew")) == ["plot.png"]
    assert project.read("plot.png").startswith("anew")
    assert project.calls() == ["calculated", "plotted", "plotted"]


def test_another_calculation_does_both(project: Project) -> None:
    def build(name: str) -> None:
        ppg.PlotJob("plot.png", lambda: [tell(name), Table()][1], lambda table: Plot("save"))

    project.run(partial(build, "one"))
    assert project.ran(partial(build, "two")) == ["cache/plot.png", "plot.png", "plot.png.tsv"]
    assert project.calls() == ["one", "two"]


@pytest.mark.parametrize("method", ["render", "save", "savefig"])
def test_anything_that_can_draw_itself_will_do(project: Project, method: str) -> None:
    project.run(partial(build, method=method, render_args={"width": 5}))
    assert project.read("plot.png") == f"drawn by {method} {{'width': 5}}"
    assert project.ran(partial(build, method=method, render_args={"width": 6})) == ["plot.png"]


def test_render_args_go_with_parameters_of_the_users(project: Project) -> None:
    def build(value: int) -> None:
        ppg.PlotJob("plot.png", Table, lambda table: Plot("save"), {"width": 5}).depends_on_params(value)

    project.run(partial(build, 1))
    assert "plot.png" in project.ran(partial(build, 2))


def test_the_table_can_be_skipped(project: Project) -> None:
    assert project.ran(partial(build, skip_table=True)) == ["cache/plot.png", "plot.png"]
    assert not Path("plot.png.tsv").exists()


def test_caching_can_be_skipped(project: Project) -> None:
    assert project.ran(partial(build, skip_caching=True)) == ["plot.png"]
    assert not Path("cache").exists()
    assert project.ran(partial(build, "anew", skip_caching=True)) == ["plot.png"]
    assert project.calls() == ["calculated", "plotted"] * 2


def test_prerequisites_go_to_plot_and_calculation(project: Project) -> None:
    def build(value: int) -> None:
        first = ppg.FileGeneratingJob("first", write(str(value)))
        job = ppg.PlotJob("plot.png", lambda: [Path("first").read_text(), Table()][1], lambda table: Plot("save"))
        assert job.depends_on(job for job in [first]) is job

    assert project.ran(partial(build, 1)) == ["cache/plot.png", "first", "plot.png", "plot.png.tsv"]
    assert project.ran(partial(build, 2)) == ["cache/plot.png", "first", "plot.png", "plot.png.tsv"]


def test_a_lost_plot_is_redrawn_from_the_cache(project: Project) -> None:
    project.run(build)
    os.unlink("plot.png")
    assert project.ran(build) == ["plot.png"]
    assert project.calls() == ["calculated", "plotted", "plotted"]


def test_a_dict_of_tables_is_a_table(project: Project) -> None:
    def build() -> None:
        ppg.PlotJob("plot.png", lambda: {"one": Table(), "two": Table()}, lambda tables: Plot("save", "|".join(tables)))

    project.run(build)
    assert project.read("plot.png") == "one|two by save {}"
    assert project.read("plot.png.tsv").splitlines()[0] == "#one"


@pytest.mark.parametrize("skip_caching", [False, True])
def test_a_calculation_that_returns_no_table_is_an_error(project: Project, skip_caching: bool) -> None:
    """ "Wrong returns are JobContractErrors that name what came.\""""
    outcome = project.run(
        lambda: ppg.PlotJob("plot.png", lambda: [1, 2], lambda table: Plot("save"), skip_caching=skip_caching)
    )
    (failed,) = outcome.failed
    assert isinstance(outcome.exception(failed), ppg.JobContractError)
    assert "builtins.list came" in str(outcome.exception(failed))
    assert not Path("plot.png").exists()


def test_a_plot_function_that_returns_no_plot_is_an_error(project: Project) -> None:
    outcome = project.run(lambda: ppg.PlotJob("plot.png", Table, lambda table: None))
    assert outcome.failed == ["plot.png"]
    assert isinstance(outcome.exception("plot.png"), ppg.JobContractError)
    assert "NoneType came" in str(outcome.exception("plot.png"))


def test_a_matplotlib_figure_of_a_pandas_table(project: Project) -> None:
    pandas = pytest.importorskip("pandas")
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    def draw(table: Any) -> Any:
        figure = Figure()
        figure.subplots().plot(table["x"], table["y"])
        return figure

    def build(dpi: int) -> None:
        ppg.PlotJob("out/plot.png", lambda: pandas.DataFrame({"x": [1, 2], "y": [3, 4]}), draw, {"dpi": dpi})

    Path("out").mkdir()
    assert project.ran(partial(build, 50)) == ["cache/out/plot.png", "out/plot.png", "out/plot.png.tsv"]
    assert Path("out/plot.png").read_bytes().startswith(b"\x89PNG")
    assert project.read("out/plot.png.tsv") == "x\ty\n1\t3\n2\t4\n"
    assert project.ran(partial(build, 50)) == []
    assert project.ran(partial(build, 60)) == ["out/plot.png"]


@pytest.mark.parametrize("skip_caching", [False, True])
def test_it_is_pruned_with_its_table_and_calculation(project: Project, skip_caching: bool) -> None:
    def pruned(unprune: bool) -> None:
        build(skip_caching=skip_caching)
        assert ppg.util.global_pipegraph is not None
        job = ppg.util.global_pipegraph.jobs["plot.png"]
        assert job.prune() is job
        if unprune:
            assert job.unprune() is job

    assert project.ran(partial(pruned, False)) == []
    assert "plot.png" in project.ran(partial(pruned, True))
