"""`python -m pypipegraph`: how a run goes, why a job runs, what it did before. Reads only, and disturbs nothing."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ppg_protocol.errors import PyPipeGraphError

from ..store.copy import read_copy
from . import client, offline, texts
from .finding import Project, find_project, is_here
from .near import near

EPILOG = "Exit codes: 0 answered, 1 no answer (the reason is on standard error), 2 wrong usage."
DIR_HELP = "the project's directory, or one below it (default: here)"
JOB_COMMANDS = (
    (
        "why",
        "why a job runs, waits, or does not",
        "How a job stands and why: what changed from what to what, what it waits for, what failed. Without a run: the "
        "same of its last execution.",
    ),
    (
        "history",
        "the last executions of a job",
        "The last ten executions of a job: when, how long, with what outcome, and why.",
    ),
)
_TEXTS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "status": texts.status,
    "why": texts.why,
    "history": texts.history,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    wanted = _parser().parse_args(arguments)
    try:
        project = find_project(wanted.dir, wanted.store)
        answer, notes = _answer(project, _question(project, wanted))
    except PyPipeGraphError as error:
        return _say_no(str(error), wanted.json)
    if not wanted.json:
        _print("".join(f"{note}\n" for note in notes), sys.stderr)
    if "job" not in answer and "error" in answer:
        return _say_no(answer["error"], wanted.json, near([wanted.job], answer.get("ids", [])))
    text = json.dumps({**answer, "notes": notes}, indent=2) if wanted.json else _TEXTS[wanted.ask](answer)
    _print(f"{text}\n", sys.stdout)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m pypipegraph", description=__doc__, epilog=EPILOG)
    commands = parser.add_subparsers(dest="ask", required=True, metavar="status|why|history")
    status = commands.add_parser(
        "status",
        help="how the run stands, or what the last one left",
        description="How the run that goes on in a project stands: counts, running jobs, time left. Without a run: "
        "when it ran last, how many jobs are done, what failed.",
        epilog=EPILOG,
    )
    status.add_argument("dir", nargs="?", default=".", metavar="DIR", help=DIR_HELP)
    for name, help_text, description in JOB_COMMANDS:
        command = commands.add_parser(name, help=help_text, description=description, epilog=EPILOG)
        command.add_argument("job", metavar="JOB", help="one of its files, as a path from here, or its id")
        command.add_argument("--dir", default=".", metavar="DIR", help=DIR_HELP)
    for command in commands.choices.values():
        command.add_argument("--store", metavar="NAME", help="the status store in DIR, if it has not the default name")
        command.add_argument("--json", action="store_true", help="print the answer as JSON")
    return parser


def _question(project: Project, wanted: argparse.Namespace) -> dict[str, Any]:
    if wanted.ask == "status":
        return {"ask": "status"}
    return {"ask": wanted.ask, "jobs": project.names_of(wanted.job, os.getcwd())}


def _answer(project: Project, question: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """From the run, or else from the store, with notes on what else is to be known. Raises PyPipeGraphError."""
    notes: list[str] = []
    try:
        answer = client.ask(project, question)
        if answer is not None:
            return answer, notes
    except client.AnothersRun as error:
        notes.append(str(error))
    holder = project.holder()
    if holder is not None and not is_here(holder):
        notes.append(
            f"A run on {holder.host} (process {holder.pid}) holds this store, or did not close it. To ask it, log in "
            f"to {holder.host} and give the same command there. What follows is what was committed so far."
        )
    with read_copy(project.store) as store:
        return offline.answer(project, store, question), notes


def _say_no(error: str, as_json: bool, names: Sequence[str] = ()) -> int:
    if as_json:
        _print(json.dumps({"error": error, "near": list(names)}, indent=2) + "\n", sys.stdout)
    meant = "".join(f"\n  {name}" for name in names)
    _print(error + (f"\nDid you mean one of these?{meant}" if names else "") + "\n", sys.stderr)
    return 1


def _print(text: str, stream: Any) -> None:
    """Whatever can't be encoded is escaped; a reader that has left (`| head`) is no error."""
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # or the flush at exit would complain
