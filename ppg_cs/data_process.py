"""A data process: single-threaded, never near zmq, holds the data and forks the jobs. See `control` for its commands.

It blocks on its channel and on SIGCHLD. A job that ended is found by waitid(WNOWAIT); while the zombie leader still
reserves the number, its process group gets SIGKILL; then wait4 reaps it and takes its resource usage.

    pristine    forked by the supervisor; dies with it; never loads, so that there is always one that can be forked anew
    successor   forked by the current data process; dies with it until TAKE_OVER, then leaves at the end of its channel
    retiring    leaves with its last job; successors, and helpers that a load started, are not waited for

The garbage collector is off and everything is frozen before jobs are forked, so that children share its pages; a job
turns it on again for itself.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import resource
import select
import signal
import socket
import time
import traceback
import warnings
from collections.abc import Sequence
from typing import Any, NoReturn

from ppg_cs import allocator, control, descendants, hugepages, hygiene, job_process
from ppg_cs.control import Channel
from ppg_cs.cores import grant
from ppg_cs.feeding import feed, part_path, unfit_for
from ppg_cs.headroom import no_process
from ppg_cs.oom import OomScore
from ppg_cs.successor import Preparation, prepare
from ppg_cs.tasks import LoadTask, Task
from ppg_cs.workplace import Workplace
from ppg_protocol.records import AwaitedFile

_ENDED = os.WEXITED | os.WNOHANG | os.WNOWAIT


def run_pristine(workplace: Workplace, end: socket.socket, supervisor_pid: int) -> NoReturn:
    """Be the pristine data process; called in a fresh fork of the supervisor."""
    try:
        hygiene.die_with_parent(supervisor_pid)
        hygiene.reset_signals()
        faulthandler.enable(2)
        warnings.filterwarnings("ignore", ".*use of fork.*", DeprecationWarning)
        settle_in(workplace)
        DataProcess(workplace, end).serve()
    except BaseException:
        traceback.print_exc()
    finally:
        hygiene.leave(1, workplace.stderr)


def settle_in(workplace: Workplace) -> None:
    """Become a process that is cheap to fork, and whose jobs are quick from the first one on."""
    os.environ["PPG_SESSION"] = os.path.basename(workplace.config.run_directory)
    allocator.gather()
    gc.freeze()
    job_process.warm_up(workplace)
    workplace.redirect_to_log()
    os.environ["PPG_ATTEMPT"] = ""
    gc.disable()
    gc.freeze()


class DataProcess:
    """State of one data process."""

    def __init__(self, workplace: Workplace, end: socket.socket, generated: tuple[Task, ...] = ()) -> None:
        self.workplace = workplace
        self.channel = Channel(end)
        self._control = self.channel.fileno()
        self.pid = os.getpid()
        self.rss_bytes = hugepages.rss_bytes()
        self.jobs: dict[int, tuple[int, float]] = {}
        """pid -> key, start (monotonic) of jobs that were not reaped yet."""
        self.successors: dict[int, tuple[int, float]] = {}
        """The same of successors."""
        self.retiring = False
        self._ends = 0
        """Of job processes."""
        self._reliefs: dict[int, tuple[Any, ...]] = {}
        """Jobs that wait for an end, by its number."""
        self._forks = 0
        self._oom_score = OomScore()
        self._generated = generated
        self._defined = 0
        self._wakeup, self._wakeup_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._wakeup_end, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _wake)

    def serve(self) -> NoReturn:
        """Obey the channel until it ends."""
        poll = select.poll()
        poll.register(self.channel, select.POLLIN)
        poll.register(self._wakeup, select.POLLIN)
        while True:
            for fd, _ in poll.poll():
                if fd == self._wakeup:
                    _drain(fd)
                    self.reap()
                else:
                    packet = self.channel.receive()
                    if packet is None:
                        self.leave()
                    self.obey(*packet)

    def obey(self, message: list[Any], fds: list[int]) -> None:
        """Perform one command."""
        kind, *fields = message
        if kind == control.FORK_JOB:
            *order, after = fields
            if after > self._ends:
                self._reliefs[after] = tuple(order)
            else:
                self.channel.send(self.fork_job(*order))
        elif kind == control.TAKE_BACK:
            self.take_back()
        elif kind == control.FORK_SUCCESSOR:
            self.fork_successor(fds[0], *fields)
        elif kind == control.DEFINE:
            self.define(*fields)
        elif kind == control.TAKE_OVER:
            hygiene.outlive_parent()
            self.channel.send((control.TOOK_OVER,))
        elif kind == control.RETIRE:
            self.retiring = True
            self.leave_if_done()
        elif kind == control.UNLOAD:
            self.unload(fields[0])
        else:
            assert kind == control.FEED, message
            self.feed(*fields)

    def fork_job(self, key: int, job: int, cores: int, slot: int, awaited: Sequence[Any]) -> tuple[Any, ...]:
        """Make a job process; returns what there is to say of it."""
        self._forks += 1
        if self._forks == hugepages.FORKS_UNTIL_WORTHWHILE:
            hugepages.collapse()
            self.rss_bytes = hugepages.rss_bytes()
        started = time.monotonic()
        self._oom_score.prefer_children()
        try:
            pid = os.fork()
        except OSError as error:
            self._oom_score.restore()
            return control.REFUSED, key, no_process(error)
        if pid == 0:
            self.forget_channel()
            job_process.run(self.workplace, self.pid, key, job, cores, slot, _awaited(awaited) if awaited else ())
        self._oom_score.restore()
        self.jobs[pid] = (key, started)
        return control.FORKED, key, pid

    def take_back(self) -> None:
        """Forget the jobs that wait for an end."""
        keys = [order[0] for order in self._reliefs.values()]
        self._reliefs.clear()
        self.channel.send((control.TAKEN_BACK, keys))

    def fork_successor(self, end: int, key: int, job: int, cores: int, slot: int, awaited: Sequence[Any]) -> None:
        """Make a successor, which serves the channel `end`."""
        started = time.monotonic()
        try:
            pid = os.fork()
        except OSError as error:
            os.close(end)
            self.channel.send((control.REFUSED, key, no_process(error)))
            return
        if pid == 0:
            try:
                self.forget_channel()
                self.succeed(end, key, job, cores, slot, awaited)
            except BaseException:
                traceback.print_exc()
            finally:
                hygiene.leave(1, self.workplace.stderr)
        os.close(end)
        self.successors[pid] = (key, started)
        self.channel.send((control.FORKED, key, pid))

    def succeed(self, end: int, key: int, job: int, cores: int, slot: int, awaited: Sequence[Any]) -> NoReturn:
        """In the successor: work, then serve."""
        done: Preparation = prepare(self.workplace, self.pid, key, job, cores, slot, _awaited(awaited))
        heir = DataProcess(self.workplace, socket.socket(fileno=end), done.tasks)
        grant(1)
        facts = (done.runtime_s, done.cpu_s, done.peak_bytes, done.data_bytes)
        heir.channel.send((control.PREPARED, key, heir.pid, *facts))
        heir.serve()

    def forget_channel(self) -> None:
        """In a fresh child: let go of what is the parent's. The objects are never touched again."""
        signal.set_wakeup_fd(-1)
        os.close(self._control)
        os.close(self._oom_score.fd)
        os.close(self._wakeup)
        os.close(self._wakeup_end)

    def define(self, jobs: Sequence[int], part: int) -> None:
        """Generated tasks get their indices, in the generator's order, maybe in several portions when embedded."""
        if self.workplace.stream is not None:
            self.workplace.stream.define(jobs, part)
            return
        for job in jobs:
            self.workplace.generated[job] = self._generated[self._defined]
            self._defined += 1

    def feed(self, parts: Sequence[tuple[int, Sequence[int]]]) -> None:
        """Load parts of the task stream. If that fails, this machine is of no use for the session, nor are we."""
        assert self.workplace.stream is not None
        for part, jobs in parts:
            try:
                feed(self.workplace.stream, part_path(self.workplace.config.run_directory, part), part, jobs)
            except BaseException as error:
                self.channel.send((control.UNFIT, unfit_for(error)))
                self.leave()  # lest what was ordered meanwhile fails for want of its task
        gc.freeze()
        self.rss_bytes = hugepages.rss_bytes()

    def unload(self, job: int) -> None:
        """Run the unload half of a load in place. An error is logged; the data counts as gone anyway."""
        try:
            task = self.workplace.task(job)
            if isinstance(task, LoadTask) and task.unload is not None:
                task.unload()
        except BaseException as error:
            self.workplace.stderr.write(f"unloading job {job} failed: {type(error).__name__}: {error}\n")
        self.workplace.flush()
        allocator.give_back()
        self.rss_bytes = hugepages.rss_bytes()

    def reap(self) -> None:
        """See to all children that have ended."""
        while self.jobs or self.successors:
            pid = self.ended_child()
            if pid == 0:
                break
            if pid in self.jobs:
                self.reap_job(pid)
            else:  # with helpers of its load in its group
                _, status, usage = os.wait4(pid, 0)
                self.channel.send(self.ended(*self.successors.pop(pid), status, usage))
        self.leave_if_done()

    def reap_job(self, pid: int) -> None:
        """See to a job that has ended, and start the one that waits for that."""
        descendants.kill_group(pid)
        _, status, usage = os.wait4(pid, 0)
        said = [self.ended(*self.jobs.pop(pid), status, usage)]
        self._ends += 1
        if self._ends in self._reliefs:
            said.append(self.fork_job(*self._reliefs.pop(self._ends)))
        for message in said:
            self.channel.send(message)

    def ended_child(self) -> int:
        """Pid of a child of ours that is a zombie, 0 if there is none. Children of user code are left to it."""
        try:
            info = os.waitid(os.P_ALL, 0, _ENDED)
        except ChildProcessError:
            return 0
        if info is None or info.si_pid in self.jobs or info.si_pid in self.successors:
            return info.si_pid if info is not None else 0
        for pid in (*self.jobs, *self.successors):
            if os.waitid(os.P_PID, pid, _ENDED) is not None:
                return pid
        return 0

    def ended(self, key: int, started: float, status: int, usage: resource.struct_rusage) -> tuple[Any, ...]:
        """What there is to say of a child that has ended. Peak memory counts beyond what it shared with us."""
        peak = max(0, usage.ru_maxrss * 1024 - self.rss_bytes)
        return control.EXITED, key, status, time.monotonic() - started, usage.ru_utime + usage.ru_stime, peak

    def leave_if_done(self) -> None:
        """End a retiring process with its last job."""
        if self.retiring and not self.jobs:
            os._exit(0)

    def leave(self) -> NoReturn:
        """The supervisor is gone, or wants no more of us: take everything along."""
        for pid in (*self.jobs, *self.successors):
            descendants.kill_group(pid)
        os._exit(0)


def _awaited(files: Sequence[Any]) -> tuple[AwaitedFile, ...]:
    return tuple(AwaitedFile(*fields) for fields in files) if files else ()


def _drain(fd: int) -> None:
    try:
        os.read(fd, 4096)
    except BlockingIOError:
        pass


def _wake(number: int, frame: object) -> None:
    """A Python-level handler, so that the signal reaches the wakeup descriptor."""
