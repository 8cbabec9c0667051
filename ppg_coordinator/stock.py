"""What there is to share out: the machines in use, and the measure of what anybody has of them.

Machines are grouped by who may use them (`Host.users`, `Host.excluded`). A *pool* is made of the machines that the
same sessions want and may use: within a pool any of them can take any other's place. With one pool, the usual case,
fairness is plain; with several see `fair.spread`.
"""

from __future__ import annotations

from .appetite import Key
from .fitting import costs
from .ledger import Claimant, Host, Ledger

Access = tuple[frozenset[str] | None, frozenset[str]]


class Group:
    """Machines of the same access."""

    def __init__(self, hosts: list[Host]) -> None:
        self.hosts = hosts
        self.kinds = {(host.cores, host.memory_bytes): host for host in hosts}
        """One for each pair of cores and memory."""
        self.cores = sum([host.cores for host in hosts])
        self.memory_bytes = sum([host.memory_bytes for host in hosts])

    def admits(self, claimant: Claimant) -> bool:
        """May this session use them?"""
        return self.hosts[0].admits(claimant)


class Stock:
    """All machines that are not drained, at the time of one balance."""

    def __init__(self, ledger: Ledger) -> None:
        self.hosts = [host for host in ledger.hosts.values() if not host.drained]
        by_access: dict[Access, list[Host]] = {}
        for host in self.hosts:
            by_access.setdefault((host.users, host.excluded), []).append(host)
        self._groups = {access: Group(hosts) for access, hosts in by_access.items()}
        self.cores = sum(group.cores for group in self._groups.values())
        self.memory_bytes = sum(group.memory_bytes for group in self._groups.values())
        self._kinds = [host for group in self._groups.values() for host in group.kinds.values()]
        self._units: dict[tuple[str, Key], tuple[float, float] | None] = {}
        self._open_to: dict[str, list[Group]] = {}
        """By session; like units, asked for often."""

    def dominant(self, cores: float, memory_bytes: float) -> float:
        """The larger fraction of the cluster."""
        of_cores = cores / self.cores
        of_memory = memory_bytes / self.memory_bytes if self.memory_bytes else 0.0
        return of_cores if of_cores > of_memory else of_memory

    def unit(self, claimant: Claimant, index: int) -> tuple[float, float] | None:
        """Cores and memory of a job of this shape, where it takes least; a wide one takes the average machine. None:
        fits nowhere that its session may use."""
        key = claimant.session, claimant.shapes[index]
        if key not in self._units:
            self._units[key] = self._unit(claimant, index)
        return self._units[key]

    def _unit(self, claimant: Claimant, index: int) -> tuple[float, float] | None:
        fitting = [cost for host in self._kinds if (cost := costs(claimant, host)[index]) is not None]
        if not fitting:
            return None
        if claimant.shapes[index][0] < 0:
            return self.machine(claimant)
        return min(fitting)

    def machine(self, claimant: Claimant) -> tuple[float, float]:
        """The average of the machines that a session may use."""
        groups = self._groups_of(claimant)
        count = self.machines(claimant) or 1
        return sum(group.cores for group in groups) / count, sum(group.memory_bytes for group in groups) / count

    def machines(self, claimant: Claimant) -> int:
        """How many machines a session may use."""
        return sum(len(group.hosts) for group in self._groups_of(claimant))

    def _groups_of(self, claimant: Claimant) -> list[Group]:
        groups = self._open_to.get(claimant.session)
        if groups is None:
            groups = [group for group in self._groups.values() if group.admits(claimant)]
            self._open_to[claimant.session] = groups
        return groups

    def pools(self, wanting: list[Claimant]) -> list[tuple[list[Host], dict[str, None]]]:
        """The machines of each pool, and the sessions that can work there. What none of them can use is left out."""
        found: dict[tuple[str, ...], list[Host]] = {}
        for group in self._groups.values():
            members = tuple(claimant.session for claimant in wanting if _fits_somewhere(claimant, group))
            if members:
                found.setdefault(members, []).extend(group.hosts)
        return [(hosts, dict.fromkeys(members)) for members, hosts in found.items()]


def _fits_somewhere(claimant: Claimant, group: Group) -> bool:
    if not group.admits(claimant):
        return False
    return any(cost is not None for host in group.kinds.values() for cost in costs(claimant, host))
