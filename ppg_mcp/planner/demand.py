"""Who needs what is made on demand: temporaries, caches and loaded data, which are made for their dependants alone.

Two numbers are kept of each on-demand node. Its *needs* are the dependants that must run, can, and are not through: it
is worth starting while there is one. Its *open dependants* are all that may yet come to need it: without any, it is
closed, and its files or its memory are given back. A later dependant opens it again, to be made once more, and with it
what it is made from.

A temporary that also keeps files is *obliged* until it was judged for these (see `core`); so long it is neither given
up nor given back.
"""

from __future__ import annotations

from collections.abc import Callable

from .events import Remove, Unload
from .facts import Facts
from .node import CACHED, DONE, FINAL, ON_DEMAND, OPEN, RUN, STARTED, TEMPORARY, WAITING, Files, Node
from .reasons import Reason

Step = Callable[[int, int], None]
"""A consequence for one job, looked at when what is at hand is through; the other job is the cause."""


class Demand:
    """Books beside the facts. `push` puts a step off."""

    def __init__(self, facts: Facts, push: Callable[[Step, int], None]) -> None:
        self._facts = facts
        self._push = push
        self.open_dependants: dict[int, int] = {}
        """Invariant: of an on-demand node, the number of dependants that are not closed."""
        self.needed: dict[int, int] = {}
        """Invariant: of an on-demand node, the number of dependants that must run, can, and are not closed; absent
        means 0."""
        self.made: set[int] = set()
        """Temporary and loading nodes with files or memory to give back."""
        self.obliged: set[int] = set()
        """Temporaries that keep files and have still to be judged or made for these, or failed to be."""
        self.leftovers: dict[int, None] = {}
        """Temporaries whose files an earlier run left; removed at the end, if no dependant is open then."""
        self.idle: list[int] = []
        """On-demand nodes that had no open dependant at some moment; to be looked at again by `give_back`."""

    def enter(self, job: int) -> None:
        """A new on-demand node, which nobody depends on yet."""
        self.open_dependants[job] = 0
        self.idle.append(job)
        if self._facts.nodes[job].kept is not None:
            self.obliged.add(job)

    def discharge(self, job: int) -> None:
        """The files that stay are as they should be: a temporary like any other from now on."""
        self.obliged.discard(job)
        self.idle.append(job)

    # ----------------------------------------------------------------------------------------------------------- needs

    def claim(self, p: int) -> None:
        """One more need."""
        self.needed[p] = self.needed.get(p, 0) + 1

    def claims(self, job: int) -> bool:
        """Does it count among those that need its inputs? Final jobs never do."""
        facts = self._facts
        return (
            facts.verdict[job] == RUN and not facts.closed[job] and facts.kind[job] != FINAL and not facts.is_off(job)
        )

    def unclaim(self, job: int) -> None:
        """`job` does not need its inputs any more, if it did."""
        if not self.claims(job):
            return
        for p in self._facts.inputs[job]:
            if self._facts.kind[p] in ON_DEMAND:
                self.needed[p] -= 1
                if not self.needed[p]:
                    self._push(self._unneed, p)

    def _unneed(self, job: int, _: int) -> None:
        """All that needed it were pruned: it is not worth starting, unless somebody else comes."""
        facts = self._facts
        if self.needed[job] or facts.state[job] != WAITING or job in self.obliged:
            return
        self.unclaim(job)
        facts.verdict[job] = OPEN
        facts.reason[job] = Reason.NOT_NEEDED

    # ------------------------------------------------------------------------------------------------- open and closed

    def open(self, p: int) -> None:
        """One more dependant for an on-demand node. If it is closed, without anything to show for it, it opens again,
        and so does what it is made from."""
        facts = self._facts
        given_back = []
        stack = [p]
        while stack:
            node = stack.pop()
            self.open_dependants[node] += 1
            if not facts.closed[node]:
                continue
            if facts.state[node] == DONE:
                if facts.kind[node] == CACHED or node in self.made:
                    continue
                given_back.append(node)
            facts.closed[node] = 0
            stack.extend(q for q in facts.inputs[node] if facts.kind[q] in ON_DEMAND)
        if given_back:
            self._forget_products(given_back)

    def _forget_products(self, jobs: list[int]) -> None:
        """Their files or memory were given back: to be made again when needed.

        All dependants that they had are closed; those that are on demand themselves may have to be made (again), too,
        and the others never have to be told anything any more.
        """
        facts = self._facts
        for job in jobs:
            facts.state[job] = WAITING
            facts.verdict[job] = OPEN
            facts.nodes[job] = facts.nodes[job]._replace(files=Files.MISSING)
        forgotten = set(jobs)
        for job in jobs:
            facts.missing_inputs[job] = sum(facts.state[q] != DONE for q in facts.inputs[job])
            dependants = {d: None for d in facts.dependants.get(job, ()) if facts.kind[d] in ON_DEMAND}
            facts.dependants[job] = dependants
            for d in dependants:
                if d not in forgotten and facts.state[d] == WAITING:
                    facts.missing_inputs[d] = facts.missing_inputs.get(d, 0) + 1

    def close(self, job: int) -> None:
        """The job will not need its inputs again."""
        facts = self._facts
        if facts.closed[job]:
            return
        self.unclaim(job)
        facts.closed[job] = 1
        if facts.kind[job] == FINAL:
            return
        for p in facts.inputs[job]:
            if facts.kind[p] in ON_DEMAND:
                self.open_dependants[p] -= 1
                if not self.open_dependants[p]:
                    self.idle.append(p)

    def give_back(self, job: int) -> Remove | Unload | None:
        """If no dependant is open: close, and give back what is there."""
        facts = self._facts
        if self.open_dependants[job] or job in self.obliged:
            return None
        assert facts.state[job] != STARTED, "whoever needs it holds it open, even when pruned"
        given: Remove | Unload | None = None
        if job in self.made:
            self.made.discard(job)
            self.leftovers.pop(job, None)
            given = Remove(job) if facts.kind[job] == TEMPORARY else Unload(job)
        elif facts.kind[job] == TEMPORARY and not facts.closed[job] and was_left_behind(facts.nodes[job]):
            self.leftovers[job] = None
        if facts.verdict[job] == OPEN:
            facts.reason[job] = Reason.NOT_NEEDED
        self.close(job)
        return given

    def give_up(self, job: int) -> Unload | None:
        """A job that fails or is pruned needs nothing any more (but keeps its inputs open); its data is of no use."""
        self.unclaim(job)
        if job not in self.made:
            return None
        self.made.discard(job)
        return Unload(job)


def was_left_behind(node: Node) -> bool:
    """Does a file stand where an earlier run was at work? Without record or tombstone it is not ours."""
    return node.former is not None and node.files != Files.MISSING
