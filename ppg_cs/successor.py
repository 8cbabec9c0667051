"""A successor at work: a forked copy of the current data process that loads data or lets a generator run.

On success it leaves its result on the board, cleans itself of what user code may have changed (signals, directory,
umask, streams), makes itself cheap to fork (frozen objects, huge pages), says PREPARED and serves like any data
process: jobs come only after TAKE_OVER. On failure it reports and ends; its predecessor never noticed anything. Until
TAKE_OVER it dies with its predecessor.
"""

from __future__ import annotations

import gc
import os
import resource
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from ppg_cs import allocator, failing, hugepages, hygiene, report
from ppg_cs.awaited import await_files
from ppg_cs.board import REACHED, RESULT
from ppg_cs.job_process import detach, flush_files
from ppg_cs.returned import refuse_jobs
from ppg_cs.tasks import GenerateTask, LoadTask, Task
from ppg_cs.workplace import Workplace
from ppg_protocol.limits import BLOB_BYTES
from ppg_protocol.records import AwaitedFile


class Preparation:
    """What a successor did: its figures for PREPARED, and the tasks that wait for their indices."""

    def __init__(self, runtime_s: float, cpu_s: float, peak_bytes: int, data_bytes: int, tasks: tuple[Task, ...]):
        self.runtime_s = runtime_s
        self.cpu_s = cpu_s
        self.peak_bytes = peak_bytes
        self.data_bytes = data_bytes
        self.tasks = tasks


def prepare(
    workplace: Workplace, parent_pid: int, key: int, job: int, cores: int, slot: int, awaited: Sequence[AwaitedFile]
) -> Preparation:
    """Load or generate; returns only on success, in a process fit to be a data process. Ends the process otherwise."""
    pid = os.getpid()
    started, rss_before = time.monotonic(), hugepages.rss_bytes()
    cwd, mask = os.getcwd(), _umask()
    try:
        os.setsid()
        hygiene.die_with_parent(parent_pid)
        held = detach(workplace, key, cores, slot)
        if awaited:
            await_files(awaited, workplace.config.await_files_s)
        with _limited_pools(cores):
            tasks = _work(workplace, workplace.task(job), slot, key)
        if os.getpid() != pid:
            os._exit(0)
        workplace.flush()
        flush_files()
        os.close(held)
        hygiene.reset_signals()
        os.chdir(cwd)
        os.umask(mask)
        workplace.use_streams()
        workplace.redirect_to_log()
    except BaseException as error:
        if os.getpid() != pid:
            os._exit(1)
        _give_up(workplace, slot, key, error)
    os.environ["PPG_ATTEMPT"] = ""
    gc.disable()
    gc.collect()
    allocator.give_back()
    gc.freeze()
    if hugepages.rss_bytes() - rss_before >= hugepages.AT_ONCE_BYTES:
        hugepages.collapse(only_own=True)
    used = resource.getrusage(resource.RUSAGE_SELF)
    grown = max(0, hugepages.rss_bytes() - rss_before)
    peak = max(grown, used.ru_maxrss * 1024 - rss_before)
    return Preparation(time.monotonic() - started, used.ru_utime + used.ru_stime, peak, grown, tasks)


def _work(workplace: Workplace, task: Task, slot: int, key: int) -> tuple[Task, ...]:
    workplace.board.write(slot, key, REACHED, report.encode_reached(task.job_id, (), False))
    if isinstance(task, LoadTask):
        refuse_jobs(task.job_id, task.load())
        return ()
    assert isinstance(task, GenerateTask), f"{task.job_id} is a {type(task).__name__}, which needs a job process"
    generated = task.generate(workplace.stream)
    size_bytes = len(generated.change) + len(generated.chunk)
    if size_bytes > BLOB_BYTES:
        raise ValueError(
            f"{task.job_id} generated {size_bytes} bytes of graph and jobs; {BLOB_BYTES} can be sent. "
            f"Let several generating jobs share the work."
        )
    body = report.encode_result(False, [], None, generated.change, generated.chunk)
    workplace.board.write(slot, key, RESULT, body)
    return generated.tasks


def _give_up(workplace: Workplace, slot: int, key: int, error: BaseException) -> None:
    try:
        workplace.board.write(slot, key, RESULT, report.encode_result(False, [], failing.describe(error, 2)))
        workplace.flush()
    finally:
        os._exit(1)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _limited_pools(cores: int) -> AbstractContextManager[Any]:
    """Numeric thread pools that a load starts ignore later variables and may hang in forked jobs: keep them small."""
    try:
        from threadpoolctl import threadpool_limits  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return nullcontext()
    limits: AbstractContextManager[Any] = threadpool_limits(cores)
    return limits
