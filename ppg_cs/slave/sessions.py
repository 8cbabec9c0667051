"""The children of a slave daemon: a supervisor per session with its channel, and sweepers of what they leave.

A supervisor that is stopped can't keep to its lease, and its jobs go on: it is killed a little after.

A supervisor that ended is swept before it counts as ended: whatever its jobs started is gone then.
"""

from __future__ import annotations

import logging
import math
import os
import re
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

from ppg_cs import descendants, session_directory
from ppg_cs.config import SupervisorConfig
from ppg_cs.control import Channel
from ppg_cs.slave import exits, leftovers, session_setup
from ppg_cs.slave.events import Ended, Held, Swept
from ppg_cs.slave.session_setup import SessionSetup
from ppg_cs.slave.settings import SlaveSettings
from ppg_protocol import clock
from ppg_protocol.cluster_messages import StartSession

log = logging.getLogger("ppg-slave")

RETRY_S = 2.0
GRACE, LEAST_GRACE_S = 0.15, 0.5
"""Of the lease: for a supervisor that does end what runs."""
Report = Held | Ended | Swept
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")


@dataclass(slots=True)
class Child:
    """A supervisor. `lease_until`: as it said last; one that is just starting runs nothing. `is_overdue`: it was killed
    for that. `status`: how it ended, as of wait(2); then what it left is being swept. `words`: its last line for the
    log."""

    session: str
    directory: Path
    channel: Channel
    pid: int
    lease_until: float = math.inf
    is_overdue: bool = False
    status: int | None = None
    words: str = ""

    @property
    def runs(self) -> bool:
        """Its pid is its own."""
        return self.status is None


@dataclass(slots=True)
class Sweeper:
    """A child that sweeps: for a session that ended, or a project."""

    child: Child | None
    project: str = ""
    again_at: float = field(default=0.0)


