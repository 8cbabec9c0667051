"""Several users and pipegraphs on the same machines: nothing is ever overcommitted, everybody gets a fair share, and
nobody waits for ever. What is asked of the coordinator is polled; what ran when is read from notes of the jobs."""

from __future__ import annotations

import signal
from collections import Counter
from typing import Any

from .hosts import PATIENCE_S, Cluster, Script, until

GIB = 1 << 30

JOBS = """
def journal(sign, cores, memory):
    line = f"{time.clock_gettime(time.CLOCK_BOOTTIME):.6f} {sign} {machine()} {cores} {memory}\\n"
    with open("../journal", "a") as file:
        file.write(line)

def work(name, memory=0, seconds=0.1):
    journal("+", ppg.cores(), memory)
    time.sleep(seconds)
    Path(name).write_text(machine())
    journal("-", ppg.cores(), memory)

def job(name, cores=1, memory=-1, seconds=0.1):
    made = ppg.FileGeneratingJob(name, lambda: work(name, max(0, memory), seconds))
    made.cores_needed, made.memory_needed = cores, memory
    return made
"""
STREAM = JOBS + "for i in range(3000):\n    job(f'f{i}', seconds=0.2)\nppg.run()\n"


def machines(cluster: Cluster, cores: dict[str, int], *users: str) -> None:
    """These machines with 1 GiB each, a slave of each user on each of them."""
    cluster.coordinator()
    for user in users:
        if user != "owner":
            cluster.user(user)
    for user in users:
        for name, count in cores.items():
            cluster.slave(name, count, "--memory", "1G", user=user)
    cluster.await_registration(lambda: slaves(cluster) == len(users) * len(cores))


def slaves(cluster: Cluster) -> int:
    return sum(len(machine["daemons"]) for machine in cluster.status()["machines"])


def assert_never_overcommitted(cluster: Cluster, cores: dict[str, int], memory_bytes: int = GIB) -> None:
    """A job holds its cores from before its first note until after its last."""
    lines = [line.split() for line in (cluster.directory / "journal").read_text().splitlines()]
    used_cores: Counter[str] = Counter()
    used_bytes: Counter[str] = Counter()
    for at, sign, machine, job_cores, job_bytes in sorted(
        lines, key=lambda fields: (float(fields[0]), fields[1] == "+")
    ):
        factor = 1 if sign == "+" else -1
        used_cores[machine] += factor * int(job_cores)
        used_bytes[machine] += factor * int(job_bytes)
        assert used_cores[machine] <= cores[machine], f"cores of {machine} at {at}"
        assert used_bytes[machine] <= memory_bytes, f"memory of {machine} at {at}"


def held(status: Any) -> dict[str, int]:
    """Cores by project."""
    return {
        graph["project"].rpartition("/")[2]: sum(part["cores"] for part in graph["holds"])
        for graph in status["pipegraphs"]
    }


def until_held(cluster: Cluster, **cores: int) -> None:
    """Until these projects hold so many cores."""
    last: dict[str, int] = {}

    def reached() -> bool:
        nonlocal last
        last = held(cluster.status())
        return last == cores or any(
            script.process.poll() for script in cluster.scripts if script.directory.name in cores
        )

    try:
        until(reached)
    except AssertionError:
        raise AssertionError(f"hold {last}, should hold {cores}") from None
    assert last == cores, [script.process.communicate() for script in cluster.scripts if script.process.poll()]


def test_machines_are_never_overcommitted(cluster: Cluster) -> None:
    cores = {"a": 2, "b": 4}
    machines(cluster, cores, "owner", "ann")
    mixed = (
        JOBS
        + """
for i in range(6):
    job(f"narrow{i}")
    job(f"two{i}", 2)
    job(f"large{i}", 1, 400 << 20)
for i in range(2):
    job(f"all{i}", -1)
    job(f"alone{i}", -2, 100 << 20)
ppg.run()
"""
    )
    scripts = [cluster.start(mixed, "one"), cluster.start(mixed, "two"), cluster.start(mixed, "three", user="ann")]
    for script in scripts:
        script.good()
    assert_never_overcommitted(cluster, cores)


def test_shares_are_fair_by_user_then_by_pipegraph(cluster: Cluster) -> None:
    machines(cluster, {"a": 8}, "owner", "ann")
    one = cluster.start(STREAM, "one")
    until_held(cluster, one=8)
    ann = cluster.start(STREAM, "ann", user="ann")
    until_held(cluster, one=4, ann=4)
    two = cluster.start(STREAM, "two")
    until_held(cluster, one=2, two=2, ann=4)
    end(ann)
    until_held(cluster, one=4, two=4)
    one.process.kill()
    until_held(cluster, two=8)
    end(two)
    assert "lost" not in two.log, "nothing was killed"


