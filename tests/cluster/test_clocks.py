"""A machine whose clock is wrong: told once, with both hosts and the difference, and nothing but that.

Every process of that host is loaded with `wrong_clock.c`, by an /etc/ld.so.preload of its own. What counts from the
start of the machine (CLOCK_BOOTTIME, CLOCK_MONOTONIC) is no other there, and that is what leases go by.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from .hosts import Cluster, until

pytestmark = pytest.mark.usefixtures("namespaces")

CLOCK = Path(__file__).with_name("wrong_clock.c")
OFF_S = 3600
FOUR = """
def work(i):
    Path(f"started{i}").touch()
    for other in range(4):
        wait_for(f"started{other}")
    now = time.time()
    note(f"{machine()} {now} {time.clock_gettime(time.CLOCK_BOOTTIME)} {time.monotonic()}")
    Path(f"f{i}").write_text(machine())
    os.utime(f"f{i}", (now, now))

def read(i):
    note(f"{machine()} reads")
    Path(f"g{i}").write_text("".join(Path(f"f{other}").read_text() for other in range(4)))

makers = [ppg.FileGeneratingJob(f"f{i}", lambda i=i: work(i)) for i in range(4)]
for i in range(4):
    ppg.FileGeneratingJob(f"g{i}", lambda i=i: read(i)).depends_on(makers)
ppg.run()
"""


def wrong_clock(directory: Path, off_s: int) -> str:
    """Commands that give a host such a clock."""
    if shutil.which("gcc") is None:
        pytest.skip("there is no gcc (`make programs` installs it)")
    library, etc = directory / "wrong_clock.so", directory / "etc"
    subprocess.run(["gcc", "-shared", "-fPIC", f"-DOFF_S=({off_s})", "-o", library, CLOCK], check=True)
    return f"""
cp -a /etc {etc}
echo {library} > {etc}/ld.so.preload
mount --bind {etc} /etc
hostname host-a
"""


@pytest.mark.parametrize(("sign", "words"), [(+1, "ahead of"), (-1, "behind")])
def test_a_host_whose_clock_is_wrong(cluster: Cluster, sign: int, words: str) -> None:
    """It does its part. Files with times of its clock are taken from it, and the next run has nothing to do."""
    cluster.coordinator()
    cluster.slave("a", inside=wrong_clock(cluster.directory, sign * OFF_S))
    cluster.slave("b", inside="hostname host-b")
    until(lambda: len(cluster.status()["machines"]) == 2)
    before = time.time(), time.clock_gettime(time.CLOCK_BOOTTIME), time.monotonic()
    script = cluster.run(FOUR)
    after = time.time(), time.clock_gettime(time.CLOCK_BOOTTIME), time.monotonic()

    made = [note.split() for note in script.notes if "reads" not in note]
    assert sorted(host for host, *_ in made) == ["a", "a", "b", "b"]
    for host, wall, *counting in made:
        off_s = sign * OFF_S if host == "a" else 0
        assert before[0] <= float(wall) - off_s <= after[0]
        assert all(a <= float(at) <= b for a, at, b in zip(before[1:], counting, after[1:], strict=True))
    assert {note.split()[0] for note in script.notes if "reads" in note} <= {"a", "b"}

    told = re.findall(r"the clock of (\S+) is (\d+) s (.+) that of (\S+); set them by NTP", script.log)
    assert [(them, how, us) for them, _, how, us in told] == [("host-a", words, socket.gethostname())]
    assert abs(int(told[0][1]) - OFF_S) <= after[0] - before[0] + 1, "but for how long the message was under way"
    assert "lost" not in script.log
    cluster.run(FOUR)
    assert len(script.notes) == 8, "files from the past or the future are no reason to run"
