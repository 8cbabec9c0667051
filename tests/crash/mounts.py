"""Small file systems that fill up, other boot ids: stories in a process with mounts of its own, of which none is left.

A story is the text of a script; its working directory is a project directory. It fails by an exception.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PRELUDE = """
import errno, os, shutil, subprocess, sys
from pathlib import Path
import pypipegraph as ppg

def mount(path, options="size=1m"):
    Path(path).mkdir(0o700, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)], check=True)

def resize(path, size):
    subprocess.run(["mount", "-o", f"remount,size={size}", str(path)], check=True)

def fill(path, leave_bytes=0):
    "Take all space of this file system."
    with open(Path(path, "filler"), "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError as error:
            assert error.errno == errno.ENOSPC
        file.truncate(max(0, file.tell() - leave_bytes))

def tell(word):
    with open(calls, "a") as file:
        file.write(word + "\\n")

def told():
    words = calls.read_text().split() if calls.exists() else []
    calls.unlink(missing_ok=True)
    return sorted(words)

def write(text):
    def callback(path):
        tell(os.path.basename(path))
        Path(path).write_text(text)
    return callback

def run(build, **options):
    "The error of the run, None if there was none."
    ppg.new_pipegraph(quiet=True, **options)
    build()
    try:
        ppg.run()
    except ppg.PyPipeGraphError as error:
        assert no_children(), "the run left a process"
        return error
    assert no_children(), "the run left a process"

def boot(name):
    "From now on, this is another boot of the machine."
    Path(calls.parent, name).write_text(name + "\\n")
    subprocess.run(["mount", "--bind", calls.parent / name, "/proc/sys/kernel/random/boot_id"], check=True)

def crash(build):
    "A run that is killed by a job that comes last, when everything else is recorded."
    global master
    pid = os.fork()
    if pid == 0:
        master = os.getpid()
        ppg.new_pipegraph(quiet=True)
        jobs = build()
        ppg.FileGeneratingJob("last", lambda path: os.kill(master, 9)).depends_on(jobs)
        ppg.run()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -9

def no_children():
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return True

calls = Path(os.environ["CALLS"])
place = f"/tmp/ppg-{os.geteuid()}"
mount(place, "size=64m,mode=700")  # of its own: to a ppg-slave that starts now, a session of another boot is a leftover
"""


def play(story: str, directory: Path) -> None:
    """Play it, in a new folder `project` of this directory. Skips where no mount namespace can be had."""
    command = ["unshare", "-m"]
    if os.geteuid() != 0 or subprocess.run([*command, "true"], capture_output=True).returncode:
        pytest.skip("only root can make mounts, and only where namespaces are allowed")
    (directory / "project").mkdir()
    script = directory / "story.py"
    script.write_text(PRELUDE + story)
    environment = {**os.environ, "CALLS": str(directory / "calls"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [*command, sys.executable, str(script)],
        cwd=directory / "project",
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
