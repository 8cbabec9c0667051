"""The real daemon as a process of its own, and clients of it over loopback TCP with real keys.

Clients are what daemons and MCPs are to a coordinator: links, and the contract of the messages. `Net.until` serves all
of them until a condition holds.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import zmq

from ppg_coordinator.daemon import hello
from ppg_protocol.clock import now as clock
from ppg_protocol.cluster_messages import (
    Cleared,
    CloseSession,
    Demand,
    DemandedShape,
    EndOlder,
    HeldShare,
    Holding,
    Limit,
    OlderEnded,
    OpenSession,
    Register,
    SessionEnded,
    Shares,
    StartSession,
    StopSession,
)
from ppg_protocol.codec import Message
from ppg_protocol.curve import CurveClient
from ppg_protocol.keys import KeyDirectory, make_owner_keys, make_user_keys
from ppg_protocol.link import SERVER, ClientLink
from ppg_protocol.messages import Heartbeat
from ppg_protocol.session import Timing
from ppg_protocol.session_events import Deliver, Established, HeartbeatDue, Refused

PATIENCE_S = 30.0
HEARTBEAT_S = 0.2
SILENCE_S = 2.0
TIMING = Timing(HEARTBEAT_S, SILENCE_S)
GB = 2**30
COMMAND = [sys.executable, "-m", "ppg_coordinator.command"]


class Daemon:
    """`ppg-coordinator serve` with short times."""

    def __init__(self, keys: Path, endpoint: str = "tcp://127.0.0.1:*", grace_s: float = 0.0) -> None:
        self.keys = keys
        self._log = (keys.parent / "coordinator.log").open("a+b")
        self._begin = self._log.seek(0, os.SEEK_END)
        arguments = ["serve", "--listen", endpoint, "--keys", str(keys), "--grace", str(grace_s)]
        times = ["--heartbeat", str(HEARTBEAT_S), "--silence", str(SILENCE_S), "--lease", "4"]
        self.process = subprocess.Popen([*COMMAND, *arguments, *times], stderr=self._log)
        wait_for(lambda: "listens at" in self.log() or self.process.poll() is not None)
        found = re.search(r"listens at (\S+),", self.log())
        assert found, self.log()
        self.endpoint = found[1]

    def log(self) -> str:
        """What it has logged."""
        return os.pread(self._log.fileno(), 1 << 24, self._begin).decode()

    def end(self, number: int = signal.SIGTERM) -> int:
        """Stop it; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(PATIENCE_S)
        self._log.close()
        return code


class Client:
    """One end of a link to the coordinator."""

    role = "?"

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], endpoint: str, keys: KeyDirectory) -> None:
        self.refused: str | None = None
        self.established = 0
        curve = CurveClient(keys.user, keys.coordinator_public)
        self.link = ClientLink(context, endpoint, hello(self.role), TIMING, clock(), curve)

    def introduce(self) -> list[Message]:
        """What it says to a coordinator that does not know it."""
        return []

    def hear(self, message: Message) -> list[Message]:
        """Its answers."""
        return []

    def say(self, *messages: Message) -> None:
        """Now, or when the link is up."""
        self.link.send(SERVER, messages, clock())

    def serve(self) -> None:
        """Handle what has come."""
        now = clock()
        for delivery in [*self.link.receive(now), *self.link.tick(now)]:
            match delivery.what:
                case Established():
                    self.established += 1
                    self.say(*self.introduce())
                case Deliver(messages):
                    for message in messages:
                        self.say(*self.hear(message))
                case HeartbeatDue():
                    self.say(Heartbeat((), (), 0))
                case Refused(reason):
                    self.refused = reason


class SlaveClient(Client):
    """A ppg-slave without processes: `runs` is what its supervisors would be running, by session."""

    role = "slave"

    def __init__(self, context: Any, endpoint: str, keys: KeyDirectory, machine: str, cores: int) -> None:
        self.machine, self.cores = machine, cores
        self.limits: dict[str, tuple[int, int]] = {}
        self.opened: dict[str, StartSession] = {}
        self.ended: list[tuple[str, str]] = []
        super().__init__(context, endpoint, keys)

    def introduce(self) -> list[Message]:
        held = tuple(
            HeldShare(session, opened.epoch, opened.project, self.limits[session][0], self.limits[session][1], 0)
            for session, opened in self.opened.items()
        )
        return [Register(self.machine, self.cores, 16 * GB, held)]

    def hear(self, message: Message) -> list[Message]:
        match message:
            case StartSession(session):
                self.opened[session], self.limits[session] = message, (0, 0)
            case Limit(session, number, cores, memory) if session in self.opened:
                self.limits[session] = (number, cores)
                return [Holding(session, number, cores, memory)]
            case StopSession(session, reason):
                self.opened.pop(session, None)
                self.limits.pop(session, None)
                self.ended.append((session, reason))
                return [SessionEnded(session, 7, "stopped")]
            case EndOlder(project, epoch):
                return [OlderEnded(project, epoch)]
        return []

    @property
    def held(self) -> dict[str, int]:
        """Cores by session."""
        return {session: cores for session, (_, cores) in self.limits.items() if cores}


