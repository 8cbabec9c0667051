"""A small MCP for tests: forks a supervisor, drives it over a real link, collects what it says."""

from __future__ import annotations

import os
import platform
import select
import shutil
import signal
import time
import uuid
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

import zmq

from ppg_cs import descendants, embedded
from ppg_cs.config import SupervisorConfig
from ppg_cs.session_directory import session_directory
from ppg_cs.survivors import members
from ppg_cs.tasks import FileTask, Task
from ppg_protocol import PROTOCOL_MAJOR, PROTOCOL_MINOR
from ppg_protocol.link import ServerLink
from ppg_protocol.messages import Ack, Finished, Heartbeat, Hello, Ready, Run, Shutdown
from ppg_protocol.session import Timing
from ppg_protocol.session_events import Deliver, Established, HeartbeatDue

M = TypeVar("M")
PATIENCE_S = 20.0


def runtime_base(directory: Path) -> Path:
    """Stands for /tmp in a test: short, since the path of a Unix socket has 107 bytes and those of pytest are long."""
    base = Path(f"/tmp/pt-{blake2b(os.fsencode(directory), digest_size=6).hexdigest()}")
    base.mkdir(mode=0o700, exist_ok=True)
    return base


class Mcp:
    """Use as a context manager; at the end nothing of the session may live."""

    def __init__(self, base: Path, tasks: Sequence[Task], cores: int = 2, **options: Any) -> None:
        self.session = uuid.uuid4().hex[:12]
        self.directory = session_directory(str(base), self.session, runtime_base(base))
        self.base = base
        self.tasks = list(tasks)
        self.said: list[Any] = []
        self.attempts = 0
        self.config = SupervisorConfig(
            endpoint=f"ipc://{self.directory}/link",
            session=self.session,
            epoch=1,
            engine_version="1.0",
            run_directory=str(self.directory),
            project_directory=str(base),
            cores=cores,
            memory_bytes=options.pop("memory_bytes", 1 << 30),
            mcp_pid=os.getpid(),
            **options,
        )
        self.supervisor = embedded.start(self.config, self.tasks.__getitem__)
        self.context = zmq.Context(1)
        versions = (PROTOCOL_MAJOR, PROTOCOL_MINOR, "1.0", platform.python_version())
        hello = Hello(*versions, "mcp", "here", "boot", os.urandom(16), self.session, 1)
        self.link = ServerLink(self.context, self.config.endpoint, hello, Timing(0.5, 5.0))
        self.peer = b""
        self.auto_ack = True

    def __enter__(self) -> Mcp:
        self.expect(Ready)
        return self

    def __exit__(self, *exc: object) -> None:
        try:
            if not self.gone(0):
                self.send(Shutdown("test over"))
                if not self.gone(PATIENCE_S):
                    os.kill(self.supervisor.pid, signal.SIGKILL)
                    raise AssertionError(f"supervisor did not end; log: {self.log()}")
            os.waitpid(self.supervisor.pid, 0)
            if exc == (None, None, None):
                assert members(self.directory, self.session) == [], "the supervisor left processes"
        finally:
            os.close(self.supervisor.pidfd)
            self.link.close()
            self.context.term()
            shutil.rmtree(runtime_base(self.base), ignore_errors=True)

    def log(self) -> str:
        try:
            return (self.directory / "session.log").read_text()
        except OSError:
            return ""

    def gone(self, timeout_s: float) -> bool:
        """Whether the supervisor has ended."""
        poll = select.poll()
        poll.register(self.supervisor.pidfd, select.POLLIN)
        return bool(poll.poll(timeout_s * 1000))

    def send(self, *messages: Any) -> None:
        self.link.send(self.peer, messages, time.monotonic())

    def run(self, job: int, **options: Any) -> int:
        """Order an attempt; returns its number."""
        self.attempts += 1
        fields = {
            "loads": (),
            "cores": 1,
            "memory_bytes": 0,
            "await_files": (),
            "generates": False,
        }
        self.send(Run(attempt=self.attempts, job=job, **{**fields, **options}))  # type: ignore[arg-type]
        return self.attempts

    def pump(self, timeout_s: float) -> None:
        """Take in what arrives."""
        now = time.monotonic()
        deadline = self.link.deadline()
        wait = timeout_s if deadline is None else min(timeout_s, max(0.0, deadline - now))
        self.link.socket.poll(int(wait * 1000) + 1)
        now = time.monotonic()
        for delivery in self.link.receive(now) + self.link.tick(now):
            what = delivery.what
            if isinstance(what, Established):
                self.peer = delivery.peer
            elif isinstance(what, HeartbeatDue):
                self.send(Heartbeat((), (), 0))
            elif isinstance(what, Deliver):
                self.said.extend(what.messages)
                done = tuple(m.attempt for m in what.messages if isinstance(m, Finished))
                if done and self.auto_ack:
                    self.send(Ack(done))

    def until(self, condition: Callable[[], Any], timeout_s: float = PATIENCE_S) -> Any:
        """Pump until the condition gives something true; returns that."""
        deadline = time.monotonic() + timeout_s
        while not (value := condition()):
            assert time.monotonic() < deadline, f"{self.said[-5:]}\nlog: {self.log()}"
            self.pump(0.05)
        return value

    def expect(self, kind: type[M], **fields: Any) -> M:
        """The first message of this kind and with these fields, said already or awaited."""

        def look() -> M | None:
            for message in self.said:
                if isinstance(message, kind) and all(getattr(message, k) == v for k, v in fields.items()):
                    return message
            return None

        return self.until(look)  # type: ignore[no-any-return]

    def finish(self, job: int, **options: Any) -> Finished:
        """Run a job and wait for its end."""
        attempt = self.run(job, **options)
        return self.expect(Finished, attempt=attempt)


def file_task(path: Path, callback: Callable[..., Any], *arguments: Any, **options: Any) -> FileTask:
    """A task with one output, which the callback gets as its first argument."""
    fields = {"empty_ok": False, "rename_broken": False, **options}
    return FileTask(str(path.name), (str(path),), callback, (str(path), *arguments), **fields)


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    fields = descendants.stat_fields(pid)
    return bool(fields) and fields[0] not in "ZX"
