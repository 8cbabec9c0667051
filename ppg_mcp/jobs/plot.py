"""PlotJob: calculate a table once, fiddle with the plot of it as often as you like."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from ppg_protocol.errors import JobContractError

from ..job import checked_id
from ..util import current_graph
from .cached import CalculatingJob
from .callback import check_callback
from .files import FileGeneratingJob
from .parameter import ParameterInvariant


class PlotJob(FileGeneratingJob):
    """Draws `plot_function(table)` into a file, where `table` is what `calc_function()` returned, cached.

    output_filename: its suffix decides the format. calc_function: returns a DataFrame (pandas, polars, or anything
    with `to_csv`, `write_csv` or `columns_ordered`), or a dict of these. plot_function: returns something that can be
    drawn to a file: with `render` (pyggplot), `save` (plotnine, altair) or `savefig` (a matplotlib figure).
    render_args: keyword arguments for that. skip_table: do not write the table to output_filename + ".tsv".
    skip_caching: calculate in the plotting job, every time it runs.

    Both functions have their own FunctionInvariant. `cache_job` and `table_job` are the other jobs, None if skipped.
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
        graph = current_graph()
        path = graph.relative(output_filename)
        self._calc_function = calc_function
        self._plot_function = plot_function
        self._render_args = dict(render_args or {})
        super().__init__(output_filename, self._draw, _code=plot_function)
        check_callback(self, calc_function, 0, "calculating functions get none")
        check_callback(self, plot_function, 1, "plot functions get the table")
        self.cache_job: CalculatingJob | None = None
        self.table_job: FileGeneratingJob | None = None
        if render_args:
            self.depends_on(ParameterInvariant(path + "_render_args", self._render_args))
        if skip_caching:
            self.depends_on_func("calc_function", calc_function)
        else:
            self.cache_job = TableCalculatingJob(os.path.join(graph.cache_folder, path.lstrip("/")), calc_function)
            self.depends_on(self.cache_job)
            if not skip_table:
                self.table_job = FileGeneratingJob(path + ".tsv", self._write_table, empty_ok=True, _code=write_table)
                self.table_job.depends_on(self.cache_job).ignore_code_changes()

    def depends_on(self, *others: Any) -> PlotJob:
        """Prerequisites of the plot and of the calculation."""
        super().depends_on(*others)
        cache_job = getattr(self, "cache_job", None)
        if cache_job is not None:
            cache_job.depends_on(*(other for other in others if other is not cache_job))
        return self

    def _table(self) -> Any:
        return checked_table(self, self._calc_function()) if self.cache_job is None else self.cache_job.read()

    def _draw(self) -> None:
        draw(self, self._plot_function(self._table()), self.graph.absolute(self.paths[0]), self._render_args)

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
        write_table(self._table(), self.graph.absolute(checked_id(path)))


class TableCalculatingJob(CalculatingJob):
    """Refuses what is no table, before it is cached."""

    def __init__(self, job_id: str | Path, calculate: Callable[[], Any]) -> None:
        super().__init__(job_id, calculate)
        self._calculate = lambda: checked_table(self, calculate())


def checked_table(job: object, value: Any) -> Any:
    """`value`, if it is a table or a dict of tables; raises JobContractError otherwise."""
    tables = list(value.values()) if isinstance(value, dict) else [value]
    for table in tables:
        if not any(hasattr(table, name) for name in ("to_csv", "write_csv", "columns_ordered")):
            raise JobContractError(
                f"{job!r}: calc_function must return a DataFrame or a dict of DataFrames, but a "
                f"{type(table).__module__}.{type(table).__qualname__} came."
            )
    return value


def draw(job: object, plot: Any, path: str, render_args: Mapping[str, Any]) -> None:
    """Have the plot write itself; raises JobContractError for what can't."""
    for name in ("render", "savefig", "save"):
        method = getattr(plot, name, None)
        if callable(method):
            method(path, **render_args)
            return
    raise JobContractError(
        f"{job!r}: plot_function must return something with render(), save() or savefig(), but a "
        f"{type(plot).__module__}.{type(plot).__qualname__} came."
    )


def write_table(table: Any, path: str) -> None:
    """Tab-separated text; the tables of a dict follow each other, each under its name."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        for name, part in table.items() if isinstance(table, dict) else ((None, table),):
            if name is not None:
                file.write(f"#{name}\n")
            if hasattr(part, "to_csv"):
                part.to_csv(file, sep="\t", index=False)
            elif hasattr(part, "write_csv"):
                file.write(part.write_csv(separator="\t"))
            else:
                _write_columns(part, file)


def _write_columns(table: Any, file: Any) -> None:
    """A pydataframe: `columns_ordered` names the columns, `get_column(name)` gives one."""
    columns = list(table.columns_ordered)
    file.write("\t".join(columns) + "\n")
    for row in zip(*(table.get_column(column) for column in columns), strict=True):
        file.write("\t".join(map(str, row)) + "\n")
