"""Who decides what a run may use. The default takes this machine."""

from __future__ import annotations

from dataclasses import dataclass

from ppg_protocol.errors import JobContractError


@dataclass(frozen=True)
class LocalSystem:
    """This machine: as many jobs at once as it has cores, or as `max_cores_to_use` says (also more than it has).

    Args:
        max_cores_to_use: At least 1; None: the cores of this machine, as `util.CPUs()` counts them.

    Raises:
        JobContractError: Anything else.
    """

    max_cores_to_use: int | None = None

    def __post_init__(self) -> None:
        cores = self.max_cores_to_use
        if cores is not None and (isinstance(cores, bool) or not isinstance(cores, int) or cores < 1):
            raise JobContractError(f"max_cores_to_use must be a positive int, not {cores!r}.")
