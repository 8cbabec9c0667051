"""The embedded machine: a supervisor forked by this process, the link to it, and the arbiter that grants it.

Nothing here is made before there is something to execute: a run with nothing to do forks nobody.
"""

from __future__ import annotations

import os
import platform
import select
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import zmq

from ppg_cs import machine as this_machine
from ppg_cs.config import SupervisorConfig
from ppg_cs.embedded import EmbeddedSupervisor, start
from ppg_cs.headroom import no_process, require_room
from ppg_cs.session_directory import discard, session_directory
from ppg_cs.survivors import end_session
from ppg_cs.tasks import Task
from ppg_protocol import PROTOCOL_MAJOR, PROTOCOL_MINOR
from ppg_protocol.codec import Message
from ppg_protocol.errors import CommunicationFailure
from ppg_protocol.link import ServerLink
from ppg_protocol.messages import Define, Heartbeat, Hello, Ready
from ppg_protocol.records import Blob
from ppg_protocol.session import Timing
from ppg_protocol.session_events import Deliver, Established, HeartbeatDue, PeerSilent, Refused

from ..cluster.former import former_machines, patience_s
from ..dispatcher import MachineShare
from ..store import StatusStore
from ..version import __version__
from .machines import Report
from .watching import Watching

HEARTBEAT_S = 2.0
SILENCE_S = 60.0
END_PATIENCE_S = 10.0
LOOK_UP_S = 0.05


