"""`run()`: from a built graph to its end. Everything that is opened here is closed here, whatever happens."""

from __future__ import annotations

import time

from ppg_cs.session_directory import runtime_root
from ppg_cs.survivors import sweep

from ..graph import Phase, Pipegraph
from ..job import UNSEEN
from ..prerequisites import ask_late
from ..store import StatusStore
from .context import RunContext
from .dry import print_plan
from .hangup import Hangups
from .interrupt import Interrupts
from .leaving_out import taking_part, why_left_out
from .log import RunLog, log_path
from .loop import RunLoop
from .moved_inputs import report_moved_inputs
from .order import topological
from .progress import Progress
from .results import Results


def run(graph: Pipegraph, dry_run: bool = False) -> None:
    """See `ppg_mcp.api.run_pipegraph`."""
    graph.check_runnable()
    ask_late(graph)
    graph.check_places()
    graph.order = topological(taking_part(graph))
    graph.phase = Phase.RUNNING
    log = RunLog(graph, to_file=not dry_run)
    try:
        with Hangups(log):
            for job in graph.left_out:
                log.info(f"not run: {job!r}, because {why_left_out(graph, job)}")
            if dry_run:
                _only_plan(graph, log)
            else:
                _run_ordered(graph, log)
    finally:
        log.close()
        graph.phase = Phase.OVER
        if dry_run:
            _rewind(graph)


def _only_plan(graph: Pipegraph, log: RunLog) -> None:
    """Survey and plan, and perform nothing of it."""
    store = StatusStore.open(graph.status_file)
    try:
        progress = Progress(quiet=True, interactive=False, started_s=0.0)
        run = RunContext(graph, store, log, progress, Results(graph, log), started_s=0.0, performing=False)
        run.plan()
        print_plan(run, graph)
    finally:
        store.close(clean=False)


def _rewind(graph: Pipegraph) -> None:
    """After a dry run the graph is as it was, and may be run."""
    for job in graph.order:
        job.index = UNSEEN
    graph.order = []
    graph.left_out = {}
    graph.phase = Phase.BUILDING


def _run_ordered(graph: Pipegraph, log: RunLog) -> None:
    started = time.monotonic()
    _dump_graph(graph, log)
    for killed in sweep(runtime_root(str(graph.directory))):
        log.warning(f"killed what an earlier run had left behind: {killed}")
    progress = Progress(graph.options.quiet, graph.options.interactive, started)
    log.say = progress.note
    results = Results(graph, log)
    interrupts = Interrupts()
    store = StatusStore.open(graph.status_file)
    clean = False
    try:
        log.warnings(store.warnings)
        loop = RunLoop(graph, store, log, progress, results, interrupts, started)
        loop.survey()  # Ctrl-C ends it at once: nothing runs yet
        with interrupts:
            try:
                loop.execute()
            finally:
                loop.close()
                progress.close()
        clean = interrupts.received is None
        if clean:
            report_moved_inputs(loop.context)  # Ctrl-C ends it at once: nothing runs any more
    finally:
        store.close(clean=clean and not loop.context.sync.has_failed)
        log.warnings(store.warnings)
    if not clean:
        progress.note(f"pypipegraph: {loop.interrupted(time.monotonic() - started)}")
    interrupts.raise_received()
    _report(loop, results, log, progress, time.monotonic() - started)
    results.raise_failures()


def _report(loop: RunLoop, results: Results, log: RunLog, progress: Progress, duration_s: float) -> None:
    text = loop.summary(duration_s)
    log.info(text)
    progress.note(f"pypipegraph: {text}")


def _dump_graph(graph: Pipegraph, log: RunLog) -> None:
    """logs/ppg_graph.txt: which job depends on which."""
    path = log_path(graph, "ppg_graph.txt") if graph.options.dump_graph else None
    if path is None:
        return
    try:
        with open(path, "w", encoding="utf-8", errors="backslashreplace") as file:
            for job in graph.order:
                file.write(f"{job!r}\n")
                code = job.shown_code()
                prerequisites = {*job.edges, code} if code is not None else job.edges
                file.writelines(f"    depends on {p!r}\n" for p in sorted(prerequisites, key=lambda p: p.job_id))
    except OSError as error:
        log.warning(f"Can't write {path}: {error.strerror}.")
