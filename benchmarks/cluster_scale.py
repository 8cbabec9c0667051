"""A cluster of 1,000 machines of 64 cores, 100 pipegraphs, a million jobs, in virtual time: what breaks first?

    python benchmarks/cluster_scale.py [--machines 1000] [--pipegraphs 100] [--jobs 1000000] [--stretch 40]

The real cores of coordinator, slaves and masters; what coordinators hear and say is encoded and decoded. Jobs take 5 s
on average, need 1 to 16 cores and up to 64 GB; every tenth pipegraph has some that need a whole machine. Pipegraphs
arrive within 20 s, with all of their jobs. All machines are busy then for --stretch seconds; what was not begun by then
is withdrawn, since it would show the same for minutes, and what runs comes to its end. Then the coordinator's part once
more, in a process of its own. Times are CPU times.

A *decision* is one in which the arbiter strikes a balance among several sessions, all else is only noted.
*Calm*: the longest time in which no pipegraph comes or goes, from 10 s after its beginning.
"""

from __future__ import annotations

from _experiment import Experiment
from _process import program, run
from dispatching import per_job_us

from ppg_protocol.envelope import seal
from ppg_protocol.messages import Heartbeat

MIB = 1 << 20
HEARTBEAT_S = 2.0
DECISION = ("median", "p99", "worst")
TRAFFIC = ("seconds", "jobs", "messages", "bytes")


def main() -> None:
    experiment = Experiment(
        __file__,
        __doc__,
        repeats=1,
        machines=((1000,), (8,)),
        pipegraphs=((100,), (3,)),
        jobs=((1_000_000,), (300,)),
        stretch=((40,), (40,)),
    )
    options, report = experiment.options, experiment.report
    (machines,), (pipegraphs,), (jobs,) = options.machines, options.pipegraphs, options.jobs
    (stretch_s,) = options.stretch
    with experiment.directory() as scratch:
        played = run(program("cluster_play", machines, pipegraphs, jobs, stretch_s, "trace"), scratch).said
        replayed = run(program("cluster_replay", "trace"), scratch).said
        master = run(program("planned", max(1, jobs // 10)), scratch).said
    lone_us = per_job_us("plain", jobs, machines)
    report.table(
        ["arbiter", "events", "median", "99 of 100", "worst"],
        [
            [
                "decisions",
                count(replayed["decisions"]),
                *(ms(replayed[f"{what}_s"]) for what in ("median", "p99", "worst")),
            ],
            ["noted", count(replayed["noted"]), ms(replayed["noted_median_s"]), "", ms(replayed["noted_worst_s"])],
        ],
    )
    done = max(1, played["whole jobs"])
    report.table(
        ["jobs there", "done", "withdrawn when the stretch was over"], [[*map(count, (jobs, done, jobs - done))]]
    )
    peers = machines + pipegraphs
    report.table(
        ["at the coordinator", "seconds", "jobs", "messages", "messages per job", "bytes per job"],
        [traffic("the whole run", played, "whole"), traffic("calm", played, "calm")],
    )
    hearts_per_s = 2 * peers / HEARTBEAT_S
    [heart] = seal(1, 0, [Heartbeat((), (), 0)])
    report.table(
        ["", ""],
        [
            ["heartbeats of all peers, both ways, per second", f"{hearts_per_s:,.0f}"],
            ["bytes of these, per second", count(hearts_per_s * heart.size_bytes)],
            ["coordinator's CPU for these", percent(peers / HEARTBEAT_S * replayed["heartbeat_s"])],
            ["coordinator's CPU for all else, on average", percent(replayed["load"])],
            ["coordinator's memory beyond its modules", f"{replayed['memory_bytes'] / MIB:.0f} MiB"],
            [f"dispatcher, per job, {pipegraphs} pipegraphs", us(played["dispatcher_s"])],
            [f"dispatcher, per job, all jobs in one pipegraph on {machines:,} machines", us(lone_us / 1e6)],
            ["master's memory per job, none of them done", f"{master['per_job_bytes']:,.0f} bytes"],
        ],
    )
    kinds = sorted(((n, what[5:]) for what, n in played.items() if what.startswith("kind ")), reverse=True)
    report.table(["message", "number", "per job"], [[kind, count(n), f"{n / done:.4f}"] for n, kind in kinds])
    report.bound("median decision of the arbiter", 1000 * replayed["median_s"], 10, unit=" ms")
    report.bound(
        "messages per job at the coordinator, calm", played["calm messages"] / max(1, played["calm jobs"]), 0.1
    )
    experiment.finish()


def traffic(name: str, played: dict[str, float], which: str) -> list[str]:
    seconds, jobs, messages, size_bytes = (
        played[f"{which} {what}"] for what in ("seconds", "jobs", "messages", "bytes")
    )
    per_job = [f"{messages / max(1, jobs):.4f}", f"{size_bytes / max(1, jobs):.1f}"]
    return [name, f"{seconds:.0f}", count(jobs), count(messages), *per_job]


def count(number: float) -> str:
    return f"{number:,.0f}"


def ms(value_s: float) -> str:
    return f"{1e3 * value_s:.3g} ms"


def us(value_s: float) -> str:
    return f"{1e6 * value_s:.1f} us"


def percent(part: float) -> str:
    return f"{100 * part:.2g} % of a core"


if __name__ == "__main__":
    main()
