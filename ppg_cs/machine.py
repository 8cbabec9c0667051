"""What this machine offers: cores, memory, and who it is.

The least of what the hardware has and of what the scheduler, the container and the batch system leave of it, since
whoever starts more is throttled or killed: CPU affinity, cgroup limits from this process' group up to the root
(version 2, and version 1 where the memory or cpu controller still lives there), and Slurm's allocation.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
CGROUPS = Path("/sys/fs/cgroup")
HOST_PID_NAMESPACE = 0xEFFFFFFC
"""Inode of the initial pid namespace (include/linux/proc_ns.h): not in a container."""


def cores() -> int:
    """Cores that this process may use, at least 1."""
    limits = [float(len(os.sched_getaffinity(0)))]
    for group in _cgroups("cpu"):
        quota, _, period = _first_line(group / "cpu.max").partition(" ")
        if not quota:
            quota, period = _first_line(group / "cpu.cfs_quota_us"), _first_line(group / "cpu.cfs_period_us")
        if quota.isdigit() and period.isdigit() and int(period) > 0:
            limits.append(math.ceil(int(quota) / int(period)))
    slurm = os.environ.get("SLURM_CPUS_ON_NODE", "")
    if slurm.isdigit():
        limits.append(int(slurm))
    return max(1, int(min(limits)))


def memory_bytes() -> int:
    """Memory that this process and its kin may use."""
    limits = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for group in _cgroups("memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            text = _first_line(group / name)
            if text.isdigit():
                limits.append(int(text))
    slurm = os.environ.get("SLURM_MEM_PER_NODE", "")
    if slurm.isdigit() and int(slurm) > 0:
        limits.append(int(slurm) << 20)
    return min(limits)


def available_bytes() -> int:
    """Memory that can be had without swapping, as the kernel estimates it; 0 if it does not. Not counting limits."""
    try:
        fields = dict(line.split(":", 1) for line in (PROC / "meminfo").read_text().splitlines())
    except OSError:
        return 0
    return int(fields.get("MemAvailable", "0").split()[0]) << 10


def boot_id() -> str:
    """Random per boot of the kernel."""
    return _first_line(PROC / "sys/kernel/random/boot_id")


def machine_id() -> str:
    """Boot id, and inside a container its pid namespace: such machines share a kernel, not their resources."""
    namespace = os.stat("/proc/self/ns/pid").st_ino
    return boot_id() if namespace == HOST_PID_NAMESPACE else f"{boot_id()}/{namespace:x}"


def start_time(pid: int) -> int:
    """Clock ticks after boot at which a process started; with the pid it names a process for good.

    0: no such one, or one that has ended and waits to be reaped, which may be never.
    """
    try:
        text = (PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return 0
    fields = text.rpartition(")")[2].split()
    return 0 if fields[0] in "ZX" else int(fields[19])


def tasks() -> int:
    """Processes and threads of all users."""
    return int((PROC / "loadavg").read_text().split()[3].partition("/")[2])


def tasks_of(user: int) -> int:
    """Processes and threads of a user, as RLIMIT_NPROC counts them: by real user id."""
    return sum(_threads(PROC / name, user) for name in os.listdir(PROC) if name.isdigit())


def task_limits() -> Iterator[tuple[Path, int, int]]:
    """Control groups that limit the number of tasks: limit, and how many there are."""
    for group in _cgroups("pids"):
        limit, taken = _first_line(group / "pids.max"), _first_line(group / "pids.current")
        if limit.isdigit() and taken.isdigit():
            yield group, int(limit), int(taken)


def _threads(process: Path, user: int) -> int:
    """Of a process, 0 if it is another user's or gone."""
    try:
        fields = dict(line.split(":", 1) for line in (process / "status").read_text(errors="replace").splitlines())
    except OSError:
        return 0
    return int(fields["Threads"]) if int(fields["Uid"].split()[0]) == user else 0


def _cgroups(controller: str) -> Iterator[Path]:
    """Directories of this process' groups that may limit it, innermost first."""
    try:
        lines = (PROC / "self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0":
            root = CGROUPS
        elif controller in controllers.split(","):
            root = CGROUPS / controllers
            root = root if root.is_dir() else CGROUPS / controller
        else:
            continue
        group = root / path.lstrip("/")
        while group != root:
            yield group
            group = group.parent
        yield root


def _first_line(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
