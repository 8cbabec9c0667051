"""Which machines hold which data: to find one for a job without asking all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .machine import Machine


class Holders:
    """Invariant: a machine is listed under a load if and only if that is in its `resident`."""

    def __init__(self) -> None:
        self._by_load: dict[int, dict[str, Machine]] = {}

    def add(self, machine: Machine, load: int) -> None:
        """It is loaded there."""
        machine.resident.add(load)
        self._by_load.setdefault(load, {})[machine.name] = machine

    def remove(self, machine: Machine, loads: Iterable[int]) -> None:
        """It is not any more."""
        for load in loads:
            machine.resident.discard(load)
            self._by_load.get(load, {}).pop(machine.name, None)

    def of(self, loads: tuple[int, ...]) -> Iterator[Machine]:
        """Machines that hold all of these."""
        rarest = min((self._by_load.get(load, {}) for load in loads), key=len)
        return (machine for machine in rarest.values() if machine.resident.issuperset(loads))
