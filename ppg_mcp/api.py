"""The functions that a script calls: make a pipegraph, run it, drop it."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from ppg_protocol.errors import JobContractError, PyPipeGraphError

from . import util
from .cluster.settings import cluster_settings
from .exceptions import RuntimeError, Stopped
from .graph import STATUS_FILENAME, Options, Pipegraph
from .never_run import remind_at_exit
from .option_checks import level_option, path_option
from .resource_coordinators import LocalSystem


def new_pipegraph(
    resource_coordinator: LocalSystem | None = None,
    quiet: bool = False,
    invariant_status_filename: str | Path = STATUS_FILENAME,
    dump_graph: bool = True,
    interactive: bool = True,
    cache_folder: str | Path = "cache",
    log_file: str | Path | None = None,
    log_level: int | str = logging.INFO,
    *,
    adopt: bool = False,
    early_cutoff: bool = False,
    coordinator: str | None = None,
    keys: str | Path | None = None,
) -> Pipegraph:
    """Start a new pipegraph in the current directory: jobs made from now on belong to it.

    Args:
        resource_coordinator: `resource_coordinators.LocalSystem(max_cores_to_use=…)` says how many cores this run may
            use, fewer or more than the machine has.
        quiet: Print nothing.
        invariant_status_filename: The status store.
        dump_graph: Write logs/ppg_graph.txt (where a folder `logs` exists).
        interactive: Show live progress where standard error is a terminal.
        cache_folder: Where compound jobs keep what they calculated.
        log_file: Instead of logs/ppg_run.txt.
        log_level: `logging.DEBUG`, or "DEBUG", also tells why jobs do not run.
        adopt: Take every existing output over as current (after a restore, or a move from another engine).
        early_cutoff: Dependants of a job that was redone with the same content are not redone.
        coordinator: tcp://HOST:PORT of a ppg-coordinator: run on the machines of its cluster. Default: PPG_COORDINATOR;
            without either, on this machine.
        keys: The directory of the user's keys there. Default: PPG_KEYS.

    Raises:
        JobContractError: Arguments of other kinds, or called in the callback of a job.
        PyPipeGraphError: The current directory is gone.
    """
    _refuse_in_jobs()
    if resource_coordinator is not None and not isinstance(resource_coordinator, LocalSystem):
        raise JobContractError(
            f"resource_coordinator must be a resource_coordinators.LocalSystem, not {resource_coordinator!r}."
        )
    directory = _working_directory()
    options = Options(
        quiet=quiet,
        dump_graph=dump_graph,
        interactive=interactive,
        log_file=None if log_file is None else os.path.abspath(path_option("log_file", log_file)),
        log_level=level_option(log_level),
        adopt=adopt,
        early_cutoff=early_cutoff,
        max_cores=resource_coordinator.max_cores_to_use if resource_coordinator else None,
        cluster=cluster_settings(coordinator, keys),
    )
    status_file = directory / path_option("invariant_status_filename", invariant_status_filename)
    graph = Pipegraph(directory, status_file, path_option("cache_folder", cache_folder), options)
    util.global_pipegraph = graph
    remind_at_exit()
    return graph


def _working_directory() -> Path:
    try:
        return Path(os.getcwd())
    except OSError as error:
        raise PyPipeGraphError(
            f"The working directory of this process does not exist any more, or can't be read ({error.strerror}), "
            "so there is no place for a pipegraph. cd to the project's directory and start again."
        ) from error


def _refuse_in_jobs() -> None:
    graph = util.global_pipegraph
    if graph is not None and graph.is_copy_of_a_run:
        raise JobContractError(
            f"new_pipegraph() was called by the callback of a job of the pipegraph in {graph.directory}, which is "
            "running. To make jobs from what was calculated use a JobGeneratingJob; for a pipegraph of its own let the "
            "job start another script, in another directory."
        )


def run_pipegraph(dry_run: bool = False) -> None:
    """Do what needs to be (re-)done, on all cores; return when all jobs are done.

    KeyboardInterrupt passes through after a clean stop. SIGTERM stops as cleanly, then has the effect that it had
    before the run: the end of the process, or the script's own handler. A closed terminal (SIGHUP) stops nothing.
    All this in the main thread only: Python delivers no signals to others, so there Ctrl-C does not stop the run.

    Args:
        dry_run: Print what would run and why, and run nothing.

    Raises:
        RuntimeError: Jobs failed; everything that did not depend on them was done.
        CycleError: Jobs depend on each other in a circle.
        JobContractError: No pipegraph, one that was run before, or two jobs that write the same file.
        CommunicationFailure: The processes of the run lost each other; run again to resume.
    """
    try:
        util.current_graph().run(dry_run=dry_run)
    except Stopped:
        raise KeyboardInterrupt from None
    except PyPipeGraphError as error:
        from .store import StoreInUseError

        if isinstance(error, RuntimeError | StoreInUseError):
            raise error.with_traceback(None) from None  # its text says all there is to say; our own traceback nothing
        raise


def destroy_global_pipegraph() -> None:
    """Forget the current pipegraph; making a job raises until the next `new_pipegraph()`."""
    util.global_pipegraph = None


def forget_job_status(invariant_status_filename: str | Path | None = None) -> None:
    """Remove the status store, so that every job counts as never done; outputs stay. Without a store, do nothing.

    Args:
        invariant_status_filename: The store, as given to `new_pipegraph`; default: that of the current pipegraph, or,
            without one, that of this directory.

    Raises:
        JobContractError: A run holds the store (it is named), or the file is none of ours. Nothing was touched.
    """
    from .store import StatusStoreError, remove_store

    if invariant_status_filename is not None:
        path = Path(os.getcwd(), invariant_status_filename)
    elif util.global_pipegraph is not None:
        path = util.global_pipegraph.status_file
    else:
        path = Path(os.getcwd(), STATUS_FILENAME)
    try:
        remove_store(path)
    except StatusStoreError as error:
        raise JobContractError(f"The job status can't be forgotten: {error}") from error


def cores() -> int:
    """The number of cores that the running job may use; outside a job, the cores of this machine."""
    from ppg_cs.cores import current

    return current()


inside_ppg = util.inside_ppg
new_pipeline = new_pipegraph
run: Any = run_pipegraph
