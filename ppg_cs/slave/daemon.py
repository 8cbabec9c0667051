"""The ppg-slave daemon: the shell around `core`. It has the link to the coordinator and a child per session, no more.

One poller over the link and an epoll descriptor for all else: channels of supervisors, the signal wakeup pipe. It
unpickles nothing and runs no user code. Its end, however it comes, is that of its supervisors.
"""

from __future__ import annotations

import logging
import os
import platform
import select
import signal
import socket
import warnings
from collections.abc import Callable
from typing import Any

import zmq

from ppg_cs import hygiene, machine
from ppg_cs.slave import events as on
from ppg_cs.slave import instructions as do
from ppg_cs.slave import session_setup
from ppg_cs.slave.core import SlaveCore
from ppg_cs.slave.farewell import say_farewell
from ppg_cs.slave.leftovers import sweep_all
from ppg_cs.slave.presence import Presence
from ppg_cs.slave.sessions import Sessions
from ppg_cs.slave.settings import SlaveSettings
from ppg_protocol import PROTOCOL_MAJOR, PROTOCOL_MINOR, clock
from ppg_protocol.cluster_messages import EndOlder, Limit, StartSession, StopSession
from ppg_protocol.link import SERVER, ClientLink, Delivery
from ppg_protocol.messages import Heartbeat, Hello
from ppg_protocol.session import Timing
from ppg_protocol.session_events import Deliver, Established, HeartbeatDue, PeerReturned, PeerSilent, Refused

log = logging.getLogger("ppg-slave")

COORDINATOR_SESSION = "coordinator"
LONGEST_SLEEP_S = 10.0
FAREWELL_S = 2.0
FIRST_REMINDER_S, REMINDER_S = 5.0, 30.0
"""How often the log says that the coordinator is not there."""
SERVED_HEARTBEATS = 30
"""A connection that lasted for so many was one of a daemon that is wanted."""
ORDERS = (StartSession, StopSession, EndOlder, Limit)


