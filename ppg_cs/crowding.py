"""Is what is loaded in the way of what is to start next? Pure arithmetic.

Data stays in memory for as long as any job of the session may need it. So a job that fits the machine with its own data
may not fit beside that of others. Nothing else can end then, so all data is given up, and what the job needs is loaded
again: the memory of a process that ends is free for certain, while many loads have nothing that unloads them.

It is done only for what could start without the others' data, and never for what declares no memory. Loads come in the
order of those who asked, so an attempt that was made way for starts before data is given up again: no two attempts take
it away from each other for ever.
"""

from __future__ import annotations

from collections.abc import Mapping

from ppg_cs.admission import Admission
from ppg_cs.lineage import Lineage
from ppg_protocol.messages import Run


def is_crowded_out(run: Run, cores: int, admission: Admission, lineage: Lineage, declared: Mapping[int, int]) -> bool:
    """While nothing runs: does only data that this attempt does not need keep it, or its next load, from starting?

    `cores`: of what is next; `declared`: what loads take, where it is known before.
    """
    loaded_bytes, resident = lineage.loaded_bytes, lineage.resident
    missing_bytes = sum(declared.get(job, 0) for job in run.loads if job not in resident)
    own_bytes = sum(resident.get(job, 0) for job in run.loads)
    if loaded_bytes == own_bytes or not run.memory_bytes + missing_bytes:
        return False
    needed_bytes = run.memory_bytes + missing_bytes + own_bytes
    is_too_much = needed_bytes + loaded_bytes - own_bytes > admission.limit_bytes
    return is_too_much and admission.grant(cores, needed_bytes, 0) > 0
