"""One run as a process of its own, forked from this one, killed as planned, watched to its end."""

from __future__ import annotations

import json
import os
import random
import select
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pypipegraph as ppg

from . import building, roles
from .building import Script
from .points import Point, Trap

PATIENCE_S = 60.0
FINE, JOBS_FAILED, LOST_THE_SUPERVISOR, OTHER, INTERRUPTED, LEFT_A_CHILD = 0, 3, 4, 5, 6, 7


@dataclass(frozen=True)
class Strike:
    """SIGKILL from outside, `at_s` after the start, for all processes of these roles."""

    at_s: float
    victims: tuple[str, ...]


@dataclass(frozen=True)
class Ending:
    """How a run ended. `code`: of the script, negative for a signal. `killed`: roles of those that were killed."""

    code: int
    killed: frozenset[str]
    signalled: bool
    failed: tuple[str, ...]
    said: str
    duration_s: float


class Hang(AssertionError):
    """A run that does not end."""


def start(script: Script, project: str, point: Point | None) -> int:
    """Pid of the script's process."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    code = OTHER
    try:
        os.setsid()
        os.chdir(project)
        out = os.open(f"{script.side}/out", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        for fd in (1, 2):
            os.dup2(out, fd)
        os.close(out)
        Trap(script.side, project, point).install()
        code = to_its_end(building.run, script)
        if code != OTHER and _has_children():
            code = LEFT_A_CHILD
    finally:
        sys.setprofile(None)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def to_its_end(run: Callable[[Script], None], script: Script) -> int:
    """Run it here; returns what the script's process is to exit with."""
    try:
        run(script)
    except ppg.RuntimeError as error:
        traceback.print_exc()
        Path(script.side, "failed").write_text(json.dumps([failure.job_id for failure in error.failures]))
        return JOBS_FAILED
    except ppg.CommunicationFailure:
        traceback.print_exc()
        return LOST_THE_SUPERVISOR
    except KeyboardInterrupt:
        traceback.print_exc()
        return INTERRUPTED
    except BaseException:
        traceback.print_exc()
        return OTHER
    return FINE


def _has_children() -> bool:
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return False
    return True


def watch(
    script: Script, project: str, pid: int, point: Point | None, strikes: tuple[Strike, ...], chance: random.Random
) -> Ending:
    """Wait for the end, and strike meanwhile; the caller reaps the process. Raises Hang."""
    pidfd = os.pidfd_open(pid)
    started = time.monotonic()
    killed: set[str] = set()
    try:
        for strike in sorted(strikes, key=lambda s: s.at_s):
            if select.select([pidfd], [], [], max(0.0, started + strike.at_s - time.monotonic()))[0]:
                break
            killed |= _strike(script, project, strike, chance)
        if not select.select([pidfd], [], [], PATIENCE_S)[0]:
            raise Hang(f"the run did not end in {PATIENCE_S} s")
    finally:
        os.close(pidfd)
    ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert ended is not None
    failed = Path(script.side, "failed")
    names = tuple(json.loads(failed.read_text())) if failed.exists() else ()
    said = Path(script.side, "out").read_text(errors="replace")
    code = ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
    fired = _fired(script)
    signalled = point is not None and bool(point.signals) and fired is not None
    return Ending(code, frozenset(killed | (fired or set())), signalled, names, said, time.monotonic() - started)


def _strike(script: Script, project: str, strike: Strike, chance: random.Random) -> set[str]:
    victims = [(role, pid) for role, pid in roles.living(f"{script.side}/roles", project) if role in strike.victims]
    chance.shuffle(victims)
    roles.kill((pid for _, pid in victims), project)
    return {role for role, _ in victims}


def _fired(script: Script) -> set[str] | None:
    """Roles of those that a crash point killed; None if it was not reached, or its process ended while it lingered."""
    try:
        text = Path(script.side, "fired").read_text()
    except FileNotFoundError:
        return None
    return set(json.loads(text)["killed"]) if text else None
