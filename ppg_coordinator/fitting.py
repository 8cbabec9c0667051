"""What of its targets a session can use: its jobs, the largest first, are fitted into them, machine by machine."""

from __future__ import annotations

from .ledger import Claim, Claimant, Host, Ledger


def costs(claimant: Claimant, host: Host) -> list[tuple[int, int] | None]:
    """Cores and memory that one job of each shape takes on such a machine (semantics §6), None where it can't run.
    Wide ones take all."""
    if not host.admits(claimant):
        return [None] * len(claimant.shapes)
    kind = (host.cores, host.memory_bytes)
    found = claimant.costs.get(kind)
    if found is None:
        found = [_cost(cores, memory, claimant.resident_bytes, *kind) for cores, memory in claimant.shapes]
        claimant.costs[kind] = found
    return found


def _cost(cores: int, memory: int, resident: int, host_cores: int, host_bytes: int) -> tuple[int, int] | None:
    if memory + resident > host_bytes or cores > host_cores:
        return None
    if cores < 0:
        return host_cores, host_bytes
    charged = -(-memory * host_cores // host_bytes) if memory else 0
    return max(cores, charged), memory


def fit(ledger: Ledger, claimant: Claimant) -> None:
    """Count anew what is used of each target, and what is left over of the demand."""
    begin(claimant)
    claimant.stale = False
    for claim in claimant.claims.values():
        fit_claim(ledger, claim)


def begin(claimant: Claimant) -> None:
    """Nothing of the demand has a place yet."""
    counts = claimant.appetite.counts
    claimant.shapes = sorted(counts, key=lambda key: (key[0] >= 0, -key[0], -key[1]))
    claimant.left = [counts[key] for key in claimant.shapes]
    claimant.costs = {}


def fit_claim(ledger: Ledger, claim: Claim) -> None:
    """Fill one target with jobs that are left."""
    claimant = claim.claimant
    ledger.set_used(claim, 0, 0)
    claim.unit_cores, claim.unit_bytes = 0, 0
    if not claim.target_cores:
        return
    turn = claim.turn
    cores, memory = claim.target_cores, claim.target_bytes - claimant.resident_bytes
    if turn is not None:
        cores -= turn.cores
        memory = claim.target_bytes - turn.memory_bytes
        if turn.shape in claimant.shapes:
            index = claimant.shapes.index(turn.shape)
            claimant.left[index] = max(0, claimant.left[index] - 1)
    room_cores, room_bytes = cores, memory
    for index, cost in enumerate(costs(claimant, claim.host)):
        left = claimant.left[index]
        if cost is None or not left or memory < 0 or claimant.shapes[index][0] < 0:
            continue
        count = min(left, cores // cost[0], memory // cost[1] if cost[1] else left)
        if count > 0:
            claimant.left[index] = left - count
            cores -= count * cost[0]
            memory -= count * cost[1]
            claim.unit_cores, claim.unit_bytes = cost
    used_cores, used_bytes = room_cores - cores, room_bytes - memory
    if turn is not None:
        ledger.set_used(claim, turn.cores + used_cores, turn.memory_bytes + used_bytes)
    elif used_cores:
        ledger.set_used(claim, used_cores, claimant.resident_bytes + used_bytes)
