"""The supervisor of a session whose master is on another machine: the shell around `cluster_core`.

    connect ─> Prepare ─> is this machine fit? ─> data process by exec ─> its facts ─> Ready ─> as everywhere

What the master says after Prepare waits until the facts are there, and for ever if the Python versions differ: the
master will see that in Ready, and code of another Python can't be loaded. Whatever shows that this machine
can't work for the session is said as Unfit, and that is the end of it here. The daemon is the supervisor's parent: it
says limits, is told what is held and when the lease ends, and when it goes, everything goes. Then the master is told so
by a Farewell, since nobody else can say it, and need not wait for the lease.
"""

from __future__ import annotations

import os
import socket
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import zmq

from ppg_cs import control, descendants, uplink
from ppg_cs import instructions as do
from ppg_cs.board import shared_memory
from ppg_cs.control import Channel
from ppg_cs.feeding import keep_part
from ppg_cs.foreman import READ
from ppg_cs.slave import fitness, session_setup, surroundings
from ppg_cs.slave.cluster_core import ClusterSupervisorCore
from ppg_cs.slave.cluster_events import Drain
from ppg_cs.slave.data_process import pack_prepare
from ppg_cs.slave.exits import LEASE_OVER, ORPHANED, REFUSED, TERMINATED, UNFIT
from ppg_cs.slave.farewell import say_farewell
from ppg_cs.slave.session_setup import SessionSetup
from ppg_cs.supervisor import Supervisor
from ppg_cs.tasks import Task
from ppg_cs.workforce import Member
from ppg_cs.workplace import Workplace
from ppg_protocol import clock
from ppg_protocol.cluster_messages import Farewell, Limit, Prepare, Unfit
from ppg_protocol.link import SERVER, ClientLink, Delivery
from ppg_protocol.messages import Finished, LoadFailed, Ready, Shutdown
from ppg_protocol.records import Distribution, Outcome, Usage
from ppg_protocol.session import Timing
from ppg_protocol.session_events import Established, Refused

PROOF_S = 5.0
"""How long a network file system may take to show what the master wrote."""
PROOF_RETRY_S = 0.05
FAREWELL_S = 10.0
"""How long to stay until the master has acknowledged the last words."""
LOG_TAIL_BYTES = 2000
CONCERTED_S = 0.3
"""Who signals all processes of a group, as batch systems do, reaches us no later than this after our jobs."""


