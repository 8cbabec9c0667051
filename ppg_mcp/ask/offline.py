"""The answers without a run, from a copy of the status store: what the last run left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..run.last_run import last_run
from ..store import Execution
from ..store.copy import StoreCopy
from .changes import detailed
from .executions import execution_as_data
from .finding import Project
from .near import candidates

MAX_LISTED = 100


def answer(project: Project, store: StoreCopy, question: Mapping[str, Any]) -> dict[str, Any]:
    """The same questions as a run answers. Raises StatusStoreError."""
    if question["ask"] == "status":
        return _status(project, store)
    ids = store.ids()
    names: Sequence[str] = question["jobs"]
    job_id = _find(names, ids) or next((name for name in names if store.executions_of(name)), None)
    if job_id is None:
        error = f"The status store {project.store} knows no job {names[-1]!r}: none of that name was ever started."
        return {"error": error + _not_run(store), "ids": candidates(names, ids)}
    executions = store.executions_of(job_id)
    about = {"live": False, "job": job_id, "state": _state(store, job_id, executions)}
    if question["ask"] == "history":
        return {**about, "executions": [execution_as_data(one) for one in executions]}
    if not executions:
        return about
    last = executions[0]
    changes = detailed(last.changes, store)
    return {**about, "last": execution_as_data(last), "reason": last.reason, "changes": changes}


def _status(project: Project, store: StoreCopy) -> dict[str, Any]:
    records, tombstones = store.counts()
    failed = store.failed_in_last_run()
    return {
        "live": False,
        "directory": str(project.directory),
        "store": str(project.store),
        "last_run": last_run(store),
        "records": records,
        "tombstones": tombstones,
        "failed": len(failed),
        "failed_jobs": [{"job": job_id, "error": error} for job_id, error in failed[:MAX_LISTED]],
    }


def _not_run(store: StoreCopy) -> str:
    run = last_run(store)
    if not run or not run.get("pruned"):
        return ""
    return (
        f" {run['pruned']} jobs of the last run were not run, because what they depend on failed; `status` lists that."
    )


def _find(names: Sequence[str], ids: Sequence[str]) -> str | None:
    """By id, or by one of several files, whose paths are joined to the id of their job."""
    known = set(ids)
    for name in names:
        if name in known:
            return name
    for name in names:
        for job_id in ids:
            if ":" in job_id and name in job_id.split(":"):
                return job_id
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
