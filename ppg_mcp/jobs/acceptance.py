"""What a ParameterInvariant with an `accept_as_unchanged_func` remembers from run to run.

Dependants record the *representative* of the parameters. Rules:

1. First time: the plain digest, as without the function, so that adding it redoes nothing.
2. A change that is accepted keeps the representative.
3. One that is not accepted gets another: the plain digest while nothing was ever accepted; afterwards a hash over the
   digest and the old representative. Parameters that were left by way of accepted changes may then come back without
   being taken for what dependants that were not redone meanwhile were made with.
"""

from __future__ import annotations

from typing import NamedTuple

from xxhash import xxh3_128_digest


class Acceptance(NamedTuple):
    """`digest` and `parameters` (pickled, empty where that is impossible) are those of the last run.

    `accepted`: was a change ever accepted?
    """

    digest: bytes
    representative: bytes
    accepted: bool
    parameters: bytes

    @classmethod
    def first(cls, digest: bytes, parameters: bytes) -> Acceptance:
        """Nothing was remembered before."""
        return cls(digest, digest, False, parameters)

    def accept(self, digest: bytes, parameters: bytes) -> Acceptance:
        """Other parameters that stand for the same."""
        return Acceptance(digest, self.representative, True, parameters)

    def reject(self, digest: bytes, parameters: bytes) -> Acceptance:
        """Other parameters that count as changed."""
        representative = xxh3_128_digest(digest + self.representative) if self.accepted else digest
        return Acceptance(digest, representative, self.accepted, parameters)
