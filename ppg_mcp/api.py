"""The functions that a script calls: make a pipegraph, run it, drop it."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from ppg_protocol.errors import JobContractError, PyPipeGraphError

from . import util
from .graph import STATUS_FILENAME, Options, Pipegraph
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
) -> Pipegraph:
    """Start a new pipegraph in the current directory: jobs made from now on belong to it.

    resource_coordinator: `resource_coordinators.LocalSystem(max_cores_to_use=…)` says how many cores this run may use,
        fewer or more than the machine has.
    quiet: print nothing. interactive: show live progress where standard error is a terminal.
    invariant_status_filename: the status store. dump_graph: write logs/ppg_graph.txt (where a folder `logs` exists).
    cache_folder: where compound jobs keep what they calculated.
    log_file: instead of logs/ppg_run.txt. log_level: logging.DEBUG also tells why jobs do not run.
    adopt: take every existing output over as current (after a restore, or a move from another engine).
    early_cutoff: dependants of a job that was redone with the same content are not redone.

    Raises JobContractError for arguments of other kinds, PyPipeGraphError where the current directory is gone.
    """
    if resource_coordinator is not None and not isinstance(resource_coordinator, LocalSystem):
        raise JobContractError(
            f"resource_coordinator must be a resource_coordinators.LocalSystem, not {resource_coordinator!r}."
        )
    if isinstance(log_level, str):
        levels = logging.getLevelNamesMapping()
        if log_level.upper() not in levels:
            raise JobContractError(f"log_level must be one of {', '.join(levels)} or a number, not {log_level!r}.")
        log_level = levels[log_level.upper()]
    directory = _working_directory()
    options = Options(
        quiet=quiet,
        dump_graph=dump_graph,
        interactive=interactive,
        log_file=None if log_file is None else os.path.abspath(log_file),
        log_level=log_level,
        adopt=adopt,
        early_cutoff=early_cutoff,
        max_cores=resource_coordinator.max_cores_to_use if resource_coordinator else None,
    )
    graph = Pipegraph(directory, directory / invariant_status_filename, str(cache_folder), options)
    util.global_pipegraph = graph
    return graph


def _working_directory() -> Path:
    try:
        return Path(os.getcwd())
    except OSError as error:
        raise PyPipeGraphError(
            f"The working directory of this process does not exist any more, or can't be read ({error.strerror}), "
            "so there is no place for a pipegraph. cd to the project's directory and start again."
        ) from error


def run_pipegraph(dry_run: bool = False) -> None:
    """Do what needs to be (re-)done, on all cores; return when all jobs are done.

    dry_run: print what would run and why, and run nothing.

    Raises RuntimeError when jobs failed (everything that did not depend on them was done), CycleError,
    JobContractError, and CommunicationFailure when the processes of the run lost each other (run again to resume).
    KeyboardInterrupt passes through after a clean stop. SIGTERM stops as cleanly, then has the effect that it had
    before the run: the end of the process, or the script's own handler. A closed terminal (SIGHUP) stops nothing.
    All this in the main thread only: Python delivers no signals to others, so there Ctrl-C does not stop the run.
    """
    util.current_graph().run(dry_run=dry_run)


def destroy_global_pipegraph() -> None:
    """Forget the current pipegraph; making a job raises until the next `new_pipegraph()`."""
    util.global_pipegraph = None


def forget_job_status(invariant_status_filename: str | Path | None = None) -> None:
    """Remove the status store, so that every job counts as never done; outputs stay. Without a store, do nothing.

    invariant_status_filename: the store, as given to `new_pipegraph`; default: that of the current pipegraph, or,
        without one, that of this directory.

    Raises JobContractError, and touches nothing, if a run holds the store (it is named) or the file is none of ours.
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