class Sessions:
    """Supervisors by session, sweepers by pid."""

    def __init__(self, settings: SlaveSettings) -> None:
        self._settings = settings
        self.children: dict[str, Child] = {}
        self._sweepers: dict[int, Sweeper] = {}
        self._again: list[Sweeper] = []

    def spawn(self, order: StartSession) -> Ended | None:
        """Start a supervisor; Ended if that can't be done. Its channel is to be watched."""
        try:
            self._spawn(order)
        except (OSError, session_directory.SessionDirectoryError) as error:
            log.error("session %s can't be started: %s", order.session, error)
            return Ended(order.session, 0, f"its supervisor can't be started: {error}", True)
        return None

    def _spawn(self, order: StartSession) -> None:
        directory = session_directory.session_directory(order.project, self._directory_name(order.session))
        channel, end = Channel.pair()
        end.set_inheritable(True)
        command = [sys.executable, "-P", "-m", "ppg_cs.slave.session", str(end.fileno())]
        variables = {**os.environ, "PPG_SESSION": directory.name}
        ignored = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
        try:
            pid = os.posix_spawn(sys.executable, command, variables, setsigmask=[], setsigdef=ignored)
        except OSError:
            session_directory.discard(directory)
            raise
        finally:
            end.close()
        channel.send((session_setup.SETUP, *self._setup(order, directory).pack()))
        self.children[order.session] = Child(order.session, directory, channel, pid)
        log.info("session %s (epoch %d of %s): supervisor %d", order.session, order.epoch, order.project, pid)

    def _directory_name(self, session: str) -> str:
        """SESSION.MACHINE: on a test host several machines share /tmp. An id that is no good name is hashed."""
        machine = self._settings.machine_id
        if not _NAME.fullmatch(machine):
            machine = blake2b(os.fsencode(machine), digest_size=8).hexdigest()
        return f"{session}.{machine}"

    def _setup(self, order: StartSession, directory: Path) -> SessionSetup:
        s = self._settings
        config = SupervisorConfig(
            endpoint=order.endpoint,
            session=order.session,
            epoch=order.epoch,
            engine_version=s.engine_version,
            run_directory=str(directory),
            project_directory=order.project,
            cores=s.cores,
            memory_bytes=s.memory_bytes,
            mcp_pid=os.getpid(),
            heartbeat_s=s.heartbeat_s,
            silence_s=s.lease_s,
            await_files_s=s.await_files_s,
        )
        keys = (s.user.public, s.user.secret) if s.user is not None else ()
        return SessionSetup(config, s.machine_id, s.lease_s, *keys)

    # ------------------------------------------------------------------------------------------------------- channels

    def send(self, session: str, message: Sequence[Any]) -> None:
        """To a supervisor, as long as it is there."""
        child = self.children.get(session)
        if child is not None and child.runs:
            child.channel.send(message)

    def flush(self) -> None:
        """Send what channels did not take before."""
        for child in self.children.values():
            if child.runs:
                child.channel.flush()

    def listen(self) -> list[Report]:
        """All that supervisors have said."""
        return [held for child in list(self.children.values()) if child.runs for held in self._listen(child)]

    def _listen(self, child: Child) -> list[Held]:
        said: list[Held] = []
        while True:
            try:
                packet = child.channel.receive()
            except BlockingIOError:
                return said
            if packet is None:
                return said
            kind, *fields = packet[0]
            if kind == session_setup.HOLDING:
                said.append(Held(child.session, *fields))
            elif kind == session_setup.LEASE:
                child.lease_until = fields[0]
            else:
                assert kind == session_setup.WORDS, kind
                child.words = fields[0]
                log.info("session %s: %s", child.session, child.words)

    # ----------------------------------------------------------------------------------------------------- their ends

    def kill(self, session: str) -> None:
        """SIGKILL for a supervisor that does not leave."""
        child = self.children.get(session)
        if child is not None and child.runs:
            log.warning("session %s: its supervisor %d does not leave: killed", session, child.pid)
            descendants.kill(child.pid)

    def sweep(self, project: str) -> None:
        """Begin to sweep a project."""
        self._begin(Sweeper(None, project))

    def reap(self) -> list[Report]:
        """Children that have ended, and sweeps that are due again."""
        reports: list[Report] = []
        while (ended := descendants.reap_one()) is not None:
            pid, status = ended
            sweeper = self._sweepers.pop(pid, None)
            child = next((child for child in self.children.values() if child.runs and child.pid == pid), None)
            if sweeper is not None and status == 0:
                reports.append(self._done(sweeper))
            elif sweeper is not None:
                sweeper.again_at = clock.now() + RETRY_S
                self._again.append(sweeper)
            elif child is not None:
                reports += self._listen(child)
                child.status = status
                child.channel.close()
                self._begin(Sweeper(child))
        self._end_strays()
        return reports

    def _end_strays(self) -> None:
        """What a supervisor that was killed has left becomes our child; those of others are theirs."""
        ours = {child.pid for child in self.children.values() if child.runs} | set(self._sweepers)
        for pid in descendants.children():
            if pid not in ours:
                descendants.kill(pid)

    def on_time(self, now: float) -> None:
        """Kill supervisors that outlived their lease, and begin the sweeps again that did not succeed."""
        for child in self.children.values():
            if child.runs and now >= child.lease_until + self._grace_s:
                log.warning("session %s: supervisor %d does not keep to its lease: killed", child.session, child.pid)
                descendants.kill(child.pid)
                child.lease_until, child.is_overdue = math.inf, True
        due = [sweeper for sweeper in self._again if now >= sweeper.again_at]
        self._again = [sweeper for sweeper in self._again if now < sweeper.again_at]
        for sweeper in due:
            self._begin(sweeper)

    def deadline(self) -> float | None:
        """When to call `on_time`."""
        leases = [child.lease_until + self._grace_s for child in self.children.values() if child.runs]
        return min([*leases, *(sweeper.again_at for sweeper in self._again)], default=None)

    @property
    def _grace_s(self) -> float:
        """Less than the margin of the master, which starts the jobs elsewhere after that."""
        return max(LEAST_GRACE_S, GRACE * self._settings.lease_s)

    def _begin(self, sweeper: Sweeper) -> None:
        child = sweeper.child
        pid = leftovers.sweep_session(child.directory) if child else leftovers.sweep_project(sweeper.project)
        self._sweepers[pid] = sweeper

    def _done(self, sweeper: Sweeper) -> Report:
        child = sweeper.child
        if child is None:
            return Swept(sweeper.project)
        assert child.status is not None
        del self.children[child.session]
        if os.waitstatus_to_exitcode(child.status) == exits.REFUSED:
            return Ended(child.session, child.pid, child.words, True)
        reason = "its lease ran out, and it did not leave" if child.is_overdue else exits.words(child.status)
        return Ended(child.session, child.pid, reason)

    def end_all(self) -> None:
        """At once: every supervisor, and all that belongs to it."""
        for pid in [child.pid for child in self.children.values() if child.runs] + list(self._sweepers):
            descendants.kill(pid)
        for child in self.children.values():
            leftovers.end_at_once(child.directory)