class Daemon:
    """`serve` is the process's whole life."""

    def __init__(self, settings: SlaveSettings) -> None:
        self._settings = settings
        s = settings
        self._presence = Presence(s.machine_id, s.coordinator_key or s.coordinator.encode())
        self._core = SlaveCore(s.machine_id, s.cores, s.memory_bytes, s.drain_s, self._presence.name)
        self._sessions = Sessions(settings)
        self._leaving: do.Leave | None = None
        self._connected = False
        self._connected_at = clock.now()
        self._refusal: str | None = None
        self._remind_at = clock.now() + FIRST_REMINDER_S
        self._performers: dict[type, Callable[[Any], None]] = {
            do.Tell: self._tell,
            do.Spawn: self._spawn,
            do.PassLimit: self._pass_limit,
            do.DrainSession: lambda i: self._sessions.send(i.session, (session_setup.DRAIN,)),
            do.EndSession: self._end_session,
            do.KillSession: lambda i: self._sessions.kill(i.session),
            do.Sweep: lambda i: self._sessions.sweep(i.project),
            do.Leave: self._leave,
        }  # fmt: skip
        self._wakeup, wakeup_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wakeup_end, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _wake)
        warnings.filterwarnings("ignore", ".*use of fork.*", DeprecationWarning)
        hygiene.adopt_orphans()
        sweep_all()
        self._epoll = select.epoll()
        self._epoll.register(self._wakeup, select.EPOLLIN)
        self._context = zmq.Context[zmq.Socket[bytes]](1)
        self._link = _connect(self._context, settings)

    def serve(self) -> int:
        """Turn after turn, until something says to leave; returns the exit code."""
        log.info("machine %s: %d cores, %d bytes", *self._facts())
        while self._leaving is None:
            poller = zmq.Poller()
            poller.register(self._link.socket, zmq.POLLIN)
            poller.register(self._epoll.fileno(), zmq.POLLIN)
            poller.poll(self._timeout_ms(clock.now()))
            self._turn(clock.now())
        log.info("leaving: %s", self._leaving.reason)
        self._sessions.end_all()
        trouble = say_farewell(self._link, FAREWELL_S) if self._connected else "it is silent"
        if trouble:
            log.info("the coordinator could not be told: %s", trouble)
        self._link.close()
        return self._leaving.exit_code

    def _facts(self) -> tuple[str, int, int]:
        s = self._settings
        return s.machine_id, s.cores, s.memory_bytes

    def _timeout_ms(self, now: float) -> int:
        reminder = None if self._connected else self._remind_at
        deadlines = (self._link.deadline(), self._core.deadline(), self._sessions.deadline(), reminder)
        soonest = min((d for d in deadlines if d is not None), default=now + LONGEST_SLEEP_S)
        return int(1000 * min(LONGEST_SLEEP_S, max(0.0, soonest - now))) + 1

    def _turn(self, now: float) -> None:
        for delivery in [*self._link.receive(now), *self._link.tick(now)]:
            self._on_delivery(delivery, now)
        if self._refusal is not None:
            self._on_refusal(self._refusal, now)
        for fd, _ in self._epoll.poll(0):
            if fd == self._wakeup:
                self._on_signals(os.read(fd, 4096))
        for report in self._sessions.listen():
            self._handle(report)
        self._sessions.flush()
        self._sessions.on_time(now)
        deadline = self._core.deadline()
        if deadline is not None and now >= deadline:
            self._handle(on.Elapsed())
        if not self._connected and now >= self._remind_at:
            self._remind_at = now + REMINDER_S
            trouble = self._link.trouble or "no answer"
            log.warning("the coordinator at %s is not there (%s); trying on", self._settings.coordinator, trouble)

    def _on_signals(self, numbers: bytes) -> None:
        for number in numbers:
            if number in (signal.SIGTERM, signal.SIGINT):
                log.info("%s: draining; a second signal ends at once", signal.Signals(number).name)
                self._handle(on.Interrupted())
        for report in self._sessions.reap():
            self._handle(report)

    # ------------------------------------------------------------------------------------------------ the coordinator

    def _on_delivery(self, delivery: Delivery, now: float) -> None:
        match delivery.what:
            case Deliver(messages, _):
                for message in messages:
                    if isinstance(message, ORDERS):
                        self._handle(message)
            case HeartbeatDue():
                memory_bytes = sum(seat.held[2] for seat in self._core.seats.values())
                self._link.send(SERVER, [Heartbeat((), (), memory_bytes)], now)
            case Established(hello):
                self._connected, self._connected_at = True, now
                log.info("the coordinator on %s is there", hello.host)
                self._handle(on.Connected(self._presence.neighbours()))
            case PeerSilent() if self._connected:
                self._connected, self._remind_at = False, now + REMINDER_S
                log.warning("the coordinator at %s is silent; what runs goes on", self._settings.coordinator)
            case PeerReturned():
                self._connected = True
                log.info("the coordinator is back")
            case Refused(reason):
                self._refusal = reason

    def _on_refusal(self, reason: str, now: float) -> None:
        """One that has served for long was given up while it could not be heard: it introduces itself anew."""
        self._refusal = None
        log.error("%s", reason)
        if now < self._connected_at + SERVED_HEARTBEATS * self._settings.heartbeat_s:
            self._handle(on.Unwanted(reason))
            return
        self._connected, self._connected_at = False, now
        self._link.close()
        self._link = _connect(self._context, self._settings)

    def _handle(self, event: on.Event) -> None:
        for instruction in self._core.handle(event, clock.now()):
            self._performers[type(instruction)](instruction)

    # ----------------------------------------------------------------------------------------------- what is performed

    def _tell(self, i: do.Tell) -> None:
        self._link.send(SERVER, [i.message], clock.now())

    def _spawn(self, i: do.Spawn) -> None:
        failed = self._sessions.spawn(i.order)
        if failed is not None:
            self._handle(failed)
        else:
            channel = self._sessions.children[i.order.session].channel
            self._epoll.register(channel, select.EPOLLIN | select.EPOLLET)

    def _pass_limit(self, i: do.PassLimit) -> None:
        limit = i.limit
        packet = (session_setup.LIMIT, limit.number, limit.cores, limit.memory_bytes)
        self._sessions.send(limit.session, packet)

    def _end_session(self, i: do.EndSession) -> None:
        log.info("session %s: ending it: %s", i.session, i.reason)
        self._sessions.send(i.session, (session_setup.STOP, i.reason))

    def _leave(self, i: do.Leave) -> None:
        self._leaving = self._leaving or i


def _connect(context: zmq.Context[zmq.Socket[bytes]], settings: SlaveSettings) -> ClientLink:
    hello = Hello(
        PROTOCOL_MAJOR,
        PROTOCOL_MINOR,
        settings.engine_version,
        platform.python_version(),
        "slave",
        socket.gethostname(),
        machine.boot_id(),
        os.urandom(16),
        COORDINATOR_SESSION,
        0,
    )
    timing = Timing(settings.heartbeat_s, settings.silence_s)
    return ClientLink(
        context, settings.coordinator, hello, timing, clock.now(), settings.client(settings.coordinator_key)
    )


def _wake(number: int, frame: object) -> None:
    """A Python-level handler, so that the signal reaches the wakeup descriptor."""
