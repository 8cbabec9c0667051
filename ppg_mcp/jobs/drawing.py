"""What all jobs that draw a plot share: the plot function, the fiddle, and how a plot gets into its file.

A plot is whatever can write itself: `render` (pyggplot), `savefig` (a matplotlib figure), `save` (plotnine, altair).
The suffix of the file decides the format, so one that no plotting library knows is refused when the job is made; one
that this library does not know is refused by the library when it draws.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from ppg_protocol.errors import JobContractError

from ..util import current_graph
from .callback import check_callback
from .files import FileGeneratingJob
from .function import FunctionInvariant
from .parameter import ParameterInvariant
from .tables import described

PIXELS = ("avif", "bmp", "gif", "jpeg", "jpg", "png", "raw", "rgba", "tif", "tiff", "webp")
VECTORS = ("eps", "html", "json", "pdf", "pgf", "ps", "svg", "svgz")
FORMATS = (*PIXELS, *VECTORS)
"""Suffixes that pyggplot, matplotlib, plotnine or altair can write."""
METHODS = ("render", "savefig", "save")


class DrawingJob(FileGeneratingJob):
    """Draws `plot_function(get_data())` to `output_filename`; which data that is, the job types say.

    parameters: what else the plot depends on, beside `render_args`.
    """

    def __init__(
        self,
        output_filename: str | Path,
        plot_function: Callable[[Any], Any],
        render_args: Mapping[str, Any] | None,
        *parameters: Any,
    ) -> None:
        self.output_filename = current_graph().relative(output_filename)
        self.plot_function = plot_function
        self.render_args = dict(render_args or {})
        self.fiddle: Callable[[Any], Any] | None = None
        super().__init__(output_filename, self._draw)
        self._count(plot_function)
        if os.path.splitext(self.output_filename)[1][1:].lower() not in FORMATS:
            raise JobContractError(
                f"{self!r}: the suffix of a plot's file decides its format. Use one of {', '.join(FORMATS)}."
            )
        check_callback(self, plot_function, 1, "plot functions get the table")
        given = (self.render_args, *parameters)
        self.connect(ParameterInvariant(self.output_filename + "_render_args", given))

    def get_data(self) -> Any:
        """The table. Inside a job only if that depends on the same prerequisites."""
        raise AssertionError(f"{type(self).__name__}.get_data")

    def add_fiddle(self, fiddle_function: Callable[[Any], Any] | None) -> Self:
        """Have `fiddle_function(plot)` called right before the plot is drawn; None: nothing.

        It changes the plot, or returns another one of the same class. Returns the job.
        """
        if fiddle_function is not None:
            self.graph.check_open(self.job_id)
            check_callback(self, fiddle_function, 1, "fiddles get the plot")
            self._depend_to_draw(FunctionInvariant(self.output_filename + "_fiddle", fiddle_function))
            self.fiddle = fiddle_function
        return self

    def _depend_to_draw(self, other: Any) -> None:
        """A prerequisite of the drawing alone."""
        FileGeneratingJob._depend(self, other)

    def _draw(self) -> None:
        plot = self._faceted(checked_plot(self, self.plot_function(self.get_data())))
        if self.fiddle is not None:
            plot = changed(plot, self.fiddle(plot))
        draw(plot, self.graph.absolute(self.paths[0]), self.render_args)

    def _faceted(self, plot: Any) -> Any:
        return plot


def checked_plot(job: object, plot: Any) -> Any:
    """`plot`, if it can be drawn; raises JobContractError otherwise."""
    if isinstance(plot, type) or not any(callable(getattr(plot, name, None)) for name in METHODS):
        raise JobContractError(
            f"{job!r}: plot_function must return something with render(), save() or savefig(), but a "
            f"{described(plot)} came."
        )
    return plot


def changed(plot: Any, returned: Any) -> Any:
    """The plot after a call that may change it, or return another one: of the same class, or it is no plot."""
    return returned if isinstance(returned, type(plot)) else plot


def draw(plot: Any, path: str, render_args: Mapping[str, Any]) -> None:
    """Have the plot write itself. Its own `width`, `height` and `render_args` are defaults of render()."""
    method = next(name for name in METHODS if callable(getattr(plot, name, None)))
    defaults: dict[str, Any] = {}
    if method == "render":
        size = {name: getattr(plot, name, None) for name in ("width", "height")}
        defaults = {name: value for name, value in size.items() if value is not None}
        defaults.update(getattr(plot, "render_args", None) or {})
    getattr(plot, method)(path, **{**defaults, **render_args})
