"""What the planner knows of each job, and what follows from that for one job alone.

Columns are indexed by job: `ids`, `nodes` and `inputs` hold what was given, everything else is derived. The questions
here change nothing; what an answer means for other jobs is the business of `core` and `demand`, which alone write.

Rejected: an object per job. A run with nothing to do would make a million of them to look at each once.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Sequence

from .digest import input_digest, inputs_digest
from .node import (
    CURRENT,
    DONE,
    FAILED,
    FINAL,
    INVARIANT,
    LOADING,
    OPEN,
    OUTPUT,
    PRUNED,
    RUN,
    WAITING,
    Current,
    Files,
    Former,
    Kind,
    Node,
)
from .reasons import Reason

SETTLED = Node("", Kind.OUTPUT)
"""Stands in for all that came as `Current`."""

_FILE_REASONS = {
    Files.MISSING: Reason.FILE_MISSING,
    Files.EMPTY: Reason.FILE_EMPTY,
    Files.DIFFERENT: Reason.FILE_DIFFERENT,
}


class Facts:
    """See the module."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.nodes: list[Node] = []
        self.kind = bytearray()
        self.state = bytearray()
        self.verdict = bytearray()
        self.known = bytearray()
        """Are both readings of its fingerprint known?"""
        self.fresh = bytearray()
        """Is its strict reading certain to differ from every record?"""
        self.closed = bytearray()
        """Will it not need its inputs again?"""
        self.reason = bytearray()
        self.inputs: list[tuple[int, ...]] = []
        """Sorted by job id, which is the order in which they are digested."""
        self.strict: list[bytes] = []
        self.content: list[bytes] = []
        self.dependants: dict[int, dict[int, None]] = {}
        """Of inputs that were not settled when the dependant came, and of every loading job (its load may yet fail)."""
        self.unknown_inputs: dict[int, int] = {}
        """Invariant: of a waiting node, the number of inputs that are not known; absent means 0."""
        self.missing_inputs: dict[int, int] = {}
        """Invariant: of a waiting node, the number of inputs that are not done; absent means 0."""
        self.cause: dict[int, int] = {}
        """Why it runs: the rebuilt input of an output, the dependant that needs an on-demand job."""
        self.pruned_by: dict[int, int] = {}
        """The failure behind each pruned node."""

    # -------------------------------------------------------------------------------------------------------- new rows

    def append(self, node: Node) -> int:
        """A row of which nothing is known yet but what the node says; returns its index."""
        job = len(self.nodes)
        self.ids.append(node.job_id)
        self.nodes.append(node)
        self.kind.append(node.kind)
        self.state.append(WAITING)
        self.verdict.append(OPEN)
        self.known.append(0)
        self.fresh.append(0)
        self.closed.append(0)
        self.reason.append(Reason.NONE)
        self.inputs.append(self.sorted_by_id(set(node.inputs)) if len(node.inputs) > 1 else node.inputs)
        self.strict.append(b"")
        self.content.append(b"")
        return job

    def append_current(self, current: Current) -> None:
        """Rows of outputs that wait for nothing, and for which nobody waits."""
        count = len(current.ids)
        self.ids += current.ids
        self.nodes += [SETTLED] * count
        self.kind += bytes((OUTPUT,)) * count
        self.state += bytes((DONE,)) * count
        self.verdict += bytes((CURRENT,)) * count
        self.known += b"\1" * count
        self.fresh += bytes(count)
        self.closed += b"\1" * count
        self.reason += bytes((Reason.CURRENT,)) * count
        self.inputs += current.inputs
        self.strict += current.strict
        self.content += current.content

    # --------------------------------------------------------------------------------------------------------- digests

    def digests(self, job: int) -> tuple[bytes, bytes]:
        """Digests of the job's inputs as they are now, strict and by content; its inputs must be known."""
        inputs, own = self.inputs[job], self.nodes[job].own
        if own is not None and not inputs:
            return (only := input_digest(*own)), only
        return self._digest(inputs, self.strict, own), self._digest(inputs, self.content, own)

    def _digest(self, inputs: Sequence[int], fingerprints: list[bytes], own: tuple[str, bytes] | None) -> bytes:
        """Of inputs in one reading, sorted by id."""
        if own is not None and not inputs:
            return input_digest(*own)
        ids = [self.ids[p] for p in inputs]
        values = [fingerprints[p] for p in inputs]
        if own is not None:
            at = bisect(ids, own[0])
            ids.insert(at, own[0])
            values.insert(at, own[1])
        return inputs_digest(ids, values)

    def sorted_by_id(self, jobs: Iterable[int]) -> tuple[int, ...]:
        """In the order of `inputs`."""
        return tuple(sorted(jobs, key=self.ids.__getitem__))

    # ---------------------------------------------------------------------------------------------------- the equation

    def holds(self, inputs: Sequence[int], own: tuple[str, bytes] | None, recorded: bytes) -> bool:
        """Is the record of an output, whose files are as recorded, that of its inputs as they are now? `recorded` is
        the digest of the strict reading. False also where that can't be said yet."""
        if own is not None and not inputs:
            return input_digest(*own) == recorded
        known = self.known
        for p in inputs:
            if not known[p]:
                return False
        if len(inputs) > 1:
            inputs = self.sorted_by_id(inputs)
        return self._digest(inputs, self.strict, own) == recorded

    def matches(self, job: int, former: Former) -> bool:
        """Are the recorded inputs those of now, in the reading that this job asks for?"""
        node = self.nodes[job]
        fingerprints = self.content if node.by_content else self.strict
        inputs = self.inputs[job]
        if self._digest(inputs, fingerprints, node.own) == (former.content if node.by_content else former.strict):
            return True
        if node.masked < 0 or former.inputs is None:
            return False
        masked = self.ids[node.masked]
        then = {job_id: both[node.by_content] for job_id, both in former.inputs.items() if job_id != masked}
        now = {self.ids[p]: fingerprints[p] for p in inputs if p != node.masked}
        return then == (now if node.own is None else now | {node.own[0]: node.own[1]})

    def takes_over(self, job: int) -> bool:
        """Adopt the files, which may be adopted? Not those of a record that holds as it is."""
        node = self.nodes[job]
        if any(self.fresh[p] for p in self.inputs[job]):
            return False
        if node.former is not None:
            return node.adopt and (bool(node.edited) or not self.matches(job, node.former))
        return node.adopt or self._has_no_invariant(job)

    def rests_on_tombstone(self, job: int) -> bool:
        """Could what a broken-off attempt left be taken for done, if its tombstone were lost? Not of an output that has
        no record, and whose files are not adopted: it would be made again all the same."""
        node = self.nodes[job]
        return self.kind[job] != OUTPUT or node.former is not None or node.adopt or self._has_no_invariant(job)

    def _has_no_invariant(self, job: int) -> bool:
        node = self.nodes[job]
        return node.own is None and all(self.kind[p] != INVARIANT or p == node.masked for p in self.inputs[job])

    def is_outdated(self, job: int) -> bool:
        """Spared because its inputs are the same by content: is the record to say so in both readings? Else switching
        the early cutoff off would redo the job. Not where an input is masked, whose recorded value must stay."""
        node, former = self.nodes[job], self.nodes[job].former
        if former is None or not node.by_content or node.masked >= 0:
            return False
        return self.digests(job)[0] != former.strict

    def early(self, job: int) -> Reason:
        """What makes an output run whatever its inputs are; NONE if nothing does."""
        node = self.nodes[job]
        files = node.files if node.kept is None else node.kept
        if files != Files.FINE:
            return _FILE_REASONS[files]
        if node.former is not None and not node.former.valid:
            return Reason.TOMBSTONE
        if node.former is None and node.adoption is None:
            return Reason.NO_RECORD
        return Reason.NONE

    def judged(self, job: int) -> Reason:
        """Of an output that nothing made run early, now that its inputs are known: ADOPTED, CURRENT, or why it runs."""
        node = self.nodes[job]
        if node.adoption is not None and self.takes_over(job):
            return Reason.ADOPTED
        if node.former is None:
            return Reason.NO_RECORD
        return Reason.CURRENT if self.matches(job, node.former) else Reason.INPUTS_CHANGED

    def assessed(self, job: int) -> Reason:
        """Of a needed temporary or cached job: STANDING, or why it runs; NONE where that can't be said yet."""
        node, former = self.nodes[job], self.nodes[job].former
        if node.files != Files.FINE:
            return _FILE_REASONS[node.files]
        if former is None:
            return Reason.NO_RECORD
        if not former.valid:
            return Reason.TOMBSTONE
        if self.known[job]:
            return Reason.STANDING if self.matches(job, former) else Reason.INPUTS_CHANGED
        return Reason.INPUT_REBUILT if self.fresh[job] and not node.by_content else Reason.NONE

    # --------------------------------------------------------------------------------------------------- other answers

    def loads_of(self, job: int) -> tuple[int, ...]:
        """The loading jobs whose data `job` needs in memory, prerequisites first. Final jobs load nothing."""
        order: dict[int, None] = {}
        if self.kind[job] == FINAL:
            return ()
        stack = [(job, False)]
        while stack:
            node, expanded = stack.pop()
            if expanded:
                order[node] = None
                continue
            if node != job:
                if node in order:
                    continue
                stack.append((node, True))
            stack.extend((p, False) for p in reversed(self.inputs[node]) if self.kind[p] == LOADING and p not in order)
        return tuple(order)

    def is_off(self, job: int) -> bool:
        """Did it fail, or was it pruned?"""
        return self.state[job] in (FAILED, PRUNED)

    def blocks(self, p: int, job: int) -> bool:
        """Does `p`, failed or pruned, make `job` impossible? One whose fingerprint is known matters only if used."""
        return self.is_off(p) and (not self.known[p] or self.verdict[job] == RUN)

    def root(self, job: int) -> int:
        """The failure behind a failed or pruned node."""
        return self.pruned_by.get(job, job)
