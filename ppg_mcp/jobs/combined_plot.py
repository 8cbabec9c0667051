"""CombinedPlotJob: the tables of several PlotJobs in one plot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ppg_protocol.errors import JobContractError

from .cached import CalculatingJob
from .drawing import DrawingJob, changed
from .plot import PlotJob
from .tables import concatenated, described


class CombinedPlotJob(DrawingJob):
    """Draws the rows of all tables of `plot_jobs`, one after the other, with the plot function of the first.

    Args:
        output_filename: The plot. Its suffix decides the format.
        plot_jobs: PlotJobs that cache their tables; at least one.
        facet_arguments: For the plot's `facet_wrap`: a list of positional ones or a dict of keyword ones; empty: no
            facets.
        render_args: As for PlotJob.
        fiddle: See `add_fiddle`.

    Raises:
        JobContractError: No list of PlotJobs, one of them without a cache, or as for PlotJob.
    """

    def __init__(
        self,
        output_filename: str | Path,
        plot_jobs: Iterable[PlotJob],
        facet_arguments: list[Any] | dict[str, Any],
        render_args: Mapping[str, Any] | None = None,
        fiddle: Callable[[Any], Any] | None = None,
    ) -> None:
        plots = _checked_plots(output_filename, plot_jobs)
        if not isinstance(facet_arguments, (list, dict)):
            raise JobContractError(
                f"CombinedPlotJob({output_filename!r}): facet_arguments must be a list or a dict of arguments for "
                f"facet_wrap, [] for none, not {facet_arguments!r} ({described(facet_arguments)})."
            )
        names = [plot.job_id for plot in plots]
        facets = facet_arguments.copy()
        super().__init__(output_filename, plots[0].plot_function, render_args, names, facets)
        self.plot_jobs = plots
        self.facet_arguments = facets
        self._caches = [_cache(self, plot) for plot in plots]
        self.depends_on(self._caches)
        self.add_fiddle(fiddle)

    def get_data(self) -> Any:
        """All tables as one."""
        return concatenated(self, [cache.read() for cache in self._caches])

    def _faceted(self, plot: Any) -> Any:
        if not self.facet_arguments:
            return plot
        if not hasattr(plot, "facet_wrap"):
            raise JobContractError(
                f"{self!r}: facets are asked for, but a {described(plot)} has no facet_wrap(). Give [] as "
                "facet_arguments, and add the facets in the plot function or in fiddle."
            )
        if isinstance(self.facet_arguments, dict):
            return changed(plot, plot.facet_wrap(**self.facet_arguments))
        return changed(plot, plot.facet_wrap(*self.facet_arguments))


def _checked_plots(output_filename: str | Path, plot_jobs: Iterable[PlotJob]) -> list[PlotJob]:
    name = f"CombinedPlotJob({output_filename!r})"
    if not isinstance(plot_jobs, Iterable) or isinstance(plot_jobs, (str, bytes, set, frozenset)):
        raise JobContractError(f"{name} takes a list of PlotJobs, not {plot_jobs!r} ({described(plot_jobs)}).")
    plots = list(plot_jobs)
    if not plots:
        raise JobContractError(f"{name} needs at least one PlotJob.")
    for plot in plots:
        if not isinstance(plot, PlotJob):
            raise JobContractError(f"{name} combines PlotJobs, not {plot!r} ({described(plot)}).")
    return plots


def _cache(job: CombinedPlotJob, plot: PlotJob) -> CalculatingJob:
    if plot.cache_job is None:
        raise JobContractError(f"{job!r} combines cached tables, but {plot!r} was made with skip_caching.")
    return plot.cache_job
