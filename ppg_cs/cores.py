"""How many cores the running job got.

Set in the job's own process right before its callback; `pypipegraph.cores()` asks here. Outside a job the answer is
the machine's (affinity, cgroup and Slurm limits included), because that is what a script that sizes itself needs.
"""

from __future__ import annotations

import os

from ppg_cs import machine

THREAD_VARIABLES = (
    "PPG_CORES",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "BLIS_NUM_THREADS",
    "RAYON_NUM_THREADS",
)
"""What numeric libraries read. Data processes carry them as 1, so that a job of one core need not set them."""

_granted: int | None = None


def current() -> int:
    """Cores granted to this job; outside a job those of the machine."""
    return machine.cores() if _granted is None else _granted


def grant(cores: int) -> None:
    """Become a process of `cores` cores: what `current` answers, and the variables that thread pools look at."""
    global _granted
    former, _granted = _granted, cores
    if cores != former:
        number = str(cores)
        for name in THREAD_VARIABLES:
            os.environ[name] = number
