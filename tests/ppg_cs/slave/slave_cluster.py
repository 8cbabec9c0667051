"""A coordinator and masters, as small as tests can use them, around real slave daemons and all that these start."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

import zmq

from ppg_cs import descendants
from ppg_cs.session_directory import runtime_root
from ppg_cs.slave.engine import engine_version
from ppg_cs.survivors import members
from ppg_cs.task_stream import BaseWriter
from ppg_cs.tasks import FileTask, Task
from ppg_protocol import PROTOCOL_MAJOR, PROTOCOL_MINOR, clock
from ppg_protocol.cluster_messages import Holding, Limit, Prepare, Register, SessionEnded, StartSession, Variable
from ppg_protocol.curve import CurveServer, KeyPair
from ppg_protocol.keys import make_owner_keys
from ppg_protocol.link import ServerLink
from ppg_protocol.messages import Ack, Define, Finished, Heartbeat, Hello, Ready, Run
from ppg_protocol.records import Blob
from ppg_protocol.session import Timing
from ppg_protocol.session_events import Deliver, Established, HeartbeatDue

M = TypeVar("M")
PATIENCE_S = 30.0
HEARTBEAT_S = 0.2
NONCE = b"a nonce"


@dataclass
class Holder:
    """A job, as far as the task stream is concerned."""

    index: int
    made: Task

    def task(self) -> Task:
        """See TaskHolder."""
        return self.made


@dataclass
class Piece:
    """Some jobs."""

    holders: Sequence[Holder]

    def enter(self) -> Sequence[Holder]:
        """See Piece of task_stream."""
        return self.holders


class Server:
    """One bound link, and what came over it."""

    def __init__(self, cluster: Cluster, endpoint: str, session: str, epoch: int, role: str, keys: KeyPair) -> None:
        self.cluster = cluster
        versions = (PROTOCOL_MAJOR, PROTOCOL_MINOR, engine_version(), platform.python_version())
        hello = Hello(*versions, role, "head", "boot", os.urandom(16), session, epoch)
        curve = CurveServer(keys, cluster.keys.user.public.__eq__)
        self.link = ServerLink(cluster.context, endpoint, hello, Timing(HEARTBEAT_S, 60.0), curve)
        self.endpoint = self.link.endpoint
        self.peers: list[bytes] = []
        self.said: list[Any] = []
        self.mute = False
        cluster.servers.append(self)

    def send(self, *messages: Any) -> None:
        """To who came last."""
        self.link.send(self.peers[-1], messages, clock.now())

    def pump(self) -> None:
        """Take in what has arrived."""
        if self.mute:
            return
        now = clock.now()
        for delivery in self.link.receive(now) + self.link.tick(now):
            what = delivery.what
            if isinstance(what, Established):
                self.peers.append(delivery.peer)
                self.welcome()
            elif isinstance(what, HeartbeatDue):
                self.link.send(delivery.peer, [Heartbeat((), (), 0)], now)
            elif isinstance(what, Deliver):
                for message in what.messages:
                    self.said.append(message)
                    self.on_message(message)

    def welcome(self) -> None:
        """A peer is there."""

    def on_message(self, message: Any) -> None:
        """Something was said."""

    def find(self, kind: type[M], **fields: Any) -> list[M]:
        """What was said of this kind with these fields."""
        return [m for m in self.said if isinstance(m, kind) and all(getattr(m, k) == v for k, v in fields.items())]

    def expect(self, kind: type[M], **fields: Any) -> M:
        """The first message of this kind and with these fields, said already or awaited."""
        return self.cluster.until(lambda: self.find(kind, **fields))[0]  # type: ignore[no-any-return]

    def dismiss(self, reason: str) -> None:
        """Refuse who came last."""
        self.link.dismiss(self.peers[-1], reason, clock.now())

    def close(self) -> None:
        """Nobody is there any more."""
        self.link.close()
        self.cluster.servers.remove(self)


class Master(Server):
    """The other end of a session."""

    def __init__(self, cluster: Cluster, name: str, epoch: int = 1, **prepare: Any) -> None:
        self.session = f"{name}-{uuid.uuid4().hex[:8]}"
        self.epoch = epoch
        self.attempts = self.parts = 0
        self.prepare = prepare
        self.writer = BaseWriter()
        self.auto_ack = True
        super().__init__(cluster, "tcp://127.0.0.1:*", self.session, epoch, "mcp", cluster.keys.user)

    @property
    def project(self) -> str:
        """The directory of the run."""
        return str(self.cluster.base)

    def welcome(self) -> None:
        """Say what to be like."""
        nonce = self.cluster.base / "nonce"
        nonce.write_bytes(NONCE)
        defaults = {
            "project_directory": self.project,
            "nonce_file": str(nonce),
            "nonce": NONCE,
            "python": sys.executable,
            "cwd": self.project,
            "umask": 0o022,
            "sys_path": tuple(sys.path),
            "environment": tuple(Variable(*item) for item in os.environ.items()),
            "limits": (),
            "main_file": "script.py",
            "parts": 0,
        }
        self.send(Prepare(**{**defaults, **self.prepare}))  # type: ignore[arg-type]

    def on_message(self, message: Any) -> None:
        """Acknowledge results."""
        if isinstance(message, Finished) and self.auto_ack:
            self.acknowledge(message.attempt)

    def acknowledge(self, attempt: int) -> None:
        """The result is stored."""
        self.send(Ack((attempt,)))

    def define(self, first: int, *tasks: Task) -> None:
        """Send tasks as the next part; they get indices from `first` on."""
        piece = Piece([Holder(first + i, task) for i, task in enumerate(tasks)])
        self.send(Define(0, (), Blob(self.writer.write(piece)), self.parts))
        self.parts += 1

    def run(self, job: int, **options: Any) -> int:
        """Order an attempt; returns its number."""
        self.attempts += 1
        fields: dict[str, Any] = {"loads": (), "cores": 1, "memory_bytes": 0, "await_files": (), "generates": False}
        self.send(Run(attempt=self.attempts, job=job, **{**fields, **options}))
        return self.attempts

    def finish(self, job: int, **options: Any) -> Finished:
        """Run a job and wait for its end."""
        return self.result(self.run(job, **options))

    def result(self, attempt: int) -> Finished:
        """Wait for an attempt's end."""
        return self.expect(Finished, attempt=attempt)

    def start(self) -> StartSession:
        """What the coordinator says to have a supervisor for it."""
        return StartSession(self.session, self.epoch, self.project, self.endpoint)

    def log(self) -> str:
        """Of its supervisor."""
        logs = [path.read_text() for path in runtime_root(self.project).glob(f"{self.session}*/session.log")]
        return "".join(logs)


