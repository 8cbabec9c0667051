"""A turn: the part of one machine, usually all of it, that is cleared for one job that doesn't fit into a fair
share. See `turns`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from .appetite import Key

MIN_REST_S = 1.0


class TurnState(Enum):
    """DRAINING: nothing new starts in that part. READY: its session has it. SPENT: the job runs on, then the part is
    let go."""

    DRAINING = "draining"
    READY = "ready"
    SPENT = "spent"


@dataclass(slots=True, eq=False)
class Turn:
    """`cores` and `memory_bytes` are part of the target of the session's claim, `data_bytes` of it for loaded data;
    `needed_*` must be free to begin."""

    session: str
    shape: Key
    cores: int
    memory_bytes: int
    data_bytes: int
    needed_cores: int
    needed_bytes: int
    asked_at: float
    since: float
    state: TurnState = TurnState.DRAINING
    ready_at: float = float("inf")
    is_owed: bool = True
    """Within what its session deserves, or nobody minds."""

    def rest_s(self) -> float:
        """For how long the machine belongs to others afterwards: as long as it took to drain."""
        return 0.0 if self.is_owed else max(MIN_REST_S, self.ready_at - self.since)

    def may_start(self, room_cores: int, room_bytes: int) -> bool:
        """Is enough of the machine free?"""
        return room_cores >= self.needed_cores and room_bytes >= self.needed_bytes
