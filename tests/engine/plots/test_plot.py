"""PlotJob: "you can fiddle with the plot function without having the calculation part rerun"."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg

from ..project import Project, tell, write
from .stand_ins import Plot, Pyggplot, Table, calculate


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
    """Then every job that wants the table calculates it."""
    assert project.ran(partial(build, skip_caching=True)) == ["plot.png", "plot.png.tsv"]
    assert not Path("cache").exists()
    assert project.read("plot.png.tsv") == "x\ty\n1\t3\n2\t4\n"
    assert sorted(project.calls()) == ["calculated", "calculated", "plotted"]
    assert project.ran(partial(build, skip_caching=True)) == []
    assert project.ran(partial(build, "anew", skip_caching=True)) == ["plot.png"]
    assert project.calls()[-2:] == ["calculated", "plotted"]


def test_caching_and_the_table_can_be_skipped(project: Project) -> None:
    assert project.ran(partial(build, skip_caching=True, skip_table=True)) == ["plot.png"]
    assert not Path("plot.png.tsv").exists()
    assert project.calls() == ["calculated", "plotted"]


def test_without_a_cache_another_calculation_does_both(project: Project) -> None:
    def build(name: str) -> None:
        ppg.PlotJob("plot.png", lambda: [tell(name), Table()][1], lambda table: Plot("save"), skip_caching=True)

    project.run(partial(build, "one"))
    assert project.ran(partial(build, "two")) == ["plot.png", "plot.png.tsv"]
    assert project.calls() == ["one", "one", "two", "two"]


@pytest.mark.parametrize("how", [lambda first: (job for job in [first]), lambda first: lambda: first])
@pytest.mark.parametrize("cached", [["cache/plot.png"], []])
def test_prerequisites_go_to_plot_and_calculation(project: Project, how: Any, cached: list[str]) -> None:
    def build(value: int) -> None:
        first = ppg.FileGeneratingJob("first", write(str(value)))

        def read() -> Table:
            assert project.read("first") == str(value)
            return Table()

        job = ppg.PlotJob("plot.png", read, lambda table: Plot("save"), skip_caching=not cached)
        assert job.ignore_code_changes().depends_on(how(first)) is job

    assert project.ran(partial(build, 1)) == [*cached, "first", "plot.png", "plot.png.tsv"]
    assert project.ran(partial(build, 2)) == [*cached, "first", "plot.png", "plot.png.tsv"]


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
    assert outcome.failed == (["plot.png", "plot.png.tsv"] if skip_caching else ["cache/plot.png"])
    for failed in outcome.failed:
        assert isinstance(outcome.exception(failed), ppg.JobContractError)
        assert "builtins.list came" in str(outcome.exception(failed))
    assert not Path("plot.png").exists()


def test_a_plot_function_that_returns_no_plot_is_an_error(project: Project) -> None:
    outcome = project.run(lambda: ppg.PlotJob("plot.png", Table, lambda table: None))
    assert outcome.failed == ["plot.png"]
    assert isinstance(outcome.exception("plot.png"), ppg.JobContractError)
    assert "NoneType came" in str(outcome.exception("plot.png"))


def test_its_parts_have_names(project: Project) -> None:
    """The attributes that scripts for the original use."""
    ppg.new_pipegraph(quiet=True, cache_folder="kept")
    job = ppg.PlotJob(Path("./out/plot.png"), Table, lambda table: Plot("save"))
    assert job.output_filename == job.job_id == "out/plot.png"
    assert job.table_filename == job.table_job.job_id == "out/plot.png.tsv"
    assert job.cache_filename == job.cache_job.job_id == "kept/out/plot.png"


def test_the_cache_of_a_plot_elsewhere_stays_in_the_cache_folder(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    job = ppg.PlotJob("../plot.png", Table, lambda table: Plot("save"))
    assert job.cache_filename == f"cache{project.path.parent}/plot.png"
    assert job.output_filename == "../plot.png"


def test_the_data_can_be_had_after_the_run(project: Project) -> None:
    assert project.run(build).job("plot.png").get_data().get_column("x") == [1, 2]


def test_cores_are_for_the_calculation(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    job = ppg.PlotJob("a.png", Table, lambda table: Plot("save"))
    assert job.use_cores(2) is job
    assert [each.cores_needed for each in (job, job.cache_job, job.table_job)] == [1, 2, 1]
    job = ppg.PlotJob("b.png", Table, lambda table: Plot("save"), skip_caching=True)
    another = job.add_another_plot("c.png", lambda table: Plot("save"))
    job.use_cores(-1)
    assert [each.cores_needed for each in (job, job.table_job, another)] == [-1, -1, -1]


def test_size_and_arguments_of_a_plot_are_defaults_for_render(project: Project) -> None:
    """ "As in the original": what the job was given comes first, then the plot's render_args, then its size."""

    def build(own: Any, given: Any) -> None:
        ppg.PlotJob("plot.png", Table, lambda table: Pyggplot("drawn", own), given)

    project.run(partial(build, None, None))
    assert project.read("plot.png") == "drawn [('width', 8)]"
    project.run(partial(build, {"width": 7, "dpi": 50}, None))
    assert project.read("plot.png") == "drawn [('dpi', 50), ('width', 7)]"
    project.run(partial(build, {"width": 7, "dpi": 50}, {"width": 6, "height": 5}))
    assert project.read("plot.png") == "drawn [('dpi', 50), ('height', 5), ('width', 6)]"