class McpClient(Client):
    """An MCP without jobs."""

    role = "mcp"

    def __init__(self, context: Any, endpoint: str, keys: KeyDirectory, session: str, epoch: int = 1) -> None:
        self.name, self.epoch = session, epoch
        self.demand = Demand((DemandedShape(1, 0, 100),), 0)
        self.shares: dict[str, int] = {}
        self.note = ""
        self.cleared: list[str] = []
        super().__init__(context, endpoint, keys)

    def introduce(self) -> list[Message]:
        return [OpenSession(self.name, self.epoch, f"/projects/{self.name}", "tcp://127.0.0.1:1"), self.demand]

    def hear(self, message: Message) -> list[Message]:
        match message:
            case Shares(_, _, note, False):
                self.note = note
            case Shares(_, machines, note):
                self.shares, self.note = {share.machine_id: share.cores for share in machines}, note
            case Cleared(machine):
                self.cleared.append(machine)
        return []

    def end(self) -> None:
        """The run is over."""
        self.say(CloseSession(self.name))


class Net:
    """A coordinator with keys of its owner, and everybody who talks to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.keys = {"owner": make_owner_keys(path / "owner")}
        self.daemon = Daemon(path / "owner")
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.clients: list[Client] = []

    def command(self, *arguments: str, keys: Path | None = None, timeout_s: float = 20.0) -> Any:
        """Run one of the asking commands; meanwhile all clients are served."""
        path = str(keys or self.path / "owner")
        settings = ["--coordinator", self.daemon.endpoint, "--keys", path, "--timeout", str(timeout_s)]
        process = subprocess.Popen(
            [*COMMAND, *arguments, *settings],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=without_settings(),
        )
        self.until(lambda: process.poll() is not None)
        stdout, stderr = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    def status(self) -> dict[str, Any]:
        """The document."""
        done = self.command("status", "--json")
        assert done.returncode == 0, done.stderr
        document = json.loads(done.stdout)
        assert isinstance(document, dict)
        return document

    def make_keys(self, user: str) -> Path:
        """A colleague's keys, not yet authorised."""
        self.keys[user] = make_user_keys(self.path / user, user, self.path / "owner" / "coordinator.key")
        return self.path / user / "user.key"

    def admit(self, user: str) -> None:
        """A colleague comes, and is authorised."""
        done = self.command("authorize", user, str(self.make_keys(user)))
        assert done.returncode == 0, done.stderr

    def slave(self, user: str, machine: str, cores: int = 8) -> SlaveClient:
        """A slave starts."""
        client = SlaveClient(self.context, self.daemon.endpoint, self.keys[user], machine, cores)
        self.clients.append(client)
        return client

    def mcp(self, user: str, session: str, epoch: int = 1) -> McpClient:
        """A pipegraph starts."""
        client = McpClient(self.context, self.daemon.endpoint, self.keys[user], session, epoch)
        self.clients.append(client)
        return client

    def until(self, condition: Callable[[], object]) -> None:
        """Serve all clients until it holds."""
        poller = zmq.Poller()
        for client in self.clients:
            poller.register(client.link.socket, zmq.POLLIN)
        until = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < until, self.daemon.log()
            assert self.daemon.process.poll() is None, self.daemon.log()
            poller.poll(20)
            for client in self.clients:
                client.serve()

    def vanish(self, client: Client) -> None:
        """A process is killed."""
        self.clients.remove(client)
        client.link.close()

    def restart(self, grace_s: float = 1.0) -> None:
        """Kill the coordinator and start another on the same address."""
        assert self.daemon.end(signal.SIGKILL) == -signal.SIGKILL
        self.daemon = Daemon(self.path / "owner", self.daemon.endpoint, grace_s)

    def close(self) -> None:
        """End everything."""
        for client in self.clients:
            client.link.close()
        self.context.term()
        self.daemon.end()


def run(*arguments: str) -> Any:
    """Run `ppg-coordinator` to its end."""
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60, env=without_settings())


def without_settings() -> dict[str, str]:
    """The environment, but for what configures the programs."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PPG_")}


def wait_for(condition: Callable[[], object]) -> None:
    """Poll until it holds."""
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until, "in vain"
        time.sleep(0.01)
