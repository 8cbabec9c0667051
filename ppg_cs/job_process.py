"""A job process: forked by a data process for one attempt, from its first instruction to `os._exit`.

The order matters:

1. detach: default signals, a session of its own, die with the data process, adopt what it will orphan, files as
   descriptors 0 to 2, marker, variables. Nothing of the job has happened yet; a failure here touches no output.
2. wait for awaited files, look for what is in the way of outputs; leave *reached* on the board, unlink the outputs,
   call the callback.
3. join threads, flush, kill every descendant; only then look at the outputs.
4. on any exception: kill every descendant, remove or rename the outputs.
5. leave *result* on the board, `os._exit`.

Rules: no imports here or below after the fork; few system calls, since thousands of jobs pay for each. Code that the
callback forked and that comes back here has another pid: it leaves silently.
"""

from __future__ import annotations

import gc
import io
import os
import threading
import time
from collections.abc import Callable, Sequence
from types import NoneType
from typing import NoReturn

from ppg_cs import capture, descendants, failing, hygiene, marker, outputs, report
from ppg_cs import cores as granted_cores
from ppg_cs.awaited import await_files
from ppg_cs.board import REACHED, RESULT
from ppg_cs.returned import blame, refuse_jobs
from ppg_cs.tasks import FileTask
from ppg_cs.workplace import Workplace
from ppg_protocol.errors import JobContractError
from ppg_protocol.records import AwaitedFile, Failure

DESCENDANTS_S = 30.0
WARM_UPS = 20
WARM_UP_JOB = -1
_FILES = frozenset((io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom))
_join_threads: Callable[[], None] = threading._shutdown  # type: ignore[attr-defined]
"""What the interpreter does at its end: tells idle pools to stop, then joins every non-daemon thread."""
_after_fork: Callable[[], None] = threading._after_fork  # type: ignore[attr-defined]
"""What it does in every forked child."""


def run(
    workplace: Workplace,
    parent_pid: int,
    key: int,
    job: int,
    cores: int,
    slot: int,
    awaited: Sequence[AwaitedFile],
) -> NoReturn:
    """Be the process of this attempt."""
    code = 1
    try:
        os.setsid()
        hygiene.die_with_parent(parent_pid)
        hygiene.adopt_orphans()
        detach(workplace, key, cores, slot)
        pid = os.getpid()
        body = _execute(workplace, pid, key, job, slot, awaited)
        if os.getpid() == pid:
            workplace.board.write(slot, key, RESULT, body)
            code = 0
    except BaseException as error:
        workplace.board.write(slot, key, RESULT, report.encode_result(False, [], failing.describe(error)))
    finally:
        os._exit(code)


def warm_up(workplace: Workplace) -> None:
    """Walk a job's way a few times in the first data process, which all others descend from.

    Code that runs once per process never gets specialised by the interpreter (PEP 659), so each job would pay for
    generic lookups and for the pages that these touch: 541 page faults per trivial job became 495. The same holds for
    what `threading` does after a fork; that is harmless here, where there is one thread.
    """
    slot = workplace.spare_slot
    path = f"{workplace.config.run_directory}/warm-up"
    task = FileTask("warm-up", (path,), _write_a_byte, (path,), False, False)
    workplace.generated[WARM_UP_JOB] = task
    parent_pid = os.getppid()
    for _ in range(WARM_UPS):
        _after_fork()
        hygiene.die_with_parent(parent_pid)
        os.close(detach(workplace, 0, 1, slot))
        body = _execute(workplace, os.getpid(), 0, WARM_UP_JOB, slot, ())
        workplace.board.write(slot, 0, RESULT, body)
    outputs.clear((path, *capture.slot_paths(workplace.config.run_directory, slot)))
    del workplace.generated[WARM_UP_JOB]


def _write_a_byte(path: str) -> None:
    with open(path, "wb") as file:
        file.write(b"x")


def detach(workplace: Workplace, key: int, cores: int, slot: int) -> int:
    """Steps that jobs and successors share; returns the marker's descriptor."""
    hygiene.set_handler(hygiene.SIGCHLD, hygiene.SIG_DFL)
    workplace.redirect_to_slot(slot)
    held = marker.hold(workplace.config.run_directory, slot)
    hygiene.name_attempt(key)
    granted_cores.grant(cores)
    hygiene.forget_fork_server()
    gc.enable()
    return held


def _execute(workplace: Workplace, pid: int, key: int, job: int, slot: int, awaited: Sequence[AwaitedFile]) -> bytes:
    """The body of the result record."""
    task: FileTask | None = None
    try:
        found = workplace.task(job)
        assert isinstance(found, FileTask), f"job {job} is a {type(found).__name__}, which no job process can run"
        if awaited:
            await_files(awaited, workplace.config.await_files_s)
        standing = outputs.standing(found.job_id, found.paths)
        body = report.encode_reached(found.job_id, found.paths, found.rename_broken)
        workplace.board.write(slot, key, REACHED, body)
        task = found
        if standing:
            outputs.clear(standing)
        returned = _call(task)
        if os.getpid() != pid:
            os._exit(0)
        clean = settle(workplace)
        cap = workplace.config.hash_cap_bytes
        try:
            files = [outputs.inspect(task.job_id, path, task.empty_ok, cap) for path in task.paths]
        except JobContractError as error:
            error.add_note(blame(task.callback, returned))
            raise
        return report.encode_result(clean, files, None)
    except BaseException as error:
        if os.getpid() != pid:
            os._exit(1)
        return _failed(workplace, task, error)


def _call(task: FileTask) -> type:
    """The type of what the callback returned: the thing itself may be large."""
    try:
        returned = task.callback(*task.arguments)
    except SystemExit as leaving:
        if leaving.code not in (None, 0):
            raise
        return NoneType
    if returned is not None:
        refuse_jobs(task.job_id, returned)
    return type(returned)


def _failed(workplace: Workplace, task: FileTask | None, error: BaseException) -> bytes:
    if task is not None:
        outputs.note_missing_directory(error, task.paths)
    failure: Failure = failing.describe(error, skip_frames=2)
    try:
        workplace.flush()
    except BaseException:
        pass
    clean = descendants.end_all(time.monotonic() + DESCENDANTS_S) and threading.active_count() == 1
    if task is not None:
        outputs.discard(task.paths, task.rename_broken)
    return report.encode_result(clean, [], failure)


def settle(workplace: Workplace) -> bool:
    """After user code: join its threads, write out its files, end its processes. True if nothing can go on writing."""
    if threading.active_count() > 1:
        _join_threads()
    workplace.flush()
    flush_files()
    if descendants.has_children() and not descendants.end_all(time.monotonic() + DESCENDANTS_S):
        raise JobContractError(f"processes {descendants.children()} that this job started survive SIGKILL")
    return threading.active_count() == 1


def flush_files() -> None:
    """Write out files that user code left open in a global or a cycle: `os._exit` would cut them silently.

    Only what was made since the fork is looked at: the data process froze all before. A load may have made millions of
    objects, so that they are first asked at the speed of C whether there is any file among them.
    """
    things = gc.get_objects()
    if _FILES.isdisjoint(map(type, things)):
        return
    for thing in things:
        if type(thing) in _FILES:
            try:
                thing.flush()
            except (ValueError, io.UnsupportedOperation):
                pass  # closed, detached, or for reading only