@pytest.mark.parametrize("name", ["plot", "plot.txt", "plot.png.bak", "out.png/plot", ".png"])
def test_an_unknown_suffix_is_refused_when_the_job_is_made(project: Project, name: str) -> None:
    ppg.new_pipegraph(quiet=True)
    with pytest.raises(ppg.JobContractError, match=r"decides its format.*png"):
        ppg.PlotJob(name, Table, lambda table: Plot("save"))
    assert ppg.util.global_pipegraph.jobs == {}


@pytest.mark.parametrize("name", ["plot.PNG", "plot.pdf", "plot.svg", "plot.html"])
def test_known_suffixes_are_taken_in_any_case(project: Project, name: str) -> None:
    project.run(lambda: ppg.PlotJob(name, Table, lambda table: Plot("save"), skip_table=True))
    assert project.read(name) == "drawn by save {}"


def test_a_failing_calculation_prunes_and_a_failing_plot_does_not(project: Project) -> None:
    outcome = project.run(lambda: ppg.PlotJob("plot.png", lambda: 1 / 0, lambda table: Plot("save")))
    assert (outcome.failed, outcome.pruned) == (["cache/plot.png"], ["plot.png", "plot.png.tsv"])
    outcome = project.run(lambda: ppg.PlotJob("plot.png", Table, lambda table: 1 / 0))
    assert (outcome.failed, outcome.pruned) == (["plot.png"], [])
    assert "plot.png.tsv" in outcome.ran


@pytest.mark.parametrize("skip_caching", [False, True])
def test_a_generating_job_may_make_it_once_or_twice(project: Project, skip_caching: bool) -> None:
    def make() -> None:
        for _ in range(2):
            job = ppg.PlotJob("plot.png", Table, lambda table: Plot("save"), skip_caching=skip_caching)
            job.depends_on_params(1).add_fiddle(lambda plot: None)
            job.add_another_plot("another.png", lambda table: Plot("save", "other"))

    cached = [] if skip_caching else ["cache/plot.png"]
    assert project.ran(lambda: ppg.JobGeneratingJob("grow", make)) == [
        "another.png",
        *cached,
        "grow",
        "plot.png",
        "plot.png.tsv",
    ]
    assert project.read("another.png") == "other by save {}"
    assert project.ran(lambda: ppg.JobGeneratingJob("grow", make)) == ["grow"]


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
