"""Answers as people read them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from ..run.printable import duration, printable, size

Data = Mapping[str, Any]
MAX_SHOWN = 20
_WHAT = {"new": "is new", "gone": "is gone", "changed": "changed"}


def status(answer: Data) -> str:
    """How the run stands, or what the last one left."""
    return "\n".join(_live_status(answer) if answer["live"] else _last_status(answer))


def why(answer: Data) -> str:
    """How a job stands, and why."""
    kind = f"{answer['type']} " if "type" in answer else ""
    lines = [f"{kind}{printable(answer['job'])}: {_state(answer)}"]
    if answer.get("error"):
        lines.append(f"  error: {printable(answer['error'])}")
    if "last" in answer:
        lines.append(f"  No run goes on; its last execution: {_execution(answer['last'])}")
    lines += [f"  waits for {printable(one['job'])} ({one['state']})" for one in answer.get("waits_for", ())]
    lines += [f"  {printable(name)} = {printable(value)}" for name, value in answer.get("value", {}).items()]
    if any(change["parts"] or change["what"] != "changed" for change in answer.get("changes", ())):
        lines.append("  because its inputs changed:")
        lines += [line for change in answer["changes"] for line in _change(change)]
    elif answer.get("reason"):
        lines.append(f"  because {printable(answer['reason'])}")
    return "\n".join(lines)


def history(answer: Data) -> str:
    """Two lines per execution, the last one first."""
    lines = [f"{printable(answer['job'])}: {_state(answer)}"]
    for one in answer["executions"]:
        lines += [f"  {_execution(one)}", f"    because {printable(one['reason'])}"]
    if not answer["executions"]:
        lines.append("  no execution is remembered")
    return "\n".join(lines)


# ------------------------------------------------------------------------------------------------------------- status


def _live_status(answer: Data) -> Iterator[str]:
    machine = answer["machine"]
    yield f"A run goes on since {_when(answer['started_at'])} ({duration(answer['elapsed_s'])})."
    yield f"  process {answer['pid']} of {answer['user']} on {answer['host']}, in {printable(answer['directory'])}"
    yield f"  machine: {machine['host']}, {machine['cores']} cores, {size(machine['memory_bytes'])}"
    yield f"  store: {printable(answer['store'])}"
    failed = f", {answer['failed']} failed" if answer["failed"] else ""
    pruned = f", {answer['pruned']} not run because of that" if answer["pruned"] else ""
    counts = f"{answer['running']} running, {answer['waiting']} waiting{failed}{pruned}"
    yield f"  {answer['done']}/{answer['total']} done, {counts}"
    left_s = answer["left_s"]
    yield f"  time left: {f'about {duration(left_s)}' if left_s is not None else 'not known yet'}"
    yield from (f"  {printable(job_id)} is loaded" for job_id in answer["loading"])
    if answer["running_jobs"]:
        yield "Running, longest first:"
        yield from _bounded([f"  {_running(one)}" for one in answer["running_jobs"]], answer["running"])
    yield from _failed(answer)


def _last_status(answer: Data) -> Iterator[str]:
    yield f"No run goes on in {printable(answer['directory'])}."
    yield f"  store: {printable(answer['store'])}"
    yield f"  last run: {_last_run(answer['last_run'])}"
    tombstones = answer["tombstones"]
    left = f", {_jobs(tombstones)} started that did not end well" if tombstones else ""
    yield f"  on record: {_jobs(answer['records'])} done{left}"
    yield from _failed(answer)
    if answer["not_run_jobs"]:
        yield "Not run because of that:"
        yield from _bounded([_not_run(**one) for one in answer["not_run_jobs"]], answer["last_run"]["pruned"])
    if answer["left_out_jobs"]:
        yield "Left out:"
        yield from _bounded([_left_out(**one) for one in answer["left_out_jobs"]], answer["last_run"]["left_out"])


def _not_run(job: str, because_of: str) -> str:
    return f"  {printable(job)}, because {printable(because_of)} failed"


def _left_out(job: str, because_of: str) -> str:
    return f"  {printable(job)}, because {'it' if because_of == job else printable(because_of)} was pruned"


def _jobs(count: int) -> str:
    return f"{count} job{'s' if count != 1 else ''}"


def _last_run(run: Data | None) -> str:
    if run is None:
        return "not known"
    where = f"process {run['pid']} on {run['host']}"
    if run["ended_at"] is None:
        return f"began {_when(run['started_at'])} ({where}) and did not end: it was killed, or its machine went down"
    how = "was interrupted" if run["interrupted"] else "ended"
    counts = f"{run['done']} done, {run['failed']} failed, {run['pruned']} not run because of that"
    counts += f", {run['left_out']} left out" if run.get("left_out") else ""
    return f"began {_when(run['started_at'])}, {how} {_when(run['ended_at'])} ({where}): {counts}"


def _failed(answer: Data) -> Iterator[str]:
    if answer["failed_jobs"]:
        yield "Failed:"
        lines = [f"  {printable(one['job'])}: {printable(one['error'])}" for one in answer["failed_jobs"]]
        yield from _bounded(lines, answer["failed"])


def _bounded(lines: list[str], count: int) -> list[str]:
    shown = lines[:MAX_SHOWN]
    return shown + ([f"  and {count - len(shown)} more"] if count > len(shown) else [])


def _running(one: Data) -> str:
    memory = f", {size(one['memory_bytes'])}" if one["memory_bytes"] is not None else ""
    since = f"since {_when(one['since'])} ({duration(one['seconds'])})"
    return f"{printable(one['job'])}: {since}, {_cores(one['cores'])}{memory}, pid {one['pid']}"


# ---------------------------------------------------------------------------------------------------------------- why


def _state(answer: Data) -> str:
    state = str(answer["state"])
    if "since" in answer:
        since = f"{_when(answer['since'])} ({duration(answer['seconds'])})"
        return f"running since {since}, on {_cores(answer['cores'])}, pid {answer['pid']}"
    if "because_of" in answer:
        return f"not run, because {printable(answer['because_of'])}, on which it depends, failed"
    if "running_now" in answer:
        needs = f"needs {_cores(answer['cores_needed'])}" if answer["cores_needed"] > 0 else "needs the whole machine"
        memory = f" and {size(answer['memory_needed'])}" if answer["memory_needed"] else ""
        return f"{state}; {needs}{memory}; {_jobs(answer['running_now'])} running now"
    return state


def _change(change: Data) -> Iterator[str]:
    yield f"  {printable(change['input'])} {_WHAT[change['what']]}"
    for part in change["parts"]:
        name = {"code": "its code", "value": "its value"}.get(part["name"], printable(part["name"]))
        if "diff" in part:
            yield f"    {name}:"
            yield from (f"      {printable(line)}" for line in part["diff"])
        elif "unknown" in part:
            yield f"    {name}: {part['unknown']}"
        else:
            yield f"    {name}: {_value(part['then'])} -> {_value(part['now'])}"


def _value(text: str | None) -> str:
    return "nothing" if text is None else printable(text)


# ------------------------------------------------------------------------------------------------------------- shared


def _execution(one: Data) -> str:
    took = f"{one['runtime_s']:.2f} s" if one["runtime_s"] < 60 else duration(one["runtime_s"])
    memory = f"{size(one['peak_rss_bytes'])}, " if one["peak_rss_bytes"] else ""
    facts = f"{took}, {memory}{_cores(one['cores'])}, {one['host']}"
    return f"{_when(one['ended_at'])}: {printable(one['outcome'])} ({facts})"


def _cores(count: int) -> str:
    return f"{count} core{'s' if count != 1 else ''}"


def _when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
