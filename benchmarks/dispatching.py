"""What the dispatcher costs per job, on clusters of up to 100 machines of 64 cores with 100,000 jobs ready at once.

    python benchmarks/dispatching.py [--jobs 100000] [--machines 1 10 100]

Nothing runs: attempts end in the order in which they were sent, 256 in each round, and a round asks everything that
the run loop asks. *plain*: jobs that need nothing; *data*: each needs one of 32 loads, which are on a quarter of the
machines; *large*: every second one needs the memory of two cores; *scraps*: all need memory, and beside each machine
is one with cores to spare, but without memory.
"""

from __future__ import annotations

import time
from collections import deque

from _experiment import Experiment

from ppg_mcp.dispatcher import Dispatcher, Ended, MachineShare, Offer, Resident

CORES = 64
BATCH = 256
LOADS = 32
GB = 1 << 30
RUNTIME_S = 1.0
KINDS = ("plain", "data", "large", "scraps")


def main() -> None:
    experiment = Experiment(__file__, __doc__, jobs=((100_000,), (300,)), machines=((1, 10, 100), (1, 3)))
    experiment.report.statistic = "the best"
    (jobs,) = experiment.options.jobs
    table, cost_us = [], {}
    for machines in experiment.options.machines:
        for kind in KINDS:
            cost_us[kind, machines] = min(per_job_us(kind, jobs, machines) for _ in range(experiment.repeats))
        table.append([f"{machines} x {CORES} cores", *(f"{cost_us[kind, machines]:.1f} us" for kind in KINDS)])
    experiment.report.table(["machines", *KINDS], table)
    for kind in KINDS:
        few, many = min(experiment.options.machines), max(experiment.options.machines)
        ratio = cost_us[kind, many] / cost_us[kind, few]
        experiment.report.bound(f"{kind}: cost of a job on {many} machines by that on {few}", ratio, 2)
    experiment.finish()


def per_job_us(kind: str, jobs: int, machines: int) -> float:
    """Offer all, then rounds until all are over."""
    dispatcher = made(kind, machines)
    offers = [offer(kind, job) for job in range(jobs)]
    began = time.process_time()
    for one in offers:
        dispatcher.handle(one)
    out: deque[int] = deque()
    over = 0
    while over < jobs:
        out.extend(sent.attempt for sent in dispatcher.dispatch())
        dispatcher.to_steal(())
        _ = dict(dispatcher.demand)
        assert out, f"{jobs - over} jobs are stuck"
        for _ in range(min(BATCH, len(out))):
            dispatcher.handle(Ended(out.popleft(), RUNTIME_S))
            over += 1
    return (time.process_time() - began) / jobs * 1e6


def made(kind: str, machines: int) -> Dispatcher:
    """With its machines, and data on some of them."""
    dispatcher = Dispatcher(patient=True)
    for number in range(machines):
        name = f"m{number}"
        dispatcher.handle(MachineShare(name, CORES, 4 * CORES * GB, CORES, 4 * CORES * GB))
        if kind == "scraps":
            dispatcher.handle(MachineShare(f"scrap{number}", CORES, 0, CORES, 4 * CORES * GB))
        for load in range(LOADS) if kind == "data" else ():
            if number % 4 == load % 4 or machines == 1:
                dispatcher.handle(Resident(name, load))
    return dispatcher


def offer(kind: str, job: int) -> Offer:
    """One of the jobs of that kind."""
    loads = (job % LOADS,) if kind == "data" else ()
    memory_bytes = GB if kind == "scraps" else 6 * GB if kind == "large" and job % 2 else 0
    return Offer(job, 1, memory_bytes, loads, (job,))


if __name__ == "__main__":
    main()
