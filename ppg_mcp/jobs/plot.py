"""PlotJob: calculate a table once, fiddle with the plot of it as often as you like.

Three jobs at most: one calculates and caches the table, one draws, one writes the table as text. What `depends_on` is
given concerns the calculation, so it goes to every job that calculates; a fiddle concerns the drawing alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from ..job import Job, checked_id
from .cached import CalculatingJob
from .callback import check_callback
from .drawing import DrawingJob
from .files import FileGeneratingJob
from .tables import checked_table, write_table


class PlotJob(DrawingJob):
    """Draws `plot_function(table)` into a file, where `table` is what `calc_function()` returned, cached.

    Both functions have their own FunctionInvariant. `cache_job` and `table_job` are the other jobs, None if skipped.

    Args:
        output_filename: The plot. Its suffix decides the format.
        calc_function: Takes no argument, returns a DataFrame (pandas, polars, or anything with `to_csv`, `write_csv`
            or `columns_ordered`), or a dict of these.
        plot_function: Takes the table, returns something that can be drawn to a file: with `render` (pyggplot),
            `savefig` (a matplotlib figure) or `save` (plotnine, altair).
        render_args: Keyword arguments for that.
        skip_table: Do not write the table to `table_filename`, which is output_filename + ".tsv".
        skip_caching: Calculate in the plotting job, and in the job that writes the table, every time they run.

    Raises:
        JobContractError: A suffix that no plotting library writes, or functions that take other arguments.
    """

    def __init__(
        self,
        output_filename: str | Path,
        calc_function: Callable[[], Any],
        plot_function: Callable[[Any], Any],
        render_args: Mapping[str, Any] | None = None,
        skip_table: bool = False,
        skip_caching: bool = False,
    ) -> None:
        super().__init__(output_filename, plot_function, render_args)
        check_callback(self, calc_function, 0, "calculating functions get none")
        self.calc_function = calc_function
        self.skip_table = bool(skip_table)
        self.skip_caching = bool(skip_caching)
        self.table_filename = self.output_filename + ".tsv"
        self.cache_filename = self.graph.cache_path(self.output_filename)
        self.cache_job: CalculatingJob | None = None
        self.table_job: FileGeneratingJob | None = None
        self._calculating: list[Job] = []
        """Other jobs that call calc_function."""
        self._calculated_from: list[Job] = []
        if not skip_table:
            self.table_job = TableWritingJob(self.table_filename, self._write_table)
            self.table_job.ignore_code_changes()
        if skip_caching:
            self._calculating += [self.table_job] if self.table_job else []
            self.depends_on_func("calc_function", calc_function)
        else:
            self.cache_job = TableCalculatingJob(self.cache_filename, calc_function)
            self._calculating.append(self.cache_job)
            for job in (self, self.table_job):
                if job is not None:
                    job.depends_on(self.cache_job)

    def definition(self) -> tuple[Any, ...]:
        """The file, and which of the other jobs there are."""
        return (*super().definition(), f"skip_table={self.skip_table}, skip_caching={self.skip_caching}")

    def get_data(self) -> Any:
        """The table: as cached, or calculated now."""
        return checked_table(self, self.calc_function()) if self.cache_job is None else self.cache_job.read()

    def add_another_plot(
        self,
        output_filename: str | Path,
        plot_function: Callable[[Any], Any],
        render_args: Mapping[str, Any] | None = None,
    ) -> AnotherPlotJob:
        """Draw the same table to another file; returns the job that does. Its further prerequisites are its own."""
        job = AnotherPlotJob(output_filename, plot_function, render_args, self)
        if self.cache_job is not None:
            return job.depends_on(self.cache_job)
        self._calculating.append(job)
        return job.depends_on(self._calculated_from)

    def use_cores(self, cores: int) -> Self:
        """Cores of the calculation; returns the job. `cores_needed` is that of the drawing."""
        if self.cache_job is None:
            super().use_cores(cores)
        for job in self._calculating:
            job.use_cores(cores)
        return self

    def _depend(self, other: Job) -> None:
        super()._depend(other)
        if self.cache_job is None:
            self._calculated_from.append(other)
        for job in self._calculating:
            if job is not other:
                job._depend(other)

    def prune(self) -> Self:
        """Leave the plot, its table and their calculation out of the coming run; see `Job.prune`."""
        for job in (self.cache_job, self.table_job):
            if job is not None:
                job.prune()
        return super().prune()

    def unprune(self) -> Self:
        """Take `prune()` back."""
        for job in (self.cache_job, self.table_job):
            if job is not None:
                job.unprune()
        return super().unprune()

    def _write_table(self, path: str) -> None:
        write_table(self.get_data(), self.graph.absolute(checked_id(path)))


class TableWritingJob(FileGeneratingJob):
    """Writes the table of a PlotJob as text, by our own code."""

    def __init__(self, path: str, callback: Callable[[str], None]) -> None:
        super().__init__(path, callback, empty_ok=True)
        self._count(write_table)


class AnotherPlotJob(DrawingJob):
    """Draws the table of a PlotJob once more; see `PlotJob.add_another_plot`."""

    def __init__(
        self,
        output_filename: str | Path,
        plot_function: Callable[[Any], Any],
        render_args: Mapping[str, Any] | None,
        of: PlotJob,
    ) -> None:
        super().__init__(output_filename, plot_function, render_args)
        self.of = of

    def definition(self) -> tuple[Any, ...]:
        """The file, and whose table it shows."""
        return (*super().definition(), self.of.job_id)

    def get_data(self) -> Any:
        """The table of the PlotJob."""
        return self.of.get_data()


class TableCalculatingJob(CalculatingJob):
    """Refuses what is no table, before it is cached."""

    def __init__(self, job_id: str | Path, calculate: Callable[[], Any]) -> None:
        super().__init__(job_id, calculate)
        self._calculate = lambda: checked_table(self, calculate())
