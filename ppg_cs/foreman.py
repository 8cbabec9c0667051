"""What a supervisor has to do with its data processes: it commands them, hears them out, notices their death, cleans up
behind what they forked. The half of the shell around `supervisor_core` that knows nothing of the MCP.

Instructions of the core come in by `_perform`; what was learned goes to it by `_handle`, which is the other half's.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from ppg_cs import capture, control, data_process, descendants, outputs, report
from ppg_cs import events as on
from ppg_cs import instructions as do
from ppg_cs.board import REACHED, RESULT
from ppg_cs.config import SupervisorConfig
from ppg_cs.control import Channel
from ppg_cs.supervisor_core import SupervisorCore
from ppg_cs.sweeper import Sweeper
from ppg_cs.work import NO_USAGE
from ppg_cs.workforce import Member, Workforce
from ppg_cs.workplace import Workplace
from ppg_protocol import clock
from ppg_protocol.records import AwaitedFile, Usage

LAST_RECORD_S = 0.5
"""How long a load that closed its descriptors has to say so, before it is killed and only SIGKILL is known of it."""
READ, READ_WRITE = select.EPOLLIN, select.EPOLLIN | select.EPOLLOUT


class Foreman(ABC):
    """`epoll` has the channels of all data processes in it; a turn costs the same whatever runs."""

    def __init__(self, config: SupervisorConfig, workplace: Workplace, core: SupervisorCore) -> None:
        self.config = config
        self.workplace = workplace
        self.workplace.use_streams()
        self.pid = os.getpid()
        self.core = core
        self.workforce = Workforce()
        self.sweeper = Sweeper(self.workforce)
        self._inherited = _open_fds()
        gc.freeze()
        self.epoll = select.epoll()
        self._by_fd: dict[int, Member] = {}
        self._mute: dict[int, float] = {}
        """Data processes whose channel has ended, and until when they may still leave a record on the board."""
        self._performers: dict[type, Callable[[Any], None]] = {
            do.ForkPristine: self._fork_pristine,
            do.StartJob: self._start_job,
            do.TakeBack: lambda i: self._command(i.process, (control.TAKE_BACK,)),
            do.StartSuccessor: self._start_successor,
            do.DefineTasks: lambda i: self._command(i.process, (control.DEFINE, i.jobs, i.part)),
            do.TakeOver: self._take_over,
            do.Retire: lambda i: self._command(i.process, (control.RETIRE,)),
            do.UnloadData: lambda i: self._command(i.process, (control.UNLOAD, i.job)),
            do.Kill: lambda i: self.workforce.kill(i.key),
            do.KillDataProcess: self._kill_data_process,
            do.ForgetHelpers: self._forget_helpers,
            do.Sweep: self._begin_sweep,
            do.RemoveOutputs: lambda i: outputs.discard(i.paths, i.rename_broken),
            do.KeepLogs: lambda i: capture.keep(
                config.run_directory, i.slot, i.attempt, config.output_cap_bytes
            ),
        }  # fmt: skip

    @abstractmethod
    def _handle(self, event: Any) -> None:
        """Tell the core, perform what it says."""

    def _perform(self, instructions: list[do.Instruction]) -> None:
        for instruction in instructions:
            self._performers[type(instruction)](instruction)

    # ------------------------------------------------------------------------------------- what data processes report

    def _on_member_ready(self, member: Member, ready: int) -> None:
        """A channel has something to say, or room again."""
        if ready & select.EPOLLOUT:
            member.channel.flush()
            self.epoll.modify(member.channel.fileno(), READ_WRITE if member.channel.waiting else READ)
        self._listen(member)

    def _listen(self, member: Member) -> None:
        """Take in all that a data process has said."""
        while member.number in self.workforce.members:
            try:
                packet = member.channel.receive()
            except BlockingIOError:
                return
            if packet is None:
                self._close(member)
                self._mute[member.number] = clock.now() + LAST_RECORD_S
                self._look_for_forgotten()
                return
            self._on_packet(member, packet[0])

    def _end_mute(self, number: int) -> None:
        """A data process that nobody can command any more is of no use."""
        del self._mute[number]
        if number in self.workforce.members:
            self._kill_member(self.workforce.members[number])

    def _on_packet(self, member: Member, message: list[Any]) -> None:
        kind, *fields = message
        if kind == control.FORKED:
            self.workforce.forked(*fields)
            self._handle(on.Forked(*fields))
        elif kind == control.EXITED:
            key, status, *usage = fields
            child = self.workforce.by_key.get(key)
            if child is not None:
                self._data_process_died(child, status, Usage(*usage))
            else:
                self.workforce.over(key)
                self._handle(on.Exited(key, status, Usage(*usage), self._report(key)))
                self._forget_slot(key)
        elif kind == control.PREPARED:
            key, pid, *usage, data_bytes = fields
            self.workforce.forked(key, pid)
            self._handle(on.Prepared(key, Usage(*usage), data_bytes, self._report(key)))
            self._forget_slot(key)
        elif kind == control.TAKEN_BACK:
            for key in fields[0]:
                self.workforce.over(key)
            self._handle(on.TakenBack(tuple(fields[0])))
            for key in fields[0]:
                self._forget_slot(key)
        elif kind == control.TOOK_OVER:
            self._handle(on.TookOver(member.number))
        elif kind == control.REFUSED:
            if fields[0] in self.workforce.by_key:
                self._forget(self.workforce.by_key[fields[0]])
            self._handle(on.Refused(*fields))
            self._forget_slot(fields[0])

    def _report(self, key: int) -> report.Report:
        """What this work left: its records, and the tails of its streams. Nothing once it is over and done with."""
        slot, board = self.workforce.slots.get(key), self.workplace.board
        if slot is None:
            return report.NOTHING
        out, err = capture.tails(self.config.run_directory, slot, self.config.tail_bytes)
        reached = report.decode_reached(board.read(slot, key, REACHED))
        return report.Report(reached, report.decode_result(board.read(slot, key, RESULT)), out, err)

    def _forget_slot(self, key: int) -> None:
        if key not in self.core.work:
            self.workforce.slots.pop(key, None)

    def _reap(self) -> None:
        """Children of our own that have ended: data processes, and orphans, of which nobody wants to know."""
        while (ended := descendants.reap_one()) is not None:
            member = self.workforce.by_pid.get(ended[0])
            if member is not None:
                self._data_process_died(member, ended[1], NO_USAGE)

    def _look_for_forgotten(self) -> None:
        for member in list(self.workforce.members.values()):
            if self.workforce.is_forgotten(member):
                self._data_process_died(member, signal.SIGKILL, NO_USAGE)

    def _data_process_died(self, member: Member, status: int, usage: Usage) -> None:
        if member.channel.fileno() >= 0:
            self._listen(member)  # its last words, about jobs that it still reaped
        if member.number not in self.workforce.members:
            return
        self.workforce.over(member.key)
        left = self._report(member.key)
        self._forget(member)
        self._handle(on.DataProcessDied(member.number, status, usage, left))
        self._forget_slot(member.key)
        self._look_for_forgotten()

    # ----------------------------------------------------------------------------------------------- what is performed

    def _command(self, process: int, message: tuple[Any, ...], fds: tuple[int, ...] = ()) -> None:
        member = self.workforce.members.get(process)
        if member is None or member.channel.fileno() < 0:
            return  # it died; its death is on its way to the core
        member.channel.send(message, fds)
        if member.channel.waiting:
            self.epoll.modify(member.channel.fileno(), READ_WRITE)

    def _fork_pristine(self, instruction: do.ForkPristine) -> None:
        channel, end = Channel.pair()
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            for fd in _open_fds() - self._inherited - {end.fileno()}:
                os.close(fd)
            data_process.run_pristine(self.workplace, end, self.pid)
        end.close()
        self._join(Member(instruction.process, 0, 0, channel, pid))

    def _join(self, member: Member) -> None:
        self.workforce.join(member)
        self._by_fd[member.channel.fileno()] = member
        self.epoll.register(member.channel.fileno(), READ)

    def _start_job(self, i: do.StartJob) -> None:
        self.workforce.slots[i.key] = i.slot
        self._command(i.process, (control.FORK_JOB, i.key, i.job, i.cores, i.slot, _fields(i.await_files), i.after))

    def _start_successor(self, i: do.StartSuccessor) -> None:
        self.workforce.slots[i.key] = i.slot
        channel, end = Channel.pair()
        self._join(Member(i.successor, i.process, i.key, channel))
        message = (control.FORK_SUCCESSOR, i.key, i.job, i.cores, i.slot, _fields(i.await_files))
        self._command(i.process, message, (end.detach(),))

    def _take_over(self, i: do.TakeOver) -> None:
        member = self.workforce.members.get(i.process)
        if member is not None:
            self.workforce.took_over(member)
            self._command(i.process, (control.TAKE_OVER,))

    def _kill_data_process(self, i: do.KillDataProcess) -> None:
        member = self.workforce.members.get(i.process)
        if member is not None:
            self._kill_member(member)

    def _kill_member(self, member: Member) -> None:
        if member.key:
            self.workforce.kill(member.key)
        else:
            descendants.kill(member.pid)

    def _close(self, member: Member) -> None:
        """Stop listening to a data process."""
        fd = member.channel.fileno()
        if self._by_fd.pop(fd, None) is not None:
            self.epoll.unregister(fd)
            member.channel.close()

    def _forget(self, member: Member) -> None:
        self._close(member)
        self._mute.pop(member.number, None)
        self.workforce.leave(member)

    def _forget_helpers(self, instruction: do.ForgetHelpers) -> None:
        self.workforce.forget_helpers()
        self.sweeper.kill_strays()

    def _begin_sweep(self, instruction: do.Sweep) -> None:
        self.sweeper.begin(tuple(key for key, _ in instruction.places), clock.now())

    def _sweep(self, now: float) -> None:
        done = self.sweeper.look(now)
        if done is not None:
            keys, stuck = done
            if stuck:
                self._log(f"processes {stuck} survive SIGKILL")
            self._handle(on.Swept(tuple((key, self._report(key)) for key in keys), tuple(stuck)))
            for key in keys:
                self._forget_slot(key)

    def _round(self) -> None:
        """Now and then, while something runs."""
        if not self.core.work:
            return
        for work in self.core.work.values():
            capture.limit_slot(self.config.run_directory, work.slot, self.config.output_cap_bytes)
        if not self.sweeper.busy:
            self.sweeper.kill_strays()

    def _log(self, text: str) -> None:
        """Where the disk is full the line is lost, and nothing else."""
        with contextlib.suppress(OSError):
            self.workplace.stderr.write(f"supervisor {self.pid}: {text}\n")


def _open_fds() -> set[int]:
    fds = {int(name) for name in os.listdir("/proc/self/fd")}
    return {fd for fd in fds if _is_open(fd)}


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _fields(files: tuple[AwaitedFile, ...]) -> list[tuple[str, int, int, str]]:
    return [(file.path, file.size_bytes, file.mtime_ns, file.made_on) for file in files]