class Cluster:
    """Use as a context manager; at the end nothing of its sessions may live."""

    def __init__(self, base: Path, cores: int = 2, memory_bytes: int = 1 << 30, **settings: Any) -> None:
        self.base = base
        self.directory = Path(f"/tmp/pt-{blake2b(os.fsencode(base), digest_size=6).hexdigest()}")
        self.directory.mkdir(mode=0o700, exist_ok=True)
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context(1)
        self.servers: list[Server] = []
        self.daemons: list[subprocess.Popen[str]] = []
        self.numbers = 0
        self.keys = make_owner_keys(self.directory / "keys")
        self.address = "tcp://127.0.0.1:*"
        self.coordinator = self.start_coordinator()
        self.machine_id = f"machine of {base.name}"
        self.settings = {
            "coordinator": self.address,
            "keys": self.directory / "keys",
            "machine-id": self.machine_id,
            "cores": cores,
            "memory": memory_bytes,
            "heartbeat": HEARTBEAT_S,
            "lease": 30.0,
            "drain-timeout": 30.0,
            **settings,
        }

    def start_coordinator(self) -> Server:
        """One that knows nothing, always at the same address."""
        assert self.keys.coordinator is not None
        keys = self.keys.coordinator
        self.coordinator = Server(self, self.address, "coordinator", 0, "coordinator", keys)
        self.address = self.coordinator.endpoint
        return self.coordinator

    def start_daemon(self) -> subprocess.Popen[str]:
        """The command."""
        log = (self.directory / "daemon.log").open("a")
        with log:
            command = [sys.executable, "-m", "ppg_cs.slave.command"]
            options = [f"--{name}={value}" for name, value in self.settings.items()]
            daemon = subprocess.Popen([*command, *options], stderr=log, text=True)
        self.daemons.append(daemon)
        return daemon

    def __enter__(self) -> Cluster:
        self.start_daemon()
        self.coordinator.expect(Register)
        return self

    def __exit__(self, *exc: object) -> None:
        try:
            for daemon in self.daemons:
                if daemon.poll() is None:
                    daemon.kill()
                daemon.wait(PATIENCE_S)
            if exc == (None, None, None):
                self.until(lambda: not self.alive())
        finally:
            for server in list(self.servers):
                server.close()
            self.context.term()
            shutil.rmtree(self.directory, ignore_errors=True)
            shutil.rmtree(runtime_root(str(self.base)), ignore_errors=True)

    def alive(self) -> list[int]:
        """Pids of all that belongs to sessions of the project."""
        root = runtime_root(str(self.base))
        names = os.listdir(root) if root.exists() else []
        return [pid for name in names for pid in members(root / name, name)]

    def log(self) -> str:
        """Of the daemons."""
        return (self.directory / "daemon.log").read_text()

    def until(self, condition: Callable[[], Any], timeout_s: float = PATIENCE_S) -> Any:
        """Pump until the condition gives something true; returns that."""
        deadline = time.monotonic() + timeout_s
        while not (value := condition()):
            assert time.monotonic() < deadline, self.story()
            self.pump(0.02)
        return value

    def story(self) -> str:
        """What happened, for who looks for a failure. Not in passing: who has a log open when its session is swept is
        taken for a part of it."""
        said = {server.endpoint: server.said[-5:] for server in self.servers}
        logs = [server.log() for server in self.servers if isinstance(server, Master)]
        return f"{said}\n{self.log()}\n{logs}"

    def pump(self, timeout_s: float) -> None:
        """Take in what arrives."""
        poller = zmq.Poller()
        for server in self.servers:
            poller.register(server.link.socket, zmq.POLLIN)
        poller.poll(timeout_s * 1000)
        for server in list(self.servers):
            server.pump()

    def later(self, delay_s: float) -> Callable[[], bool]:
        """A condition that comes true with time, for what time alone brings about."""
        at = time.monotonic() + delay_s
        return lambda: time.monotonic() >= at

    def exit_code(self) -> int:
        """Of the last daemon, when it has left."""
        self.until(lambda: self.daemons[-1].poll() is not None)
        return int(self.daemons[-1].returncode)

    def limit(self, master: Master, cores: int, memory_bytes: int = 1 << 30) -> int:
        """Say what a session may use; returns the number of the limit."""
        self.numbers += 1
        self.coordinator.send(Limit(master.session, self.numbers, cores, memory_bytes))
        return self.numbers

    def holding(self, number: int) -> Holding:
        """What was said last about this limit."""
        self.coordinator.expect(Holding, number=number)
        return self.coordinator.find(Holding, number=number)[-1]

    def ended(self, master: Master) -> SessionEnded:
        """Wait until nothing of a session lives any more."""
        return self.coordinator.expect(SessionEnded, session=master.session)

    def open(self, master: Master, cores: int = 2) -> Ready:
        """Have a session started with a share, and wait until it is ready."""
        self.coordinator.send(master.start())
        self.limit(master, cores)
        return master.expect(Ready)


def file_task(path: Path, callback: Callable[..., Any], *arguments: Any) -> FileTask:
    """A task with one output, which the callback gets as its first argument."""
    return FileTask(path.name, (str(path),), callback, (str(path), *arguments), False, False)


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    fields = descendants.stat_fields(pid)
    return bool(fields) and fields[0] not in "ZX"


def parent(pid: int) -> int:
    """Of a job: its data process; of that: its supervisor, or an older data process."""
    return int(descendants.stat_fields(pid)[1])


def pass_gate(path: str, gate: str) -> None:
    """A callback that waits for its gate, a fifo, to be opened."""
    Path(path).write_text(Path(gate).read_text())


class Gates:
    """Jobs that wait for their gate to be opened."""

    def __init__(self, directory: Path, count: int) -> None:
        self.paths = [directory / f"gate{i}" for i in range(count)]
        for path in self.paths:
            os.mkfifo(path)
        self.tasks = [file_task(directory / f"out{i}", pass_gate, str(path)) for i, path in enumerate(self.paths)]

    def open(self, index: int) -> None:
        """Let a job that waits there end."""
        self.paths[index].write_text("go")
