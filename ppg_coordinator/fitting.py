"""What of its targets a session can use: its jobs, the largest first, are fitted into them, machine by machine.

Jobs take cores and memory each, and once for all of them the data that they need. What is loaded already takes its room
whether it is needed or not.
"""

from __future__ import annotations

from .appetite import Key
from .ledger import Claim, Claimant, Host, Ledger


def costs(claimant: Claimant, host: Host) -> list[tuple[int, int] | None]:
    """Cores and memory that one job of each shape takes on such a machine (semantics §6), None where it can't run.
    Wide ones take all."""
    if not host.admits(claimant):
        return [None] * len(claimant.shapes)
    kind = (host.cores, host.memory_bytes)
    found = claimant.costs.get(kind)
    if found is None:
        found = [_cost(*shape, *kind) for shape in claimant.shapes]
        claimant.costs[kind] = found
    return found


def _cost(cores: int, memory: int, data: int, host_cores: int, host_bytes: int) -> tuple[int, int] | None:
    if memory + data > host_bytes or cores > host_cores:
        return None
    if cores < 0:
        return host_cores, host_bytes
    charged = -(-memory * host_cores // host_bytes) if memory else 0
    return max(cores, charged), memory


def data_bytes(claimant: Claimant, host: Host, shape: Key) -> int:
    """What the data takes beside a job of this shape: what is loaded there, or what will be. Where other data than its
    own leaves it no room, it takes all the memory there is: supervisors start what is alone."""
    _, memory, data = shape
    return min(max(data, claimant.loaded.get(host.name, 0)), max(0, host.memory_bytes - memory))


def fit(ledger: Ledger, claimant: Claimant) -> None:
    """Count anew what is used of each target, and what is left over of the demand."""
    begin(claimant)
    claimant.stale = False
    for claim in claimant.claims.values():
        fit_claim(ledger, claim)


def begin(claimant: Claimant) -> None:
    """Nothing of the demand has a place yet."""
    counts = claimant.appetite.counts
    claimant.shapes = sorted(counts, key=lambda key: (key[0] >= 0, -key[0], -key[1], -key[2]))
    claimant.left = [counts[key] for key in claimant.shapes]
    claimant.costs = {}


def fit_claim(ledger: Ledger, claim: Claim) -> None:
    """Fill one target with jobs that are left."""
    claimant, turn = claim.claimant, claim.turn
    ledger.set_used(claim, 0, 0)
    claim.unit_cores, claim.unit_bytes = 0, 0
    if not claim.target_cores:
        return
    taken_cores, taken_bytes, data = 0, 0, 0
    if turn is not None:
        taken_cores, taken_bytes, data = turn.cores, turn.memory_bytes, turn.data_bytes
        if turn.shape in claimant.shapes:
            index = claimant.shapes.index(turn.shape)
            claimant.left[index] = max(0, claimant.left[index] - 1)
    for index, cost in enumerate(costs(claimant, claim.host)):
        shape, left = claimant.shapes[index], claimant.left[index]
        if cost is None or not left or shape[0] < 0:
            continue
        more_data = max(0, data_bytes(claimant, claim.host, shape) - data)
        free_bytes = claim.target_bytes - taken_bytes - more_data
        count = min(left, (claim.target_cores - taken_cores) // cost[0], free_bytes // cost[1] if cost[1] else left)
        if count > 0 and free_bytes >= 0:
            claimant.left[index] = left - count
            taken_cores += count * cost[0]
            taken_bytes += count * cost[1] + more_data
            data += more_data
            claim.unit_cores, claim.unit_bytes = cost
    ledger.set_used(claim, taken_cores, taken_bytes, data)
