"""How large the data of a job is: as declared, and as measured where it was not. Unknown until it is loaded once."""

from __future__ import annotations

from .events import Offer


class DataSizes:
    """Sizes only grow: on another machine the same data may have taken less."""

    def __init__(self) -> None:
        self._measured: dict[int, int] = {}

    def is_larger(self, load: int, data_bytes: int) -> bool:
        """Than was known?"""
        return data_bytes > self._measured.get(load, 0)

    def learn(self, load: int, data_bytes: int) -> None:
        """It was measured; 0 of data that was declared."""
        self._measured[load] = data_bytes

    def of(self, offer: Offer) -> int:
        """All data that a job needs, together."""
        if not self._measured:
            return offer.loads_bytes
        return offer.loads_bytes + sum(self._measured.get(load, 0) for load in offer.loads)