def end(script: Script) -> None:
    script.process.send_signal(signal.SIGINT)
    script.wait()


def test_wide_jobs_start_beside_an_endless_stream_of_narrow_ones(cluster: Cluster) -> None:
    cores = {"a": 2, "b": 2}
    machines(cluster, cores, "owner", "ann")
    stream = cluster.start(STREAM, "stream")
    until_held(cluster, stream=4)
    cluster.run(JOBS + "job('all', -1)\njob('alone', -2)\njob('large', 1, 900 << 20)\nppg.run()", "wide", "ann")
    assert stream.process.poll() is None, "the stream goes on"
    end(stream)


def test_loaded_data_is_charged_and_finds_room_beside_a_stream(cluster: Cluster) -> None:
    """Without data, neither user's share of the memory would do for the load."""
    cores = {"a": 4}
    machines(cluster, cores, "owner", "ann")
    stream = cluster.start(JOBS + "for i in range(3000):\n    job(f'f{i}', 1, 200 << 20, 0.2)\nppg.run()", "stream")
    until_held(cluster, stream=4)
    cluster.run(
        JOBS
        + """
data = {}
def load():
    journal("+", 0, 600 << 20)
    data["x"] = 1
loader = ppg.DataLoadingJob("load", load)
loader.memory_needed = 600 << 20
def finish():
    journal("-", 0, 600 << 20)  # it stays loaded until this has ended
    Path("last").touch()
last = ppg.FileGeneratingJob("last", finish, empty_ok=True).depends_on(loader)
for i in range(4):
    last.depends_on(job(f"g{i}").depends_on(loader), job(f"large{i}", 1, 100 << 20).depends_on(loader))
ppg.run()
""",
        "data",
        "ann",
    )
    assert stream.process.poll() is None, "the stream goes on"
    end(stream)
    assert_never_overcommitted(cluster, cores)


def test_a_drained_machine_is_left_and_used_again(cluster: Cluster) -> None:
    machines(cluster, {"a": 2, "b": 2}, "owner", "ann")
    one = cluster.start(STREAM, "one")
    ann = cluster.start(STREAM, "ann", user="ann")
    until_held(cluster, one=2, ann=2)
    cluster.command("drain", "a")
    until(lambda: used(cluster) == {"a": 0, "b": 2})
    until_held(cluster, one=1, ann=1)
    cluster.command("undrain", "a")
    until_held(cluster, one=2, ann=2)
    end(ann)
    end(one)
    assert "lost" not in one.log + ann.log, "nothing was killed"


def used(cluster: Cluster) -> dict[str, int]:
    return {machine["machine_id"]: machine["cores_used"] for machine in cluster.status()["machines"]}


def test_a_script_that_waits_says_for_what(cluster: Cluster) -> None:
    cluster.coordinator()
    cluster.user("ann")
    cluster.slave("a", 1, user="ann")
    long = cluster.start(
        JOBS + "ppg.FileGeneratingJob('g', lambda: (wait_for('go'), Path('g').write_text('x')))\nppg.run()",
        "long",
        "ann",
    )
    until_held(cluster, long=1)
    waiting = cluster.start(JOBS + "job('f')\nppg.run()", "waiting")
    until(lambda: "no ppg-slave of user" in waiting.log)
    cluster.slave("a", 1)
    until(lambda: "by ann (1)" in waiting.log)
    (reason,) = [line.partition("INFO ")[2] for line in waiting.log.splitlines() if "by ann (1)" in line]
    assert reason in cluster.command("status")
    (long.directory / "go").touch()
    waiting.good()
    long.good()


def test_a_late_daemon_finds_room_for_its_jobs_after_a_restart_of_the_coordinator(cluster: Cluster) -> None:
    """Two users on one machine; when the coordinator is started again, the daemon of one is stopped for a while."""
    cores = {"a": 2}
    machines(cluster, cores, "owner", "ann")
    one, ann = cluster.start(STREAM, "one"), cluster.start(STREAM, "ann", user="ann")
    until_held(cluster, one=1, ann=1)
    cluster.kill("a", signal.SIGSTOP)
    cluster.kill("coordinator")
    cluster.coordinator("--lease", str(PATIENCE_S))
    until(lambda: any("every ppg-slave that runs on" in graph["waits"] for graph in cluster.status()["pipegraphs"]))
    assert [machine["awaits"] for machine in cluster.status()["machines"]] == [1]
    assert held(cluster.status())["ann"] == 1, "the other core may be in use"
    cluster.kill("a", signal.SIGCONT)
    until(lambda: cluster.status()["machines"][0]["awaits"] == 0)
    until_held(cluster, one=1, ann=1)
    assert_never_overcommitted(cluster, cores)
    end(one)
    until_held(cluster, ann=2)
    end(ann)
