"""The supervisor process: performs what `supervisor_core` decides; the only process of a session that uses zmq.

One zmq.Poller over two things: the link's socket, and an epoll descriptor that stands for all others (channels of data
processes, the pidfd of the MCP, the signal wakeup pipe), so that a turn costs the same whatever runs. A turn takes in
all that is ready, performs each event's instructions at once (a free core is filled without delay), and sends what it
has to say to the MCP as one batch at its end, or of a later one (`outbox`). Data processes are `foreman`'s.

It unpickles nothing and runs no user code. It keeps `task_of` only to be inherited by a pristine data process.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from typing import Any, NoReturn

import zmq

from ppg_cs import descendants, hygiene, sweeper, uplink
from ppg_cs import events as on
from ppg_cs import instructions as do
from ppg_cs.config import SupervisorConfig
from ppg_cs.foreman import READ, Foreman
from ppg_cs.outbox import PLENTY_PER_CORE, Outbox
from ppg_cs.supervisor_core import SupervisorCore
from ppg_cs.tasks import Task
from ppg_cs.workplace import Workplace
from ppg_protocol import clock
from ppg_protocol.codec import Message
from ppg_protocol.errors import LocalProtocolError, RemoteProtocolError
from ppg_protocol.link import SERVER, ClientLink, Delivery
from ppg_protocol.messages import Finished, Heartbeat, Shutdown
from ppg_protocol.session_events import Deliver, Established, HeartbeatDue, Refused

ROUND_S = 0.25
"""How often, while something runs, captured streams are cut to their cap and strays are looked for."""
END_S = 5.0


def run(config: SupervisorConfig, task_of: Callable[[int], Task]) -> NoReturn:
    """Be the supervisor; called in a fresh fork of the MCP."""
    code = 1
    try:
        os.setsid()
        os.chdir(config.project_directory)
        hygiene.reset_signals()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the MCP decides what Ctrl-C means
        hygiene.adopt_orphans()
        warnings.filterwarnings("ignore", ".*use of fork.*", DeprecationWarning)
        for fd in config.close_fds:
            os.close(fd)
        core = SupervisorCore(config.cores, config.memory_bytes, config.slots)
        code = Supervisor(config, Workplace(config, task_of), core).serve()
    except BaseException:
        traceback.print_exc()
    finally:
        hygiene.leave(code, sys.stderr)


class Supervisor(Foreman):
    """Shell around the core; `serve` is the process's whole life."""

    def __init__(self, config: SupervisorConfig, workplace: Workplace, core: SupervisorCore) -> None:
        super().__init__(config, workplace, core)
        self.outbox = Outbox()
        self.exit_code: int | None = None
        self.next_round = 0.0
        self._mcp = os.pidfd_open(config.mcp_pid)
        if os.getppid() != config.mcp_pid:
            os._exit(1)
        self._wakeup, wakeup_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wakeup_end, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, _wake)
        self.epoll.register(self._mcp, READ)
        self.epoll.register(self._wakeup, READ)
        self._performers |= {do.Send: lambda i: self.outbox.append(i.message), do.Leave: self._leave}
        self.begin()
        self.link = self.connect()

    def begin(self) -> None:
        """What is done before the process has threads of zmq."""
        self._perform(self.core.start())

    def connect(self) -> ClientLink:
        """The link to the MCP."""
        return uplink.connect(self.config, clock.now())

    # ------------------------------------------------------------------------------------------------------ the turns

    def serve(self) -> int:
        """Turn after turn, until something says to leave; returns the exit code."""
        poller = zmq.Poller()
        poller.register(self.link.socket, zmq.POLLIN)
        poller.register(self.epoll.fileno(), zmq.POLLIN)
        while self.exit_code is None:
            ready = poller.poll(self._timeout_ms(clock.now()))
            self.turn(clock.now(), only_others=[fd for fd, _ in ready] == [self.epoll.fileno()])
        self._end_everything()
        self.say_farewell()
        self.link.close()
        return self.exit_code

    def turn(self, now: float, only_others: bool) -> None:
        """Take in all that is ready, and what time has brought. `only_others`: of the link we know that nothing has
        come, so that it is left alone unless its time has come meanwhile."""
        deadline = self.link.deadline()
        look = not only_others or (deadline is not None and now >= deadline)
        deliveries = self.link.receive(now) if look else []
        if not self.may_go_on(now):
            return
        for delivery in deliveries:
            self._on_delivery(delivery, now)
        for fd, ready in self.epoll.poll(0):
            self._on_ready(fd, ready)
        if look:
            for delivery in self.link.tick(now):
                self._on_delivery(delivery, now)
        self._on_time(now)
        self._flush(now)

    def may_go_on(self, now: float) -> bool:
        """Whether what has just come may be looked at; if not, the exit code is set."""
        return True

    def say_farewell(self) -> None:
        """Nothing lives any more; the link does."""

    def _timeout_ms(self, now: float) -> int:
        deadlines = [self.link.deadline(), self.core.deadline(), self.outbox.deadline(), *self._mute.values()]
        if self.sweeper.busy:
            deadlines.append(now + sweeper.RETRY_S)
        elif self.core.work:
            deadlines.append(self.next_round)
        soonest = min((d for d in deadlines if d is not None), default=now + 60.0)
        return int(min(60_000.0, max(0.0, (soonest - now) * 1000.0 + 1.0)))

    def _on_time(self, now: float) -> None:
        deadline = self.core.deadline()
        if deadline is not None and now >= deadline:
            self._handle(on.Tick())
        for number in [number for number, until in self._mute.items() if now >= until]:
            self._end_mute(number)
        if self.sweeper.busy:
            self._sweep(now)
        if now >= self.next_round:
            self.next_round = now + ROUND_S
            self._round()

    def _flush(self, now: float) -> None:
        plenty = self.exit_code is None and self.core.has_plenty(PLENTY_PER_CORE)
        if batch := self.outbox.due(now, plenty):
            try:
                self.link.send(SERVER, batch, now)
            except LocalProtocolError:
                for message in batch:
                    self._send_alone(message, now)

    def _send_alone(self, message: Message, now: float) -> None:
        """A report beyond the limits of the wire fails its attempt, not the session."""
        try:
            self.link.send(SERVER, [message], now)
        except LocalProtocolError as error:
            self._log(f"can't send {type(message).__name__}: {error}")
            if not isinstance(message, Finished):
                raise
            self.link.send(SERVER, [self.core.replace_finished(message.attempt, str(error))], now)

    def _on_delivery(self, delivery: Delivery, now: float) -> None:
        what = delivery.what
        if isinstance(what, Deliver):
            for message in what.messages:
                if isinstance(message, Heartbeat):
                    continue
                try:
                    self._on_message(message)
                except (RemoteProtocolError, KeyError) as error:
                    self._log(f"dropped {type(message).__name__}: {error!r}")
        elif isinstance(what, HeartbeatDue):
            self.outbox.append(self.core.heartbeat())
        elif isinstance(what, Established):
            self.introduce()
        elif isinstance(what, Refused):
            self._log(f"the MCP refuses this supervisor: {what.reason}")
            self.exit_code = 1

    def _on_message(self, message: Any) -> None:
        self._handle(message)

    def introduce(self) -> None:
        """The MCP is there and doesn't know us."""
        self.outbox.append(uplink.introduce(self.config))

    def _on_ready(self, fd: int, ready: int) -> None:
        member = self._by_fd.get(fd)
        if member is not None:
            self._on_member_ready(member, ready)
        elif fd == self._wakeup:
            if signal.SIGTERM in os.read(fd, 4096):
                self._on_sigterm()
            self._reap()
        elif fd == self._mcp:
            self._on_parent_gone()

    def _on_parent_gone(self) -> None:
        """The MCP: nobody wants what runs here."""
        self._log("the MCP is gone")
        self._end_everything()
        os._exit(1)

    def _on_sigterm(self) -> None:
        """End the jobs, and leave."""
        self._handle(Shutdown("SIGTERM"))

    def _handle(self, event: Any) -> None:
        self._perform(self.core.handle(event, clock.now()))

    def _leave(self, instruction: do.Leave) -> None:
        self.exit_code = instruction.exit_code

    def _end_everything(self) -> None:
        """Kill every process of the session. Jobs die with their data process, what they left becomes our child."""
        for pid in self.workforce.by_pid:
            descendants.kill(pid)
        if not descendants.end_all(time.monotonic() + END_S):
            self._log(f"processes {descendants.children()} survive SIGKILL")


def _wake(number: int, frame: object) -> None:
    """A Python-level handler, so that the signal reaches the wakeup descriptor."""
