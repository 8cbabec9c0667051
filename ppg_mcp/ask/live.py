"""What a running master answers. Reads the cores and the store of the run, changes nothing, and is quick: whatever is
listed is bounded."""

from __future__ import annotations

import os
import platform
import pwd
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..dispatcher import Dispatcher
from ..graph import Pipegraph
from ..job import Job
from ..jobs.invariant import Invariant
from ..planner import Planner, Reason, State, Verdict
from ..planner.node import INVARIANT, LOADING
from ..run.explain import Explainer
from ..run.leaving_out import why_left_out
from ..run.memory import memory_of
from ..run.results import Results
from ..run.situation import Running, Situation
from ..store import StatusStore
from .changes import detailed
from .executions import execution_as_data
from .near import candidates

NEVER_RUN = "an input, never run"
MAX_LISTED = 100
MAX_INPUTS = 20


@dataclass(slots=True)
class LiveAnswers:
    """Called with a question, returns the answer."""

    graph: Pipegraph
    store: StatusStore
    planner: Planner
    explainer: Explainer
    dispatcher: Dispatcher
    situation: Situation
    results: Results
    memory_bytes: int
    """Of the machine."""

    def __call__(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a question; what is no question is answered by `error`."""
        match question:
            case {"ask": "status"}:
                return self._status()
            case {"ask": "why" | "history" as what, "jobs": [*names]} if names and all(map(_is_text, names)):
                job = self._find(names)
                if job is None:
                    return {"error": f"This run has no job {names[-1]!r}.", "ids": candidates(names, self.graph.by_id)}
                return self._why(job) if what == "why" else self._history(job)
        return {"error": "The question can't be understood: status, why or history with jobs is expected."}

    def _find(self, names: Sequence[str]) -> Job | None:
        """By id, or by one of its files."""
        for name in names:
            job = self.graph.find(name) or self.graph.writer(name)
            if job is not None:
                return job
        return None

    # --------------------------------------------------------------------------------------------------------- status

    def _status(self) -> dict[str, Any]:
        situation = self.situation
        now = situation.look(time.monotonic())
        running = now.running[:MAX_LISTED]
        memory = memory_of([one.pid for one in running])
        return {
            "live": True,
            "host": platform.node(),
            "pid": os.getpid(),
            "user": _user(),
            "directory": str(self.graph.directory),
            "store": str(self.graph.status_file),
            "machine": {"host": platform.node(), "cores": situation.cores, "memory_bytes": self.memory_bytes},
            "started_at": time.time() - now.elapsed_s,
            "elapsed_s": now.elapsed_s,
            "left_s": now.left_s,
            "jobs": len(self.planner.nodes),
            "total": now.total,
            "done": now.done,
            "running": len(now.running),
            "waiting": now.waiting,
            "failed": now.failed,
            "pruned": len(self.results.pruned),
            "running_jobs": [
                {**_running(one, now.now), "memory_bytes": used} for one, used in zip(running, memory, strict=True)
            ],
            "loading": list(now.loading)[:MAX_LISTED],
            "failed_jobs": [
                {"job": failure.job_id, "error": failure.error.partition("\n")[0]}
                for failure in self.results.failures[:MAX_LISTED]
            ],
        }

    # ------------------------------------------------------------------------------------------------------------ why

    def _why(self, job: Job) -> dict[str, Any]:
        index = job.index
        answer = {"live": True, "job": job.job_id, "type": _type(job), **self._state(job)}
        if isinstance(job, Invariant):
            taken = index < 0 or self.planner.state[index] == State.DONE
            return {**answer, "value": job.parts() if taken else {}}
        if index < 0:
            return answer
        reason = self.planner.reason[index]
        if reason == Reason.NONE or self.planner.state[index] == State.PRUNED:
            return answer
        if self.planner.state[index] in (State.DONE, State.FAILED) and self.planner.verdict[index] == Verdict.RUN:
            return {**answer, **self._as_recorded(job)}
        changes = detailed(self.explainer.changed_inputs(index), _Values(self, job))
        return {**answer, "reason": self.explainer.why(index), "changes": changes}

    def _as_recorded(self, job: Job) -> dict[str, Any]:
        """The reason of an execution that is over: the records that it was compared with are replaced."""
        executions = self.store.executions_of(job.job_id)
        if not executions:
            return {"reason": self.explainer.why(job.index), "changes": []}
        return {"reason": executions[0].reason, "changes": detailed(executions[0].changes, self.store)}

    def _state(self, job: Job) -> dict[str, Any]:
        """`state`: one or a few words; with the facts that belong to it."""
        planner, index = self.planner, job.index
        if index < 0:  # the invariant that a job implies, or a job that has no part in this run
            left_out = job in self.graph.left_out
            return {"state": f"left out, {why_left_out(self.graph, job)}" if left_out else NEVER_RUN}
        state, verdict = planner.state[index], planner.verdict[index]
        if planner.kind[index] == INVARIANT:
            failed = state == State.FAILED
            return {"state": "failed", "error": job.error_reason} if failed else {"state": NEVER_RUN}
        if state == State.FAILED:
            return {"state": "failed", "error": job.error_reason}
        if state == State.PRUNED:
            cause = self.graph.order[planner.pruned_by[index]]
            return {"state": "not run", "because_of": cause.job_id, "error": cause.error_reason}
        if state == State.DONE:
            return {"state": self._done(index)}
        if state == State.STARTED:
            return self._started(index)
        if verdict == Verdict.RUN:
            return {"state": "waits for prerequisites", "waits_for": self._missing(index)}
        if planner.reason[index] == Reason.NOT_NEEDED:
            return {"state": "not needed"}
        return {"state": "not decided yet", "waits_for": self._missing(index)}

    def _done(self, index: int) -> str:
        if self.planner.verdict[index] != Verdict.RUN:
            return "current"
        if self.planner.kind[index] != LOADING:
            return "done in this run"
        resident = any(index in machine.resident for machine in self.dispatcher.machines.values())
        return "loaded" if resident else "loaded when the first job that needs it starts"

    def _started(self, index: int) -> dict[str, Any]:
        for one in self.situation.running.values():
            if one.job == index:
                return {"state": "running", **_running(one, time.monotonic())}
        job = self.graph.order[index]
        needs = {"cores_needed": job.cores_needed, "memory_needed": max(0, job.memory_needed)}
        return {"state": "waits for cores, memory or data", **needs, "running_now": len(self.situation.running)}

    def _missing(self, index: int) -> list[dict[str, str]]:
        """Prerequisites that are not there yet, and how each stands."""
        planner = self.planner
        missing = [p for p in planner.inputs[index] if planner.state[p] != State.DONE or not planner.known[p]]
        return [
            {"job": self.graph.order[p].job_id, "state": str(self._state(self.graph.order[p])["state"])}
            if planner.state[p] != State.WAITING
            else {"job": self.graph.order[p].job_id, "state": "waits"}
            for p in missing[:MAX_INPUTS]
        ]

    # -------------------------------------------------------------------------------------------------------- history

    def _history(self, job: Job) -> dict[str, Any]:
        executions = [execution_as_data(one) for one in self.store.executions_of(job.job_id)]
        return {"live": True, "job": job.job_id, "state": self._state(job)["state"], "executions": executions}


@dataclass(frozen=True, slots=True)
class _Values:
    """Values of now are asked of the invariants themselves: the store may not have them yet."""

    answers: LiveAnswers
    job: Job

    def description(self, fingerprint: bytes) -> Mapping[str, str] | None:
        invariant = self._invariant(fingerprint)
        return invariant.parts() if invariant is not None else self.answers.store.description(fingerprint)

    def source(self, code: bytes) -> str:
        for _, one in self.answers.explainer.inputs_now(self.job.index).values():
            if isinstance(one, Invariant) and one.parts().get("code") == code.hex():
                return one.source()
        return self.answers.store.source(code)

    def _invariant(self, fingerprint: bytes) -> Invariant | None:
        for (strict, _), one in self.answers.explainer.inputs_now(self.job.index).values():
            if strict == fingerprint and isinstance(one, Invariant):
                return one
        return None


def _is_text(name: object) -> bool:
    return isinstance(name, str)


def _running(one: Running, now: float) -> dict[str, Any]:
    passed = now - one.since
    return {
        "job": one.job_id,
        "since": time.time() - passed,
        "seconds": passed,
        "cores": one.cores,
        "pid": one.pid,
    }


def _type(job: Job) -> str:
    return str(getattr(job, "type_name", type(job).__name__))


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
