"""Under which identity the file of a RobustFileChecksumInvariant is recorded, wherever it is today.

Dependants record an identity instead of the path, so a file that moved leaves them, and everything input-addressed in
between, as they were. Rules:

1. A path that is known keeps its identity, whatever its file holds now: contents that were swapped are noticed.
2. At a new path, a file with the basename, size and checksum of a known one takes over that one's identity, if the
   known one is neither in today's graph nor at its old place. A copy is another file.
3. Any other new path is its own identity; where that is taken, "#2" and so on is appended.
4. No two nodes of a graph have the same identity, and none has the id of another job.

Rule 4 can't see what generating jobs will make: one that makes a job whose id is the old path of a file that moved
leaves a dependant of both with one name for two inputs. That costs a needless rerun, as both values are compared.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from ..graph import Pipegraph
from ..jobs.file_invariants import RobustFileChecksumInvariant
from ..store import StatusStore

Facts = tuple[int, bytes]
"""Size in bytes and checksum."""


class Identities:
    """`settle` new invariants, then ask for that `of` each. `remembering` is off in a dry run."""

    def __init__(self, graph: Pipegraph, store: StatusStore, remembering: bool) -> None:
        self._graph = graph
        self._store = store
        self._remembering = remembering
        self._known: dict[str, tuple[str, int, bytes]] = {}
        self._likely: dict[tuple[str, Facts], list[str]] = {}
        """Paths that earlier runs knew, by basename and facts, sorted. Those of today can't have been left."""
        self._taken: set[str] = set()
        """Invariant: every identity, be it known or given out now."""
        self._identity: dict[str, str] = {}
        self._loaded = False

    def of(self, job: RobustFileChecksumInvariant) -> str:
        """As settled."""
        return self._identity[job.watched]

    def settle(self, invariants: Iterable[RobustFileChecksumInvariant], checksum: Callable[[str], bytes]) -> None:
        """In the order of their paths, so that the same files get the same identities in any run."""
        for job in sorted(invariants, key=lambda job: job.watched):
            if not self._loaded:
                self._load()
            self._identity[job.watched] = self._settle(job.watched, self._look(job.watched, checksum))

    def _load(self) -> None:
        self._loaded = True
        self._known = self._store.places()
        self._taken = {identity for identity, _, _ in self._known.values()}
        for path in sorted(self._known):
            _, size, checksum = self._known[path]
            self._likely.setdefault((os.path.basename(path), (size, checksum)), []).append(path)

    def _look(self, path: str, checksum: Callable[[str], bytes]) -> Facts | None:
        """None for a file that can't be read; that fails the invariant later."""
        absolute = self._graph.absolute(path)
        try:
            return os.stat(absolute).st_size, checksum(absolute)
        except OSError:
            return None

    def _settle(self, path: str, facts: Facts | None) -> str:
        known = self._known.get(path)
        if known is not None and self._is_free(known[0]):
            identity = known[0]
        else:
            identity = self._moved_here(path, facts) or self._new(path)
        self._taken.add(identity)
        if facts is not None and known != (identity, *facts):
            self._known[path] = (identity, *facts)
            if self._remembering:
                self._store.remember_place(path, identity, *facts)
        return identity

    def _moved_here(self, path: str, facts: Facts | None) -> str:
        """The identity of the file that was elsewhere before; empty if there is none."""
        likely = self._likely.get((os.path.basename(path), facts), []) if facts is not None else []
        for former in likely:
            identity = self._known[former][0]
            if self._has_left(former, identity):
                likely.remove(former)
                del self._known[former]
                return identity
        return ""

    def _has_left(self, former: str, identity: str) -> bool:
        known_today = former in self._graph.by_id or self._graph.writer(former) is not None
        return not known_today and not os.path.lexists(self._graph.absolute(former)) and self._is_free(identity)

    def _is_free(self, identity: str) -> bool:
        """Is it no id of another job? Robust invariants go by their identities."""
        other = self._graph.find(identity)
        return other is None or isinstance(other, RobustFileChecksumInvariant)

    def _new(self, path: str) -> str:
        identity, number = path, 1
        while identity in self._taken or (identity != path and self._graph.find(identity) is not None):
            number += 1
            identity = f"{path}#{number}"
        return identity