class EmbeddedMachine(Watching):
    """See the module, and `machines` for what the run loop asks of it. `send` is called once per round."""

    waits_for = ""

    def __init__(
        self, directory: Path, store: StatusStore, max_cores: int | None, task_of: Callable[[int], Task]
    ) -> None:
        super().__init__()
        require_room()
        self.cores = this_machine.cores() if max_cores is None else max_cores
        self.memory_bytes = this_machine.memory_bytes()
        self.run_directory = session_directory(str(directory), store.session)
        store.set_run_directory(self.run_directory)
        endpoint = f"ipc://{self.run_directory}/link"
        config = SupervisorConfig(
            endpoint=endpoint,
            session=store.session,
            epoch=store.epoch,
            engine_version=__version__,
            run_directory=str(self.run_directory),
            project_directory=str(directory),
            cores=self.cores,
            memory_bytes=self.memory_bytes,
            mcp_pid=os.getpid(),
            heartbeat_s=HEARTBEAT_S,
            silence_s=SILENCE_S,
            close_fds=store.descriptors(),
        )
        self._supervisor = self._started(config, task_of)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        hello = Hello(
            PROTOCOL_MAJOR,
            PROTOCOL_MINOR,
            __version__,
            platform.python_version(),
            "mcp",
            platform.node(),
            this_machine.boot_id(),
            os.urandom(16),
            store.session,
            store.epoch,
        )
        self._link = ServerLink(self._context, endpoint, hello, Timing(HEARTBEAT_S, SILENCE_S))
        self._peer = b""
        self._name = ""
        self._clear_at = time.monotonic() + patience_s(former_machines(store))
        self._session = store.session
        from ppg_coordinator.arbiter import Arbiter  # while the supervisor starts; no job carries it

        self._arbiter = Arbiter()
        self._poller.register(self._link.socket, zmq.POLLIN)
        self._poller.register(self._supervisor.pidfd, zmq.POLLIN)
        self._looked_s = time.monotonic()

    def _started(self, config: SupervisorConfig, task_of: Callable[[int], Task]) -> EmbeddedSupervisor:
        try:
            return start(config, task_of)
        except OSError as error:
            discard(self.run_directory)
            raise CommunicationFailure(
                f"The supervisor of this run could not be started: {no_process(error)}."
            ) from error

    @property
    def is_clear(self) -> bool:
        """Not while machines of a cluster may still run something of an earlier run, whose master was killed."""
        return time.monotonic() >= self._clear_at

    def poll(self, timeout_s: float) -> list[tuple[str, Report]]:
        """Wait for messages from the supervisor. Raises CommunicationFailure when it is gone."""
        deadline = self._link.deadline()
        if deadline is not None:
            timeout_s = min(timeout_s, deadline - time.monotonic())
        if not self.is_clear:
            timeout_s = min(timeout_s, self._clear_at - time.monotonic())
        ready = self._wait(timeout_s)
        now = time.monotonic()
        messages: list[Message] = []
        for delivery in [*self._link.receive(now), *self._link.tick(now)]:
            match delivery.what:
                case Deliver(delivered, _):
                    messages.extend(delivered)
                case Established():
                    self._peer = delivery.peer
                case HeartbeatDue():
                    self._heartbeat(delivery.peer, now)
                case PeerSilent() if delivery.peer == self._peer:
                    raise CommunicationFailure(
                        f"The supervisor of this run (pid {self._supervisor.pid}) has been silent for "
                        f"{SILENCE_S:.0f} s. Nothing that was done is lost: run again."
                    )
                case Refused(reason) if delivery.peer == self._peer or not self._peer:
                    raise CommunicationFailure(f"The supervisor refused this run: {reason}")
        self._serve_watched(ready)
        if not messages and self._supervisor.pidfd in ready:
            raise CommunicationFailure(
                f"The supervisor of this run (pid {self._supervisor.pid}) died. "
                "Nothing that was done is lost: run again."
            )
        return self._reports(messages)

    def _reports(self, messages: Sequence[Message]) -> list[tuple[str, Report]]:
        reports: list[tuple[str, Report]] = [(self._name, message) for message in messages]
        for message in messages:
            if isinstance(message, Ready):
                self._name = message.machine_id
                reports = [(self._name, report) for _, report in reports]
                reports.append((self._name, self._share(message)))
        return reports

    def _wait(self, timeout_s: float) -> dict[object, int]:
        """What is ready. After a suspension (Ctrl-Z, fg) zmq's I/O thread, which stood still too, gets time to take in
        what the supervisor said meanwhile, lest that is called silent.
        """
        ready = dict(self._poller.poll(max(0, int(timeout_s * 1000 + 0.999))))
        if time.monotonic() - self._looked_s > SILENCE_S / 2:
            self._link.socket.poll(int(2000 * HEARTBEAT_S))
            ready = dict(self._poller.poll(0))
        self._looked_s = time.monotonic()
        return ready

    def send(self, machine: str, messages: Sequence[Message]) -> None:
        """Send in order."""
        self._link.send(self._peer, messages, time.monotonic())

    def define(self, machine: str, attempt: int, jobs: tuple[int, ...], chunk: bytes) -> None:
        """The successor that generated them takes over."""
        self.send(machine, [Define(attempt, jobs, Blob(b""))])

    def demand(self, counts: Mapping[tuple[int, int, int], int]) -> None:
        """This machine is ours alone."""

    def _share(self, ready: Ready) -> MachineShare:
        """What the arbiter grants of the machine that has just come."""
        from ppg_coordinator.events import Demand, MachineJoined, SessionOpened, Shape, Shares

        now = time.monotonic()
        instructions = [
            *self._arbiter.handle(MachineJoined(ready.machine_id, ready.cores, ready.memory_bytes), now),
            *self._arbiter.handle(SessionOpened(self._session, str(os.getuid())), now),
            *self._arbiter.handle(Demand(self._session, (Shape(1, 0, ready.cores),)), now),
        ]
        for instruction in reversed(instructions):
            if isinstance(instruction, Shares):
                for machine, cores, memory_bytes in instruction.machines:
                    return MachineShare(machine, cores, memory_bytes, ready.cores, ready.memory_bytes)
        raise AssertionError("the embedded arbiter granted nothing")

    def close(self, busy: set[str], is_urgent: Callable[[], bool]) -> None:
        """Wait for the supervisor, which was told to shut down or is dead. Kill it when it does not end, or is urgent.

        If it did not end in order, what it left running is killed here. Raises SurvivorError if that can't be done.
        """
        supervisor = self._supervisor
        give_up = time.monotonic() + END_PATIENCE_S
        while not select.select([supervisor.pidfd], [], [], LOOK_UP_S)[0]:
            if time.monotonic() > give_up or is_urgent():
                os.kill(supervisor.pid, 9)
        status = _reaped(supervisor.pid)
        os.close(supervisor.pidfd)
        self._link.close()
        self._context.destroy(linger=0)
        if status:
            end_session(self.run_directory)
        discard(self.run_directory)

    def _heartbeat(self, peer: bytes, now: float) -> None:
        self._link.send(peer, [Heartbeat((), (), 0)], now)


def _reaped(pid: int) -> int:
    """Wait status of a child that has ended; SIGKILL's where the script ignores SIGCHLD, or reaped it in a thread."""
    try:
        return os.waitpid(pid, 0)[1]
    except ChildProcessError:
        return signal.SIGKILL
