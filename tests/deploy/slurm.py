"""A Slurm cluster of two nodes on this machine: munged, slurmctld and two slurmd, with ports and files of their own.

Each node has two CPUs and 4000 MB to give, whatever the machine has. Process tracking is by /proc, so this needs no
control groups. Everything lives in one directory, which munged wants to be open to all; daemons are ended by pid.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from .waiting import PATIENCE_S, free_port, processes_with, wait_for

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scancel", "sinfo", "scontrol")
NODES = ("n1", "n2")
GONE = ("COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL")


def skip_where_impossible() -> None:
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} missing. On Debian and Ubuntu: apt-get install slurm-wlm munge")
    if os.geteuid() != 0:
        pytest.skip("only root can be a Slurm cluster")


class Slurm:
    """Use it as a context."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="ppg-slurm-"))
        self.directory.chmod(0o755)
        self._daemons: list[subprocess.Popen[bytes]] = []

    @property
    def environment(self) -> dict[str, str]:
        """For Slurm's commands; nothing of an allocation that the tests themselves may run in."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM", "SBATCH", "PPG_"))}
        return {**ours, "SLURM_CONF": str(self.directory / "slurm.conf")}

    def __enter__(self) -> Slurm:
        try:
            self._begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _begin(self) -> None:
        files = self.directory
        (files / "key").write_bytes(os.urandom(128))
        (files / "key").chmod(0o400)
        (files / "slurm.conf").write_text(self._configuration())
        ours = [f"--{name}-file={files / name}" for name in ("key", "log", "pid", "seed")]
        self._start("munged", "--foreground", f"--socket={files / 'munge'}", *ours)
        wait_for((files / "munge").exists, self.log)
        self._start("slurmctld", "-D", "-f", str(files / "slurm.conf"))
        for node in NODES:
            self._start("slurmd", "-D", "-N", node, "-f", str(files / "slurm.conf"))
        wait_for(lambda: self._states() == ["idle", "idle"], self.log)

    def _states(self) -> list[str]:
        done = subprocess.run(
            ["sinfo", "--Node", "--noheader", "--format=%T"], env=self.environment, capture_output=True, text=True
        )
        return done.stdout.split()

    def __exit__(self, *_: object) -> None:
        for daemon in reversed(self._daemons):
            daemon.send_signal(signal.SIGTERM)
        for daemon in self._daemons:
            try:
                daemon.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        for pid in processes_with(f"SLURM_CONF={self.directory}/"):  # of a test that failed
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.directory)

    def _start(self, *command: str) -> None:
        with (self.directory / "daemons.log").open("ab") as log:
            self._daemons.append(
                subprocess.Popen(command, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            )

    def _configuration(self) -> str:
        files, host = self.directory, socket.gethostname()
        nodes = "".join(
            f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={free_port()} CPUs=2 RealMemory=4000\n"
            for node in NODES
        )
        return f"""
ClusterName=two
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={free_port()}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={files / "munge"}
CredType=cred/munge
StateSaveLocation={files / "state"}
SlurmdSpoolDir={files}/%n
SlurmctldPidFile={files}/slurmctld.pid
SlurmdPidFile={files}/%n.pid
MailProg=/bin/true
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
KillWait=10
{nodes}PartitionName=all Nodes=ALL Default=YES State=UP
"""

    def log(self) -> str:
        """What the daemons said."""
        return (self.directory / "daemons.log").read_text(errors="replace")[-3000:]

    def call(self, *command: str, cwd: Path | None = None, **variables: str) -> str:
        """Output of one of Slurm's commands, which must succeed."""
        done = subprocess.run(command, env=self.environment | variables, cwd=cwd, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}{self.log()}"
        return done.stdout.strip()

    def state(self, job: str) -> str:
        """RUNNING, COMPLETED, …"""
        facts = self.call("scontrol", "--oneliner", "show", "job", job).split()
        return next(fact.partition("=")[2] for fact in facts if fact.startswith("JobState="))

    def wait_for_end(self, job: str) -> str:
        """The state in which it ended, when nothing of it is left on the nodes."""
        return wait_for(lambda: self._ended(job), self.log, patience_s=150)

    def _ended(self, job: str) -> str:
        state = self.state(job)
        return state if state in GONE and self._states() == ["idle", "idle"] else ""
