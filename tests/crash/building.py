"""The script of a run: builds the pipegraph of a drawn graph, with callbacks that keep a journal, and runs it.

Callbacks see the parameters through a global, which no fingerprint follows; the invariants are the declared ones. A
callback locks a file named after its job, with a descriptor that whatever it leaves running inherits: who finds it
locked is a second writer.


`python -m crash.building FILE` runs a pickled Script, in the directory of the project: as a user's own script is, this
module is sent to all machines of a cluster then, globals included.
"""

from __future__ import annotations

import fcntl
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pypipegraph as ppg

from . import claims, roles
from .contents import text, value_of
from .drawn import WRITES, Graph, Parameters, Spec, expanded, made_by

SECOND_WRITER = "second-writer"
GARBAGE_S = 30.0
PROGRAM = """
echo "grandchild $$" >> "$4"
while [ -d /proc/$1 ]; do sleep 0.003; done
n=0; while [ $n -lt $3 ]; do echo garbage >> "$2"; sleep 0.003; n=$((n+1)); done
"""


@dataclass(frozen=True)
class Script:
    """All that a run is told. `cores`: of this machine; 0: of the machines of a cluster. `side`: a directory for what
    the engine must not see."""

    graph: Graph
    parameters: Parameters
    failures: Mapping[str, str]
    early_cutoff: bool
    cores: int
    side: str
    journal: str


class Loaded:
    """Data in memory, an attribute per loading job."""


SCRIPT: Script
JOBS: dict[str, Spec] = {}
LOADED = Loaded()


def run(script: Script) -> None:
    """Build and run, in the project's directory."""
    global SCRIPT
    SCRIPT = script
    JOBS.update(expanded(script.graph, script.parameters))
    here = ppg.resource_coordinators.LocalSystem(script.cores) if script.cores else None
    ppg.new_pipegraph(here, quiet=True, early_cutoff=script.early_cutoff)
    jobs: dict[str, Any] = {}
    for spec in script.graph:
        job = jobs[spec.name] = make(spec)
        depend(job, spec, jobs)
    ppg.run()


def make(spec: Spec) -> Any:
    """The job of a spec, without its prerequisites."""
    name = spec.name
    match spec.kind:
        case "output":
            return ppg.FileGeneratingJob(name, lambda path: write(name))
        case "multi":
            return ppg.MultiFileGeneratingJob(list(spec.paths), lambda paths: write(name))
        case "temporary":
            return ppg.TempFileGeneratingJob(name, lambda path: write(name))
        case "plus":
            return ppg.TempFilePlusGeneratingJob(*spec.paths, lambda: write(name))
        case "cached":
            return ppg.CachedAttributeLoadingJob(name, LOADED, name, lambda: value(name))
        case "load":
            return ppg.AttributeLoadingJob(name, LOADED, name, lambda: value(name))
        case "generator":
            return ppg.JobGeneratingJob(name, lambda: generate(name) and None)
        case "injector":
            return ppg.DependencyInjectionJob(name, lambda: generate(name))
    return ppg.FinalJob(name, lambda: tell("start", name))


def depend(job: Any, spec: Spec, jobs: Mapping[str, Any]) -> None:
    """Its prerequisites, and its parameter."""
    if spec.kind == "final":
        return
    job.depends_on(*[jobs[source] for source in spec.inputs])
    if spec.kind in WRITES:
        job.cores_needed, job.memory_needed = spec.cores, spec.memory_bytes
    if spec.injector:
        job.depends_on(jobs[spec.injector])
    if spec.masked:
        job.ignore_code_changes()
    elif spec.name in SCRIPT.parameters:
        job.depends_on_params(SCRIPT.parameters[spec.name])


def generate(name: str) -> list[Any]:
    """The callback of generating jobs."""
    tell("start", name)
    jobs = ppg.util.global_pipegraph.jobs
    made = []
    for spec in made_by(JOBS[name], SCRIPT.parameters):
        job = make(spec)
        depend(job, spec, {source: jobs[JOBS[source].job_id] for source in spec.inputs})
        made.append(job)
    return made


def tell(what: str, name: str) -> None:
    """Add a line to the journal, in one write."""
    fd = os.open(SCRIPT.journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    os.write(fd, f"{what} {name}\n".encode())
    os.close(fd)


def value(name: str) -> str:
    """What a loading or calculating job returns."""
    tell("start", name)
    spec = JOBS[name]
    time.sleep(spec.pause_ms / 1000)
    fail_as_told(name)
    return text(name, "" if spec.kind == "load" else spec.paths[0], value_of(name, SCRIPT.parameters), read(spec))


def write(name: str) -> None:
    """What a job does that makes files: half of each, a pause, the rest."""
    tell("start", name)
    spec = JOBS[name]
    claims.claim(ppg.cores(), spec.memory_bytes)
    lock = alone(name)
    inputs = read(spec)
    leave_running(spec, lock)
    for path in spec.paths:
        whole = text(name, path, value_of(name, SCRIPT.parameters), inputs).encode()
        with open(path, "xb", buffering=0) as file:
            file.write(whole[: len(whole) // 2])
            time.sleep(spec.pause_ms / 1000)
            fail_as_told(name)
            file.write(whole[len(whole) // 2 :])


def alone(name: str) -> int:
    """Descriptor of the lock of this job."""
    lock = os.open(f"{SCRIPT.side}/lock-{name}", os.O_RDWR | os.O_CREAT, 0o600)
    os.set_inheritable(lock, True)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        tell(SECOND_WRITER, name)
        raise
    return lock


def read(spec: Spec) -> list[str]:
    """All that the job reads, in the order of its inputs."""
    found: list[str] = []
    for source in spec.inputs:
        if JOBS[source].kind in ("load", "cached"):
            found.append(getattr(LOADED, source))
        else:
            found += [Path(path).read_text() for path in JOBS[source].read]
    return found


def fail_as_told(name: str) -> None:
    """In one of the ways in which a job can fail."""
    match SCRIPT.failures.get(name):
        case "raise":
            raise ValueError("as told")
        case "exit":
            os._exit(3)
        case "signal":
            os.kill(os.getpid(), signal.SIGSEGV)


def leave_running(spec: Spec, lock: int) -> None:
    """Something in a session of its own that would spoil the first file, once the job's process is dead; or that only
    lives on."""
    job, path, table = os.getpid(), spec.paths[0] if spec.paths else "", f"{SCRIPT.side}/roles"
    if spec.grandchild == "exec":
        arguments = ["sh", "-c", PROGRAM, "sh", str(job), path, str(int(GARBAGE_S / 0.003)), table]
        subprocess.Popen(arguments, start_new_session=True, pass_fds=(lock,))
    elif spec.grandchild == "sleep":
        subprocess.Popen(["sleep", "1000"], start_new_session=True)
    elif spec.grandchild == "fork" and os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        roles.enter(table, roles.GRANDCHILD, os.getpid())
        spoil(job, path)


def spoil(job: int, path: str) -> None:
    """Wait for the end of the job's process, then write into its file."""
    sys.setprofile(None)
    give_up = time.monotonic() + GARBAGE_S
    while os.path.exists(f"/proc/{job}"):
        time.sleep(0.003)
    while time.monotonic() < give_up:
        with open(path, "a") as file:
            file.write("garbage\n")
        time.sleep(0.003)
    os._exit(0)


if __name__ == "__main__":
    from .one_run import to_its_end

    sys.exit(to_its_end(run, pickle.loads(Path(sys.argv[1]).read_bytes())))
