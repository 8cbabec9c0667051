"""The answers without a run, from a copy of the status store: what the last run left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from ..run.last_run import NAMING, last_run
from ..store import Execution
from ..store.copy import StoreCopy
from .changes import detailed
from .executions import execution_as_data
from .finding import Project
from .near import candidates

MAX_LISTED = 100


def answer(project: Project, store: StoreCopy, question: Mapping[str, Any]) -> dict[str, Any]:
    """The same questions as a run answers. Raises StatusStoreError."""
    run = last_run(store)
    if question["ask"] == "status":
        return _status(project, store, run)
    ids = [*store.ids(), *(job_id for what in NAMING for job_id in _named(run, what))]
    names: Sequence[str] = question["jobs"]
    job_id = _find(names, ids, store) or next((name for name in names if store.executions_of(name)), None)
    if job_id is None:
        error = f"The status store {project.store} knows no job {names[-1]!r}: none of that name was ever started."
        return {"error": error + _not_run(run), "ids": candidates(names, ids)}
    executions = store.executions_of(job_id)
    state = _in_last_run(job_id, run, store) or {"state": _state(store, job_id, executions)}
    about = {"live": False, "job": job_id, **state}
    if question["ask"] == "history":
        return {**about, "executions": [execution_as_data(one) for one in executions]}
    if not executions:
        return about
    last = executions[0]
    changes = detailed(last.changes, store)
    return {**about, "last": execution_as_data(last), "reason": last.reason, "changes": changes}


def _status(project: Project, store: StoreCopy, run: Mapping[str, Any] | None) -> dict[str, Any]:
    records, tombstones = store.counts()
    failed = [*_named(run, "failed_inputs").items(), *store.failed_in_last_run()]
    return {
        "live": False,
        "directory": str(project.directory),
        "store": str(project.store),
        "last_run": run and {fact: value for fact, value in run.items() if fact not in NAMING},
        "records": records,
        "tombstones": tombstones,
        "failed": len(failed),
        "failed_jobs": [{"job": job_id, "error": error} for job_id, error in failed[:MAX_LISTED]],
        "not_run_jobs": _listed(_named(run, "pruned_jobs")),
        "left_out_jobs": _listed(_named(run, "left_out_jobs")),
    }


def _named(run: Mapping[str, Any] | None, what: str) -> Mapping[str, str]:
    """One of `NAMING`; empty where the run did not end, or was one of an earlier version."""
    named: Mapping[str, str] = run.get(what, {}) if run else {}
    return named


def _listed(named: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"job": job_id, "because_of": cause} for job_id, cause in islice(named.items(), MAX_LISTED)]


def _in_last_run(job_id: str, run: Mapping[str, Any] | None, store: StoreCopy) -> dict[str, Any]:
    """How a job stands that the last run did not come to; empty for all others."""
    failed_inputs = _named(run, "failed_inputs")
    if job_id in failed_inputs:
        return {"state": "failed", "error": failed_inputs[job_id]}
    culprit = _named(run, "left_out_jobs").get(job_id)
    if culprit is not None:
        return {"state": f"left out, {'it' if culprit == job_id else repr(culprit)} was pruned"}
    cause = _named(run, "pruned_jobs").get(job_id)
    if cause is None:
        return {}
    error = failed_inputs.get(cause) or next((one.error for one in store.executions_of(cause)), "")
    return {"state": "not run", "because_of": cause, "error": error}


def _not_run(run: Mapping[str, Any] | None) -> str:
    count = run.get("pruned") if run else 0
    if not count:
        return ""
    jobs = "1 job of the last run was" if count == 1 else f"{count} jobs of the last run were"
    return f" {jobs} not run, because of what failed; `status` has the list."


def _find(names: Sequence[str], ids: Sequence[str], store: StoreCopy) -> str | None:
    """By id, or by one of several files: their paths are joined to the id of their job, or the store knows of them."""
    known = set(ids)
    for name in names:
        if name in known:
            return name
    for name in names:
        for job_id in ids:
            if ":" in job_id and name in job_id.split(":"):
                return job_id
        writer = store.writer_of(name)
        if writer in known:
            return writer
    return None


def _state(store: StoreCopy, job_id: str, executions: Sequence[Execution]) -> str:
    has_record = store.has_record(job_id)
    if has_record:
        return "done: its files were there and were taken over" if store.was_adopted(job_id) else "done"
    if executions and executions[0].error:
        return "failed"
    if has_record is None:
        return "done" if executions else "never run"
    return "started, and did not end"