class ClusterSupervisor(Supervisor):
    """See the module."""

    core: ClusterSupervisorCore

    def __init__(self, setup: SessionSetup, daemon: Channel) -> None:
        config = setup.config
        self._setup = setup
        self._daemon = daemon
        self._memory = shared_memory(config.slots + 1)
        self._prepare: Prepare | None = None
        self._unproven_until: float | None = None
        self._is_fit = False
        self._was_welcome = False
        """Has the master ever taken us? One that does so may give us up later; one that never did, never will."""
        self._lease_said = 0.0
        """What the daemon believes of our lease."""
        self._early: list[Any] = []
        """Messages that came before this machine was found fit."""
        self._facts: list[Any] | None = None
        self._hold_until: float | None = None
        """Sudden ends are said then, if we have not met with one ourselves."""
        machine = setup.machine_id, config.cores, config.memory_bytes
        core = ClusterSupervisorCore(*machine, config.slots, setup.lease_s, clock.now())
        super().__init__(config, Workplace(config, _no_task, self._memory), core)
        self.epoll.register(daemon.fileno(), READ)
        self._performers |= {
            do.KeepPart: self._keep_part,
            do.FeedParts: lambda i: self._command(i.process, (control.FEED, i.parts)),
            do.Hold: lambda i: daemon.send((session_setup.HOLDING, i.number, i.cores, i.memory_bytes)),
        }

    def begin(self) -> None:
        """Nothing can be done before the master has said what to be like."""

    def connect(self) -> ClientLink:
        """See Supervisor."""
        config, context = self.config, zmq.Context[zmq.Socket[bytes]](1)
        timing = Timing(config.heartbeat_s, config.silence_s)
        return ClientLink(context, config.endpoint, uplink.hello(config), timing, clock.now(), self._setup.curve)

    # --------------------------------------------------------------------------------------------------------- turns

    def may_go_on(self, now: float) -> bool:
        """Not when the lease has run out: the master may have started elsewhere what it asks for here."""
        session = self.link.session()
        if session is not None and session.confirmed_at is not None:
            self.core.confirm(session.confirmed_at)
        if self.core.lease_until >= self._lease_said + self.config.heartbeat_s / 2:
            self._lease_said = self.core.lease_until
            self._daemon.send((session_setup.LEASE, self._lease_said))
        if not self.core.is_lost(now):
            return True
        trouble = f" ({self.link.trouble})" if self.link.trouble else ""
        silence = f"the master at {self.config.endpoint} has not been heard for {self._setup.lease_s:g} s{trouble}"
        self._log(f"{silence}: everything of its run ends here")
        self.exit_code = LEASE_OVER
        return False

    def _timeout_ms(self, now: float) -> int:
        timeout = super()._timeout_ms(now)
        if self._hold_until is not None:
            timeout = min(timeout, int(1000 * max(0.0, self._hold_until - now)) + 1)
        return timeout if self._unproven_until is None else min(timeout, int(1000 * PROOF_RETRY_S))

    def _flush(self, now: float) -> None:
        if self._hold_until is None and any(map(_is_sudden, self.outbox)):
            self._hold_until = now + CONCERTED_S
        if self._hold_until is not None and now < self._hold_until and self.exit_code in (None, ORPHANED):
            return
        self._hold_until = None
        super()._flush(now)

    def _on_time(self, now: float) -> None:
        super()._on_time(now)
        if self._unproven_until is not None:
            self._prove(now)
        self._daemon.flush()

    def say_farewell(self) -> None:
        """Results and last words that the master must have."""
        is_orphaned = self.exit_code == ORPHANED and self._was_welcome and not descendants.has_children()
        if is_orphaned or self.exit_code == UNFIT or self.core.draining:
            self._flush(clock.now())
            if is_orphaned:
                self.link.send(SERVER, [Farewell("its ppg-slave is gone")], clock.now())
            trouble = say_farewell(self.link, FAREWELL_S)
            if trouble:
                self._log(f"the master could not be told the last words: {trouble}")

    # ---------------------------------------------------------------------------------------------------- the master

    def _on_delivery(self, delivery: Delivery, now: float) -> None:
        super()._on_delivery(delivery, now)
        if isinstance(delivery.what, Refused) and not self._was_welcome:
            self._daemon.send((session_setup.WORDS, delivery.what.reason))
            self.exit_code = REFUSED
        self._was_welcome = self._was_welcome or isinstance(delivery.what, Established)

    def introduce(self) -> None:
        """Say Ready, once that is known."""
        if self._facts is None:
            return
        *versions, python, found, engine_path, cloudpickle_path = self._facts
        distributions = tuple(Distribution(*fields) for fields in found)
        who = self._setup.machine_id, socket.gethostname(), os.getpid(), self.config.cores, self.config.memory_bytes
        facts = *versions, python, time.time_ns(), distributions, engine_path, cloudpickle_path
        self.outbox.append(Ready(*who, *facts))

    def _on_message(self, message: Any) -> None:
        if isinstance(message, Prepare):
            self._on_prepare(message)
        elif self._is_fit or isinstance(message, Shutdown):
            self._handle(message)
        else:
            self._early.append(message)

    def _on_prepare(self, message: Prepare) -> None:
        if self._prepare is not None:
            self.introduce()
            return
        self._prepare = message
        self._unproven_until = clock.now() + PROOF_S
        self._prove(clock.now())

    def _prove(self, now: float) -> None:
        """Look whether this machine is fit; if so, begin."""
        assert self._prepare is not None
        assert self._unproven_until is not None
        session = self.link.session()
        host = session.peer.host if session is not None and session.peer is not None else "the master's host"
        reason = fitness.unfit(self._prepare, host)
        if reason is not None and now < self._unproven_until:
            return
        self._unproven_until = None
        if reason is not None:
            self._give_up(reason)
            return
        os.chdir(self._prepare.project_directory)
        self._perform(self.core.start())

    def _give_up(self, reason: str) -> None:
        self._log(reason)
        self._handle(Unfit(self._setup.machine_id, reason))

    # ------------------------------------------------------------------------------------------------ data processes

    def _fork_pristine(self, instruction: do.ForkPristine) -> None:
        prepare = self._prepare
        assert prepare is not None
        channel, end = Channel.pair()
        end.set_inheritable(True)
        command = surroundings.start_command(prepare, end.fileno())
        variables = surroundings.start_environment(prepare, os.environ, Path(self.config.run_directory).name)
        try:
            pid = os.posix_spawn(command[0], command, variables, setsigmask=[])
        except OSError as error:
            self._give_up(f"{command[0]} can't be started on {socket.gethostname()}: {error}")
            return
        finally:
            end.close()
        self._join(Member(instruction.process, 0, 0, channel, pid))
        setup = (control.SETUP, asdict(self.config), pack_prepare(prepare), self.pid)
        self._command(instruction.process, setup, (os.dup(self._memory),))

    def _keep_part(self, i: do.KeepPart) -> None:
        try:
            keep_part(self.config.run_directory, i.part, i.chunk)
        except OSError as error:
            self._give_up(
                f"{socket.gethostname()} can't keep the jobs ({len(i.chunk)} bytes) in {self.config.run_directory}: "
                f"{error}. Make room there, or take the machine out of the cluster."
            )

    def _on_facts(self, facts: list[Any]) -> None:
        self._facts = facts
        self.introduce()
        session = self.link.session()
        theirs = session.peer.python_version if session is not None and session.peer is not None else ""
        self._is_fit = theirs.split(".")[:2] == facts[0].split(".")[:2]
        early, self._early = self._early, []
        for message in early:
            self._on_message(message)

    def _on_packet(self, member: Member, message: list[Any]) -> None:
        if message[0] == control.FACTS:
            if self._facts is None:
                self._on_facts(message[1:])
        elif message[0] == control.UNFIT:
            self._give_up(message[1])
        else:
            super()._on_packet(member, message)

    def _data_process_died(self, member: Member, status: int, usage: Usage) -> None:
        super()._data_process_died(member, status, usage)
        if self._facts is None and self._prepare is not None:
            python = surroundings.interpreter(self._prepare)
            self._give_up(
                f"{python} on {socket.gethostname()} can't be a data process, it ended with wait status {status}. "
                f"Is pypipegraph installed for it, with all that it needs?\n{self._log_tail()}"
            )

    def _log_tail(self) -> str:
        try:
            return Path(self.config.run_directory, "session.log").read_text(errors="replace")[-LOG_TAIL_BYTES:]
        except OSError:
            return ""

    # ---------------------------------------------------------------------------------------------------- the daemon

    def _on_ready(self, fd: int, ready: int) -> None:
        if fd != self._daemon.fileno():
            super()._on_ready(fd, ready)
            return
        while True:
            try:
                packet = self._daemon.receive()
            except BlockingIOError:
                return
            if packet is None:
                self._on_parent_gone()
                return
            self._on_order(*packet[0])

    def _on_parent_gone(self) -> None:
        """The daemon: maybe alone, maybe with all that runs here, so that a sudden end is no word on a job."""
        if self.exit_code is None:
            self.exit_code = ORPHANED
            self._log("the slave daemon is gone: everything of its run ends here")

    def _on_sigterm(self) -> None:
        """Not from the daemon: somebody signals all processes here, the jobs among them. That they end so is no word on
        them, and none is said: the master has lost this machine, and they run elsewhere."""
        self._log("SIGTERM: everything of its run ends here")
        self._end_everything()
        os._exit(TERMINATED)

    def _on_order(self, kind: int, *fields: Any) -> None:
        if kind == session_setup.LIMIT:
            self._handle(Limit(self.config.session, *fields))
        elif kind == session_setup.DRAIN:
            self._handle(Drain())
        else:
            assert kind == session_setup.STOP, kind
            self._handle(Shutdown(fields[0]))

    def _log(self, text: str) -> None:
        super()._log(text)
        self._daemon.send((session_setup.WORDS, text))


def _is_sudden(message: Any) -> bool:
    return isinstance(message, LoadFailed) or (isinstance(message, Finished) and message.outcome == Outcome.SIGNAL)


def _no_task(job: int) -> Task:
    raise AssertionError("tasks are in data processes only")
