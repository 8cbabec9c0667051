"""The planner decides which jobs must run: the equation of semantics §2 and nothing else.

Theory of operation. Each node goes through three independent facts, each of which only ever grows:

    known      both readings of its fingerprint are known. Invariants: at once. Outputs: once judged current, or built.
               Temporary, cached, loading and generating nodes: as soon as all their inputs are known, without running
               (an injecting node keeps its dependants waiting until it ran, because it may add to their inputs).
    fresh      the strict reading is certain to differ from every record, though not known yet: an output that will
               run, and everything input-addressed downstream of it. This is what lets a whole cold graph be judged
               before its first job ran.
    done       its dependants may use it (`State.DONE`).

A *verdict* needs `known` inputs (or, in the strict reading, one `fresh` input; or no record, or a missing file: then
the inputs do not matter). A *start* needs a RUN verdict and `done` inputs. Temporary, cached and loading nodes are
judged only when a dependant that must run *needs* them. A node is *closed* once it will not need its inputs again; a
temporary or loading node closes with its last dependant, and gives its files or its memory back.

Nodes come in batches, in topological order, also while jobs run. All propagation goes through one explicit stack:
no recursion, each edge is looked at a bounded number of times. A node is entered into the dependants of an input only
when that input is not yet settled (known and done), so a run with nothing to do touches each edge once.

Rejected: "invalidated" flags that travel down the graph and survive the run (the original). They must be persisted,
they are lost with the process, and they rerun what an early cutoff would spare.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from .digest import inputs_digest
from .events import Adopt, Event, Failed, Instruction, Prune, Remove, Start, Succeeded, Unload, Withdraw
from .node import Files, Former, Kind, Node, State, Verdict
from .reasons import Reason

INVARIANT, OUTPUT, TEMPORARY, CACHED, LOADING, GENERATING, INJECTING, FINAL = (int(kind) for kind in Kind)
WAITING, STARTED, DONE, FAILED, PRUNED = (int(state) for state in State)
OPEN, CURRENT, RUN = (int(verdict) for verdict in Verdict)

ON_DEMAND = frozenset((TEMPORARY, CACHED, LOADING))
SETTLES = frozenset((OUTPUT, GENERATING, INJECTING))
"""Kinds that must come to an end of their own, whether somebody needs them or not."""

_FILE_REASONS = {
    Files.MISSING: Reason.FILE_MISSING,
    Files.EMPTY: Reason.FILE_EMPTY,
    Files.DIFFERENT: Reason.FILE_DIFFERENT,
}

Step = Callable[[int, int], None]


class Planner:
    """See the module. Columns are indexed by job; `nodes` holds what was given, everything else is derived."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.kind = bytearray()
        self.state = bytearray()
        self.verdict = bytearray()
        self.known = bytearray()
        self.fresh = bytearray()
        self.needed = bytearray()
        self.closed = bytearray()
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
        self.open_dependants: dict[int, int] = {}
        """Invariant: of an on-demand node, the number of dependants that are not closed."""
        self.cause: dict[int, int] = {}
        """Why it runs: the rebuilt input of an output, the dependant that needs an on-demand job."""
        self.pruned_by: dict[int, int] = {}
        self.made: set[int] = set()
        """Temporary and loading nodes with files or memory to give back."""
        self.leftovers: dict[int, None] = {}
        """Closed temporaries whose files an earlier run left; removed at the end, if they are still closed then."""
        self.finals: list[int] = []
        self.failed: list[int] = []
        self.unsettled = 0
        """Outputs and generating nodes that are not over."""
        self.started = 0
        self._finals_released = False
        self._new_on_demand: list[int] = []
        self._steps: list[tuple[Step, int, int]] = []
        self._out: list[Instruction] = []

    # ------------------------------------------------------------------------------------------------------- entrances

    def extend(self, nodes: Iterable[Node], edges: Sequence[tuple[int, int]] = ()) -> list[Instruction]:
        """Add nodes, topologically ordered, then edges (dependant, prerequisite) to nodes that wait for them."""
        for node in nodes:
            self._admit(node)
            if self._steps:
                self._propagate()
        for dependant, prerequisite in edges:
            self._add_edge(dependant, prerequisite)
            self._propagate()
        return self._conclude()

    def handle(self, event: Event, now: float = 0.0) -> list[Instruction]:
        """React to the end of a job."""
        if isinstance(event, Succeeded):
            self._succeed(event.job, event.build_id, event.content)
        else:
            assert isinstance(event, Failed)
            self._fail(event.job)
        self._propagate()
        return self._conclude()

    @property
    def is_over(self) -> bool:
        """Nothing runs and nothing is left to be started."""
        return not self.started and not self.unsettled and self._finals_released

    def loads_of(self, job: int) -> tuple[int, ...]:
        """The loading jobs whose data `job` needs in memory, prerequisites first."""
        order: dict[int, None] = {}
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

    def digests(self, job: int) -> tuple[bytes, bytes]:
        """Digests of the job's inputs as they are now, strict and by content; its inputs must be known."""
        ids = [self.nodes[p].job_id for p in self.inputs[job]]
        return (
            inputs_digest(ids, [self.strict[p] for p in self.inputs[job]]),
            inputs_digest(ids, [self.content[p] for p in self.inputs[job]]),
        )

    # ------------------------------------------------------------------------------------------------------- admission

    def _admit(self, node: Node) -> None:
        job = len(self.nodes)
        kind = int(node.kind)
        inputs = node.inputs
        if len(inputs) > 1:
            inputs = self._sorted(set(inputs))
        self.nodes.append(node)
        self.kind.append(kind)
        self.state.append(WAITING)
        self.verdict.append(OPEN)
        self.known.append(0)
        self.fresh.append(0)
        self.needed.append(0)
        self.closed.append(0)
        self.reason.append(0)
        self.inputs.append(inputs)
        self.strict.append(b"")
        self.content.append(b"")
        if kind == INVARIANT:
            self._admit_invariant(job, node.value)
        elif kind == FINAL:
            self.finals.append(job)
            self.reason[job] = Reason.ALWAYS
        else:
            for p in inputs:
                self._connect(job, p)
            self._judge_first(job, kind)

    def _admit_invariant(self, job: int, value: bytes) -> None:
        if value:
            self.strict[job] = self.content[job] = value
            self.known[job] = 1
            self.state[job] = DONE
        else:
            self.state[job] = FAILED
            self.failed.append(job)

    def _connect(self, job: int, p: int) -> None:
        """Count `p` among the inputs that `job` waits for, and `job` among the dependants that keep `p` open."""
        if self.kind[p] in ON_DEMAND:
            self._reopen(p)
        elif self.known[p] and self.state[p] == DONE:
            return
        self.dependants.setdefault(p, {})[job] = None
        if not self.known[p]:
            self.unknown_inputs[job] = self.unknown_inputs.get(job, 0) + 1
        if self.state[p] != DONE:
            self.missing_inputs[job] = self.missing_inputs.get(job, 0) + 1

    def _judge_first(self, job: int, kind: int) -> None:
        """The first look at a new node, all of whose inputs are there."""
        if kind in ON_DEMAND:
            self.open_dependants[job] = 0
            self._new_on_demand.append(job)
        else:
            self.unsettled += 1
        for p in self.inputs[job]:
            if self._blocks(p, job):
                self._prune(job, self._root(p))
                return
        if kind == OUTPUT:
            self._judge_early(job)
        elif kind not in ON_DEMAND:
            self._decide_run(job, Reason.ALWAYS)
        for p in self.inputs[job]:
            if self.fresh[p] and not self.known[p]:
                self._see_fresh_input(job, p)
                break
        if not self.unknown_inputs.get(job):
            self._inputs_known(job)
        self._try_start(job)

    def _add_edge(self, job: int, p: int) -> None:
        if p in self.inputs[job]:
            return
        assert self.kind[job] != OUTPUT or self.verdict[job] != CURRENT
        self.inputs[job] = self._sorted({*self.inputs[job], p})
        if self.kind[job] == FINAL:
            return
        assert self.state[job] in (WAITING, PRUNED), "prerequisites can't be added to a job that was started"
        self._connect(job, p)
        if self.state[job] == PRUNED:
            return
        if self._blocks(p, job):
            self._prune(job, self._root(p))
            return
        if self.fresh[p] and not self.known[p]:
            self._see_fresh_input(job, p)
        if self.verdict[job] == RUN and self.kind[p] in ON_DEMAND:
            self._push(self._need, p, job)

    def _reopen(self, p: int) -> None:
        """One more dependant for an on-demand node. A closed one opens again, and with it what it needs."""
        reopened = []
        stack = [p]
        while stack:
            node = stack.pop()
            self.open_dependants[node] += 1
            if self.closed[node]:
                self.closed[node] = 0
                reopened.append(node)
                stack.extend(q for q in self.inputs[node] if self.kind[q] in ON_DEMAND)
        for node in sorted(reopened):
            if self.state[node] == DONE and self.kind[node] != CACHED and node not in self.made:
                self._forget_product(node)

    def _forget_product(self, job: int) -> None:
        """Its files or its memory were given back: to be made again when needed."""
        self.state[job] = WAITING
        self.verdict[job] = OPEN
        self.needed[job] = 0
        self.nodes[job] = self.nodes[job]._replace(files=Files.MISSING)
        missing = [q for q in self.inputs[job] if self.state[q] != DONE]
        self.missing_inputs[job] = len(missing)
        for q in missing:
            self.dependants.setdefault(q, {})[job] = None

    def _sorted(self, jobs: Iterable[int]) -> tuple[int, ...]:
        return tuple(sorted(jobs, key=lambda job: self.nodes[job].job_id))

    # --------------------------------------------------------------------------------------------------------- verdicts

    def _judge_early(self, job: int) -> None:
        """What decides an output whatever its inputs are."""
        node = self.nodes[job]
        if node.files != Files.FINE:
            self._decide_run(job, _FILE_REASONS[node.files])
        elif node.former is not None and not node.former.valid:
            self._decide_run(job, Reason.TOMBSTONE)
        elif node.former is None and node.adoption is None:
            self._decide_run(job, Reason.NO_RECORD)

    def _see_fresh_input(self, job: int, p: int) -> None:
        """An input's strict reading is certain to be new."""
        if self.kind[job] != OUTPUT:
            if not self.fresh[job]:
                self.fresh[job] = 1
                self._push(self._tell_fresh, job)
                if self.needed[job]:
                    self._push(self._assess, job)
        elif self.verdict[job] == OPEN and not self.nodes[job].by_content:
            self.cause[job] = p
            self._decide_run(job, Reason.INPUT_REBUILT)

    def _tell_fresh(self, job: int, _: int) -> None:
        for d in self.dependants.get(job, ()):
            self._see_fresh_input(d, job)

    def _inputs_known(self, job: int, _: int = -1) -> None:
        kind = self.kind[job]
        if kind == OUTPUT:
            if self.verdict[job] == OPEN:
                self._judge_output(job)
            return
        strict, content = self.digests(job)
        tag = (f"kind {kind}",)
        self.strict[job] = inputs_digest(tag, (strict,))
        self.content[job] = inputs_digest(tag, (content,))
        if kind != INJECTING:
            self._become_known(job)
        if self.needed[job]:
            self._push(self._assess, job)

    def _judge_output(self, job: int) -> None:
        node = self.nodes[job]
        rebuilt = any(self.fresh[p] for p in self.inputs[job])
        former = node.former
        if node.adoption is not None and not rebuilt and (node.adopt or (former is None and self._is_plain(job))):
            self.strict[job], self.content[job] = node.adoption.build_id, node.adoption.files_content
            self._out.append(Adopt(job))
            self._settle_current(job, Reason.ADOPTED)
        elif former is None:
            self._decide_run(job, Reason.NO_RECORD)
        elif self._matches(job, former):
            self.strict[job] = node.edited or former.build_id
            self.content[job] = node.edited or former.files_content
            self._settle_current(job, Reason.CURRENT)
        else:
            self._decide_run(job, Reason.INPUTS_CHANGED)

    def _is_plain(self, job: int) -> bool:
        """No invariant among the inputs, the masked one aside."""
        return all(self.kind[p] != INVARIANT or p == self.nodes[job].masked for p in self.inputs[job])

    def _matches(self, job: int, former: Former) -> bool:
        """Are the recorded inputs those of now, in the reading that this job asks for?"""
        node = self.nodes[job]
        fingerprints = self.content if node.by_content else self.strict
        inputs = self.inputs[job]
        now = inputs_digest([self.nodes[p].job_id for p in inputs], [fingerprints[p] for p in inputs])
        if now == (former.content if node.by_content else former.strict):
            return True
        if node.masked < 0 or former.inputs is None:
            return False
        masked = self.nodes[node.masked].job_id
        then = {job_id: both[node.by_content] for job_id, both in former.inputs.items() if job_id != masked}
        return then == {self.nodes[p].job_id: fingerprints[p] for p in inputs if p != node.masked}

    def _settle_current(self, job: int, reason: Reason) -> None:
        self.verdict[job] = CURRENT
        self.reason[job] = reason
        self.unsettled -= 1
        self._become_known(job)
        self._become_done(job)
        self._close(job)

    def _decide_run(self, job: int, reason: Reason) -> None:
        self.verdict[job] = RUN
        self.reason[job] = reason
        if self.kind[job] == OUTPUT:
            self.fresh[job] = 1
            self._push(self._tell_fresh, job)
        self._push(self._try_start, job)
        for p in self.inputs[job]:
            if self.kind[p] in ON_DEMAND:
                self._push(self._need, p, job)

    # ----------------------------------------------------------------------------------------------------------- demand

    def _need(self, job: int, dependant: int) -> None:
        """`dependant` must run and uses what this on-demand job makes."""
        if self.state[job] in (FAILED, PRUNED):
            self._prune(dependant, self._root(job))
        elif not self.needed[job]:
            self.needed[job] = 1
            self.cause[job] = dependant
            if self.kind[job] == LOADING:
                self._decide_run(job, Reason.DATA_NEEDED)
            else:
                self._assess(job)

    def _assess(self, job: int, _: int = -1) -> None:
        """Must a needed temporary or cached job run, or does its standing file serve?"""
        if self.verdict[job] != OPEN or self.state[job] != WAITING:
            return
        node = self.nodes[job]
        former = node.former
        if node.files != Files.FINE:
            self._decide_run(job, _FILE_REASONS[node.files])
        elif former is None:
            self._decide_run(job, Reason.NO_RECORD)
        elif not former.valid:
            self._decide_run(job, Reason.TOMBSTONE)
        elif self.known[job]:
            if self._matches(job, former):
                self.verdict[job] = CURRENT
                self.reason[job] = Reason.STANDING
                if self.kind[job] == TEMPORARY:
                    self.made.add(job)
                self._become_done(job)
            else:
                self._decide_run(job, Reason.INPUTS_CHANGED)
        elif self.fresh[job] and not node.by_content:
            self._decide_run(job, Reason.INPUT_REBUILT)

    # ------------------------------------------------------------------------------------------------ known, done, over

    def _become_known(self, job: int) -> None:
        self.known[job] = 1
        if job in self.dependants:
            self._push(self._tell_known, job)

    def _tell_known(self, job: int, _: int) -> None:
        for d in self.dependants[job]:
            left = self.unknown_inputs[d] = self.unknown_inputs[d] - 1
            if not left and self.state[d] not in (FAILED, PRUNED):
                self._push(self._inputs_known, d)

    def _become_done(self, job: int) -> None:
        self.state[job] = DONE
        if job in self.dependants:
            self._push(self._tell_done, job)

    def _tell_done(self, job: int, _: int) -> None:
        for d in self.dependants[job]:
            left = self.missing_inputs.get(d, 0)
            if left and self.state[d] in (WAITING, PRUNED):
                self.missing_inputs[d] = left - 1
                if left == 1:
                    self._push(self._try_start, d)

    def _try_start(self, job: int, _: int = -1) -> None:
        if self.state[job] != WAITING or self.verdict[job] != RUN or self.missing_inputs.get(job):
            return
        if self.kind[job] == LOADING:
            self.made.add(job)
            self._become_done(job)
            return
        self.state[job] = STARTED
        self.started += 1
        self._out.append(Start(job))

    def _succeed(self, job: int, build_id: bytes, content: bytes) -> None:
        assert self.state[job] == STARTED
        self.started -= 1
        kind = self.kind[job]
        if kind == OUTPUT:
            self.strict[job], self.content[job] = build_id, content
        if kind in (OUTPUT, INJECTING):
            self._become_known(job)
        if kind == TEMPORARY:
            self.made.add(job)
        self._become_done(job)
        if kind in ON_DEMAND:
            if not self.open_dependants[job]:
                self._close_on_demand(job)
        else:
            self.unsettled -= kind != FINAL
            self._close(job)

    def _close(self, job: int) -> None:
        """The job will not need its inputs again."""
        self.closed[job] = 1
        if self.kind[job] == FINAL:
            return
        for p in self.inputs[job]:
            if self.kind[p] in ON_DEMAND:
                self.open_dependants[p] -= 1
                if not self.open_dependants[p]:
                    self._push(self._close_on_demand, p)

    def _close_on_demand(self, job: int, _: int = -1) -> None:
        if self.open_dependants[job] or self.closed[job] or self.state[job] in (STARTED, FAILED, PRUNED):
            return
        if job in self.made:
            self.made.discard(job)
            self._out.append(Remove(job) if self.kind[job] == TEMPORARY else Unload(job))
        elif self.kind[job] == TEMPORARY and self.nodes[job].former and self.nodes[job].files != Files.MISSING:
            self.leftovers[job] = None
        if not self.needed[job]:
            self.reason[job] = Reason.NOT_NEEDED
        self._close(job)

    # ---------------------------------------------------------------------------------------------------------- failure

    def _fail(self, job: int) -> None:
        if self.state[job] in (FAILED, PRUNED):
            return
        assert self.state[job] == STARTED or self.kind[job] == LOADING, "only what was started can fail"
        self.started -= self.state[job] == STARTED
        self.unsettled -= self.kind[job] in SETTLES
        self.state[job] = FAILED
        self.made.discard(job)
        self.failed.append(job)
        self._push(self._tell_failed, job, job)

    def _root(self, job: int) -> int:
        """The failure behind a failed or pruned node."""
        return self.pruned_by.get(job, job)

    def _tell_failed(self, job: int, root: int) -> None:
        for d in self.dependants.get(job, ()):
            if self._blocks(job, d):
                self._prune(d, root)

    def _blocks(self, p: int, job: int) -> bool:
        """Does `p`, failed or pruned, make `job` impossible? One whose fingerprint is known matters only if needed."""
        if self.state[p] not in (FAILED, PRUNED):
            return False
        return not (self.kind[p] in ON_DEMAND and self.known[p]) or self.verdict[job] == RUN

    def _prune(self, job: int, root: int) -> None:
        state = self.state[job]
        if state in (FAILED, PRUNED) or (state == DONE and self.kind[job] != LOADING):
            return
        if state == STARTED:
            self.started -= 1
            self._out.append(Withdraw(job))
        self.unsettled -= self.kind[job] in SETTLES
        self.state[job] = PRUNED
        self.made.discard(job)
        self.pruned_by[job] = root
        self._out.append(Prune(job, root))
        self._push(self._tell_failed, job, root)

    # ------------------------------------------------------------------------------------------------------- conclusion

    def _push(self, step: Step, job: int, other: int = -1) -> None:
        self._steps.append((step, job, other))

    def _propagate(self) -> None:
        steps = self._steps
        while steps:
            step, job, other = steps.pop()
            step(job, other)

    def _conclude(self) -> list[Instruction]:
        """What nobody needs closes; when all else is over, leftovers go and final jobs start."""
        self._propagate()
        for job in reversed(self._new_on_demand):
            self._close_on_demand(job)
        self._new_on_demand.clear()
        self._propagate()
        if not self.started and not self.unsettled and not self._finals_released:
            self._finals_released = True
            self._out.extend(Remove(job) for job in self.leftovers if self.closed[job])
            self._release_finals()
            self._propagate()
        out, self._out = self._out, []
        return out

    def _release_finals(self) -> None:
        for job in self.finals:
            if self.failed:
                self._prune(job, self.failed[0])
                continue
            self.verdict[job] = RUN
            for p in self.inputs[job]:
                if self.kind[p] == FINAL:
                    self._connect(job, p)
            self._push(self._try_start, job)
