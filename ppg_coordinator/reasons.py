"""Why a session has no more than it has, in a sentence for its user.

The first of these that holds: nothing can be used at all, a job fits nowhere, a machine drains for it, it queues for
a turn, what is free is not known yet, others are in the way. Read off the ledger as the last balance left it; nothing
is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .appetite import Key
from .events import ALL_CORES, WHOLE_MACHINE
from .fitting import costs
from .ledger import Claim, Claimant, Host, Ledger
from .turn import TurnState
from .words import count, gigabytes, listing

HostName = Callable[[str], str]
"""A machine's name for readers."""
Queue = dict[tuple[str, Key], float]
"""Since when which shape of which session waits for a turn."""


def why_waiting(ledger: Ledger, queue: Queue, claimant: Claimant, name: HostName) -> str:
    """What keeps its jobs waiting; empty if nothing does."""
    if not any(claimant.appetite.counts.values()):
        return ""
    usable = [host for host in ledger.hosts.values() if host.admits(claimant) and not host.drained]
    if not usable:
        return _nothing_usable(ledger, claimant, name)
    waiting = [(i, shape) for i, shape in enumerate(claimant.shapes) if claimant.left[i]]
    for index, shape in waiting:
        if all(costs(claimant, host)[index] is None for host in usable):
            return _misfit(shape, usable)
    draining = _draining(claimant, name)
    if draining:
        return draining
    for index, shape in waiting:
        since = queue.get((claimant.session, shape))
        if since is not None and claimant.left[index]:
            return _queueing(shape, sum(other < since for other in queue.values()))
    withheld = [name(host.name) for host in usable if host.withheld]
    if waiting and withheld:
        return f"waits until every ppg-slave that runs on {listing(withheld)} has registered, or for the lease"
    return _in_use(usable) if waiting else _given_back(claimant, name)


def needs(shape: Key) -> str:
    """What a job needs."""
    cores, memory_bytes, _ = shape
    if cores == WHOLE_MACHINE:
        wanted = "a machine for itself"
    elif cores == ALL_CORES:
        wanted = "all cores of a machine"
    else:
        wanted = count(cores, "core")
    return f"{wanted} and {gigabytes(memory_bytes)} of memory" if memory_bytes else wanted


def _nothing_usable(ledger: Ledger, claimant: Claimant, name: HostName) -> str:
    if not ledger.hosts:
        return "no ppg-slave is registered"
    mine = [host for host in ledger.hosts.values() if host.users is None or claimant.user in host.users]
    if not mine:
        return f"no ppg-slave of user {claimant.user} is registered"
    facts = [
        f"{name(host.name)} is drained" if host.drained else f"{name(host.name)} can't work for this pipegraph"
        for host in mine
    ]
    return f"none of the machines with a ppg-slave of user {claimant.user} can be used: {listing(facts)}"


def _misfit(shape: Key, usable: list[Host]) -> str:
    cores, memory = max(host.cores for host in usable), max(host.memory_bytes for host in usable)
    if shape[0] > cores:
        return f"a job needs {shape[0]} cores; the largest machine usable has {cores}"
    if shape[1] + shape[2] > memory:
        data = f", {gigabytes(shape[2])} of them for loaded data" if shape[2] else ""
        wanted = gigabytes(shape[1] + shape[2])
        return f"a job needs {wanted} of memory{data}; the largest machine usable has {gigabytes(memory)}"
    return f"a job needs {needs(shape)}; no machine usable has both"


def _draining(claimant: Claimant, name: HostName) -> str:
    for claim in claimant.claims.values():
        turn, host = claim.turn, claim.host
        if turn is None or turn.state is not TurnState.DRAINING:
            continue
        busy = _by_user([host])
        part = "all of it" if turn.shape[0] < 0 else needs(turn.shape)
        in_use = sum(busy.values())
        of_whom = listing([f"{user} ({cores})" for user, cores in busy.items()])
        return (
            f"waits for {name(host.name)} to drain for a job that needs {part} "
            f"({count(in_use, 'core')} still in use there by {of_whom})"
        )
    return ""


def _queueing(shape: Key, before: int) -> str:
    behind = f", behind {count(before, 'other')}" if before else ""
    return f"a job that needs {needs(shape)} waits for its turn to have a machine drained{behind}"


def _in_use(usable: list[Host]) -> str:
    busy, cores = _by_user(usable), sum(host.cores for host in usable)
    in_use = sum(busy.values())
    of_whom = listing([f"{user} ({held})" for user, held in busy.items()])
    machines = count(len(usable), "machine")
    if in_use >= cores:
        return f"all {cores} cores of {machines} are in use by {of_whom}"
    memory, held = (
        sum(host.memory_bytes for host in usable),
        sum(_occupied(claim)[1] for host in usable for claim in host.claims.values()),
    )
    return (
        f"no room for another of its jobs on {machines}: {in_use} of {cores} cores and {gigabytes(held)} of "
        f"{gigabytes(memory)} of memory are in use{f' by {of_whom}' if busy else ''}"
    )


def _given_back(claimant: Claimant, name: HostName) -> str:
    late = [claim.host for claim in claimant.claims.values() if claim.granted_cores < claim.limit[0]]
    if not late:
        return ""
    others = {user: cores for user, cores in _by_user(late, but=claimant).items() if cores}
    if not others:
        return ""
    where = listing([name(host.name) for host in late])
    return f"waits until jobs of {listing(list(others))} on {where} have ended: these cores are meant for it"


def _by_user(hosts: Iterable[Host], but: Claimant | None = None) -> dict[str, int]:
    """Cores that are in use, as far as is known, most first."""
    cores: dict[str, int] = {}
    for host in hosts:
        for claim in host.claims.values():
            occupied = _occupied(claim)[0]
            if occupied and claim.claimant is not but:
                cores[claim.claimant.user] = cores.get(claim.claimant.user, 0) + occupied
    return dict(sorted(cores.items(), key=lambda pair: (-pair[1], pair[0])))


def _occupied(claim: Claim) -> tuple[int, int]:
    """What its jobs take, without surplus that nobody asks for; what was to be given back and isn't yet, in full."""
    if claim.ceiling_cores > claim.granted_cores or claim.ceiling_bytes > claim.granted_bytes:
        return claim.ceiling_cores, claim.ceiling_bytes
    return min(claim.used_cores, claim.ceiling_cores), min(claim.used_bytes, claim.ceiling_bytes)
