"""The planner decides which jobs must run: the equation of semantics §2 and nothing else.

Theory of operation. Each node goes through three independent facts, which only ever grow (but a product that was given
back is not `done` any more when somebody comes for it again):

    known      both readings of its fingerprint are known. Invariants: at once. Outputs: once judged current, or built.
               Temporary, cached, loading and generating nodes: as soon as all their inputs are known, without running
               (an injecting node keeps its dependants waiting until it ran, because it may add to their inputs).
    fresh      the strict reading is certain to differ from every record, though not known yet: an output that will
               run, and everything input-addressed downstream of it. This is what lets a whole cold graph be judged
               before its first job ran.
    done       its dependants may use it (`State.DONE`).

A *verdict* needs `known` inputs (or, in the strict reading, one `fresh` input; or no record, or a missing file: then
the inputs do not matter). A *start* needs a RUN verdict and `done` inputs. Temporary, cached and loading nodes are
judged only when a dependant that must run *needs* them, and start only while one that is not pruned does. A node is
*closed* once it will not need its inputs again: one that makes files when they are there, a loading node (another
machine may have to load again) and what is not needed with the last dependant. Without open dependants, temporary and
loading nodes give their files or their memory back; a later dependant opens them again, to be made once more.

A temporary that also *keeps* files has two halves: until it is judged for the files that stay, by the rule of outputs
and whether somebody needs it or not, it is `obliged`; judged current, or made, it is a temporary like any other.

Nodes come in batches, in topological order, also while jobs run. All propagation goes through one explicit stack:
no recursion, each edge is looked at a bounded number of times. A node is entered into the dependants of an input only
when that input is not yet settled (known and done), so a run with nothing to do touches each edge once.

Rejected: "invalidated" flags that travel down the graph and survive the run (the original). They must be persisted,
they are lost with the process, and they rerun what an early cutoff would spare.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Iterable, Sequence

from .digest import input_digest, inputs_digest
from .events import Adopt, Event, Failed, Instruction, Prune, Refresh, Remove, Start, Succeeded, Unload, Withdraw
from .node import Current, Files, Former, Kind, Node, State, Verdict
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
SETTLED = Node("", Kind.OUTPUT)
"""Stands in for all that came as `Current`."""


class Planner:
    """See the module. Columns are indexed by job; `ids` and `nodes` hold what was given, everything else is derived."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.nodes: list[Node] = []
        self.kind = bytearray()
        self.state = bytearray()
        self.verdict = bytearray()
        self.known = bytearray()
        self.fresh = bytearray()
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
        self.needed: dict[int, int] = {}
        """Invariant: of an on-demand node, the number of dependants that must run, can, and are not closed; absent
        means 0."""
        self.cause: dict[int, int] = {}
        """Why it runs: the rebuilt input of an output, the dependant that needs an on-demand job."""
        self.pruned_by: dict[int, int] = {}
        self.made: set[int] = set()
        """Temporary and loading nodes with files or memory to give back."""
        self.obliged: set[int] = set()
        """Temporaries that keep files and have still to be judged or made for these, or failed to be."""
        self.leftovers: dict[int, None] = {}
        """Temporaries whose files an earlier run left; removed at the end, if no dependant is open then."""
        self.finals: list[int] = []
        self.failed: list[int] = []
        self.unsettled = 0
        """Outputs, generating nodes and obliged ones that are not over."""
        self.started = 0
        self._finals_released = False
        self._ready: list[int] = []
        """To be started when the event is through, if nothing has come between."""
        self._idle: list[int] = []
        """On-demand nodes that had no open dependant at some moment; looked at again when the event is through."""
        self._steps: list[tuple[Step, int, int]] = []
        self._out: list[Instruction] = []

    # ------------------------------------------------------------------------------------------------------- entrances

    def holds(self, inputs: Sequence[int], own: tuple[str, bytes] | None, recorded: bytes) -> bool:
        """Is the record of an output, whose files are as recorded, that of its inputs as they are now? `recorded` is
        the digest of the strict reading. False also where that can't be said yet."""
        known = self.known
        for p in inputs:
            if not known[p]:
                return False
        if len(inputs) > 1:
            inputs = self._sorted(inputs)
        return self._digest(inputs, self.strict, own) == recorded

    def extend(self, nodes: Iterable[Node | Current], edges: Sequence[tuple[int, int]] = ()) -> list[Instruction]:
        """Add nodes, topologically ordered, then edges (dependant, prerequisite) to nodes that wait for them.

        The first call brings the whole declared graph (`nodes` may be a generator that does other work in between),
        since what nobody needs at its end is removed and final jobs may start. Later ones bring what a generating or
        injecting job made, before its `Succeeded`.
        """
        assert not self._finals_released, "the graph can't grow when all is over but the final jobs"
        for node in nodes:
            if node.__class__ is Current:
                self._admit_current(*node)
            else:
                self._admit(node)  # type: ignore[arg-type]  # the cheapest way to tell the two apart
                if self._steps:
                    self._propagate()
        added: dict[int, list[int]] = {}
        for dependant, prerequisite in edges:
            added.setdefault(dependant, []).append(prerequisite)
        for dependant, prerequisites in added.items():
            self._add_inputs(dependant, prerequisites)
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

    def digests(self, job: int) -> tuple[bytes, bytes]:
        """Digests of the job's inputs as they are now, strict and by content; its inputs must be known."""
        inputs, own = self.inputs[job], self.nodes[job].own
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

    # ------------------------------------------------------------------------------------------------------- admission

    def _admit_current(self, job_id: str, inputs: tuple[int, ...], strict: bytes, content: bytes) -> None:
        """What `_admit` comes to for an output that is current: it waits for nothing and nobody waits for it."""
        self.ids.append(job_id)
        self.nodes.append(SETTLED)
        self.kind.append(OUTPUT)
        self.state.append(DONE)
        self.verdict.append(CURRENT)
        self.known.append(1)
        self.fresh.append(0)
        self.closed.append(1)
        self.reason.append(Reason.CURRENT)
        self.inputs.append(inputs)
        self.strict.append(strict)
        self.content.append(content)

    def _admit(self, node: Node) -> None:
        job = len(self.nodes)
        kind = int(node.kind)
        inputs = node.inputs
        if len(inputs) > 1:
            inputs = self._sorted(set(inputs))
        self.ids.append(node.job_id)
        self.nodes.append(node)
        self.kind.append(kind)
        self.state.append(WAITING)
        self.verdict.append(OPEN)
        self.known.append(0)
        self.fresh.append(0)
        self.closed.append(0)
        self.reason.append(0)
        self.inputs.append(inputs)
        self.strict.append(b"")
        self.content.append(b"")
        if kind == INVARIANT:
            self._admit_invariant(job, node)
        elif kind == FINAL:
            self.finals.append(job)
            self.reason[job] = Reason.ALWAYS
        else:
            for p in inputs:
                self._connect(job, p)
            self._judge_first(job, kind)

    def _admit_invariant(self, job: int, node: Node) -> None:
        if node.left_out:
            self.state[job] = PRUNED
            self.pruned_by[job] = job
        elif node.value:
            self.strict[job] = self.content[job] = node.value
            self.known[job] = 1
            self.state[job] = DONE
        else:
            self.state[job] = FAILED
            self.failed.append(job)

    def _connect(self, job: int, p: int) -> None:
        """Count `p` among the inputs that `job` waits for, and `job` among the dependants that keep `p` open."""
        if self.kind[p] in ON_DEMAND:
            if not self.closed[job]:
                self._open(p)
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
            self._idle.append(job)
            if self.nodes[job].kept is not None:
                self.obliged.add(job)
        self.unsettled += self._settles(job)
        for p in self.inputs[job]:
            if self._blocks(p, job):
                self._prune(job, self._root(p))
                return
        if kind == OUTPUT or job in self.obliged:
            self._judge_early(job)
        elif kind not in ON_DEMAND:
            self._decide_run(job, Reason.ALWAYS)
        for p in self.inputs[job]:
            if self.fresh[p]:
                self._see_fresh_input(job, p)
                break
        if not self.unknown_inputs.get(job):
            self._inputs_known(job)

    def _add_inputs(self, job: int, prerequisites: list[int]) -> None:
        known_already = set(self.inputs[job])
        new = [p for p in dict.fromkeys(prerequisites) if p not in known_already]
        if not new:
            return
        assert self.kind[job] != OUTPUT or self.verdict[job] != CURRENT
        self.inputs[job] = self._sorted([*self.inputs[job], *new])
        if self.kind[job] == FINAL:
            return
        assert self.state[job] in (WAITING, PRUNED), "prerequisites can't be added to a job that was started"
        for p in new:
            self._connect(job, p)
        if self.state[job] == PRUNED:
            return
        if self.verdict[job] == RUN:
            self._claim(job, new)
        for p in new:
            if self._blocks(p, job):
                self._prune(job, self._root(p))
                return
        for p in new:
            if self.fresh[p]:
                self._see_fresh_input(job, p)
                break

    def _open(self, p: int) -> None:
        """One more dependant for an on-demand node. If it is closed, without anything to show for it, it opens again,
        and so does what it is made from."""
        given_back = []
        stack = [p]
        while stack:
            node = stack.pop()
            self.open_dependants[node] += 1
            if not self.closed[node]:
                continue
            if self.state[node] == DONE:
                if self.kind[node] == CACHED or node in self.made:
                    continue
                given_back.append(node)
            self.closed[node] = 0
            stack.extend(q for q in self.inputs[node] if self.kind[q] in ON_DEMAND)
        if given_back:
            self._forget_products(given_back)

    def _forget_products(self, jobs: list[int]) -> None:
        """Their files or memory were given back: to be made again when needed.

        All dependants that they had are closed; those that are on demand themselves may have to be made (again), too,
        and the others never have to be told anything any more.
        """
        for job in jobs:
            self.state[job] = WAITING
            self.verdict[job] = OPEN
            self.nodes[job] = self.nodes[job]._replace(files=Files.MISSING)
        forgotten = set(jobs)
        for job in jobs:
            self.missing_inputs[job] = sum(self.state[q] != DONE for q in self.inputs[job])
            dependants = {d: None for d in self.dependants.get(job, ()) if self.kind[d] in ON_DEMAND}
            self.dependants[job] = dependants
            for d in dependants:
                if d not in forgotten and self.state[d] == WAITING:
                    self.missing_inputs[d] = self.missing_inputs.get(d, 0) + 1

    def _sorted(self, jobs: Iterable[int]) -> tuple[int, ...]:
        return tuple(sorted(jobs, key=self.ids.__getitem__))

    # --------------------------------------------------------------------------------------------------------- verdicts

    def _judge_early(self, job: int) -> None:
        """What decides an output whatever its inputs are."""
        node = self.nodes[job]
        files = node.files if node.kept is None else node.kept
        if files != Files.FINE:
            self._decide_run(job, _FILE_REASONS[files])
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
                if self.needed.get(job):
                    self._push(self._assess, job)
            if job not in self.obliged:
                return
        if self.verdict[job] == OPEN and self.state[job] == WAITING and not self.nodes[job].by_content:
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
        if job in self.obliged and self.verdict[job] == OPEN:
            self._judge_kept(job)
        if self.needed.get(job):
            self._push(self._assess, job)

    def _judge_kept(self, job: int) -> None:
        """Of a temporary: must it run for the files that stay?"""
        node = self.nodes[job]
        former = node.former
        if node.adoption is not None and self._takes_over(job, node):
            self._out.append(Adopt(job))
            if node.files != Files.MISSING:
                self.leftovers[job] = None
            self._discharge(job)
        elif former is None:
            self._decide_run(job, Reason.NO_RECORD)
        elif self._matches(job, former):
            self._note_cutoff(job, former)
            self._discharge(job)
        else:
            self._decide_run(job, Reason.INPUTS_CHANGED)

    def _discharge(self, job: int) -> None:
        """The files that stay are as they should be: a temporary like any other from now on."""
        self.unsettled -= 1
        self.obliged.discard(job)
        self._idle.append(job)

    def _settles(self, job: int) -> bool:
        """Must it come to an end of its own, whether somebody needs it or not?"""
        return self.kind[job] in SETTLES or job in self.obliged

    def _judge_output(self, job: int) -> None:
        node = self.nodes[job]
        former = node.former
        if node.adoption is not None and self._takes_over(job, node):
            self.strict[job], self.content[job] = node.adoption.build_id, node.adoption.files_content
            self._out.append(Adopt(job))
            self._settle_current(job, Reason.ADOPTED)
        elif former is None:
            self._decide_run(job, Reason.NO_RECORD)
        elif self._matches(job, former):
            self.strict[job] = node.edited or former.build_id
            self.content[job] = node.edited or former.files_content
            self._note_cutoff(job, former)
            self._settle_current(job, Reason.CURRENT)
        else:
            self._decide_run(job, Reason.INPUTS_CHANGED)

    def _takes_over(self, job: int, node: Node) -> bool:
        """Adopt the files, which may be adopted? Not those of a record that holds as it is."""
        if any(self.fresh[p] for p in self.inputs[job]):
            return False
        if node.former is not None:
            return node.adopt and (bool(node.edited) or not self._matches(job, node.former))
        if node.adopt:
            return True
        return node.own is None and all(self.kind[p] != INVARIANT or p == node.masked for p in self.inputs[job])

    def _matches(self, job: int, former: Former) -> bool:
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

    def _note_cutoff(self, job: int, former: Former) -> None:
        """Spared because its inputs are the same by content: the record is to say so in both readings, or switching
        the early cutoff off would redo the job. Not where an input is masked, whose recorded value must stay."""
        node = self.nodes[job]
        if node.by_content and node.masked < 0 and self.digests(job)[0] != former.strict:
            self._out.append(Refresh(job))

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
        self._claim(job, self.inputs[job])

    # ----------------------------------------------------------------------------------------------------------- demand

    def _claim(self, job: int, inputs: Sequence[int]) -> None:
        """`job` must run and uses what `inputs` make."""
        for p in inputs:
            if self.kind[p] in ON_DEMAND:
                self.needed[p] = self.needed.get(p, 0) + 1
                self._push(self._need, p, job)
            elif self.state[p] in (FAILED, PRUNED):
                self._push(self._prune, job, self._root(p))

    def _claims(self, job: int) -> bool:
        """Does it count among those that need its inputs? Final jobs never do."""
        if self.verdict[job] != RUN or self.closed[job] or self.kind[job] == FINAL:
            return False
        return self.state[job] not in (FAILED, PRUNED)

    def _unclaim(self, job: int) -> None:
        for p in self.inputs[job]:
            if self.kind[p] in ON_DEMAND:
                self.needed[p] -= 1
                if not self.needed[p]:
                    self._push(self._unneed, p)

    def _need(self, job: int, dependant: int) -> None:
        if not self.needed[job] or self.verdict[dependant] != RUN:
            return
        if self.state[job] in (FAILED, PRUNED):
            self._prune(dependant, self._root(job))
        elif self.verdict[job] == OPEN:
            self.cause[job] = dependant
            if self.kind[job] == LOADING:
                self._decide_run(job, Reason.DATA_NEEDED)
            else:
                self._assess(job)

    def _unneed(self, job: int, _: int) -> None:
        """All that needed it were pruned: it is not worth starting, unless somebody else comes."""
        if self.needed[job] or self.state[job] != WAITING or job in self.obliged:
            return
        if self._claims(job):
            self._unclaim(job)
        self.verdict[job] = OPEN
        self.reason[job] = Reason.NOT_NEEDED

    def _assess(self, job: int, _: int = -1) -> None:
        """Must a needed temporary or cached job run, or does its standing file serve?"""
        if self.verdict[job] != OPEN or self.state[job] != WAITING or job in self.obliged:
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
                if node.kept is None:
                    self._note_cutoff(job, former)
                self.verdict[job] = CURRENT
                self.reason[job] = Reason.STANDING
                if self.kind[job] == TEMPORARY:
                    self.made.add(job)
                self._become_done(job)
                self._close(job)
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
            if left and self.state[d] == WAITING:
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
        self._ready.append(job)

    def _start_ready(self) -> None:
        """After all propagation, which may still prune what seemed ready, or whoever needed it."""
        for job in self._ready:
            if self.state[job] == WAITING and self.verdict[job] == RUN and not self.missing_inputs.get(job):
                self.state[job] = STARTED
                self.started += 1
                self._out.append(Start(job))
        self._ready.clear()

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
        if job in self.obliged:
            self._discharge(job)
        self.unsettled -= kind in SETTLES
        self._close(job)

    def _close(self, job: int) -> None:
        """The job will not need its inputs again."""
        if self.closed[job]:
            return
        if self._claims(job):
            self._unclaim(job)
        self.closed[job] = 1
        if self.kind[job] == FINAL:
            return
        for p in self.inputs[job]:
            if self.kind[p] in ON_DEMAND:
                self.open_dependants[p] -= 1
                if not self.open_dependants[p]:
                    self._idle.append(p)

    def _give_back(self, job: int) -> None:
        """If no dependant is open: close, and give back what is there."""
        if self.open_dependants[job] or job in self.obliged:
            return
        assert self.state[job] != STARTED, "whoever needs it holds it open, even when pruned"
        if job in self.made:
            self.made.discard(job)
            self.leftovers.pop(job, None)
            self._out.append(Remove(job) if self.kind[job] == TEMPORARY else Unload(job))
        elif self.kind[job] == TEMPORARY and not self.closed[job] and self._was_left_behind(self.nodes[job]):
            self.leftovers[job] = None
        if self.verdict[job] == OPEN:
            self.reason[job] = Reason.NOT_NEEDED
        self._close(job)

    @staticmethod
    def _was_left_behind(node: Node) -> bool:
        """A file stands where an earlier run was at work; without record or tombstone it is not ours."""
        return node.former is not None and node.files != Files.MISSING

    # ---------------------------------------------------------------------------------------------------------- failure

    def _fail(self, job: int) -> None:
        if self.state[job] in (FAILED, PRUNED):
            return
        assert self.state[job] == STARTED or self.kind[job] == LOADING, "only what was started can fail"
        self.started -= self.state[job] == STARTED
        self.unsettled -= self._settles(job)
        self._give_up(job)
        self.state[job] = FAILED
        self.failed.append(job)
        self._push(self._tell_failed, job, job)

    def _give_up(self, job: int) -> None:
        """A job that fails or is pruned needs nothing any more (but keeps its inputs open); its data is of no use."""
        if self._claims(job):
            self._unclaim(job)
        if job in self.made:
            self.made.discard(job)
            self._out.append(Unload(job))

    def _root(self, job: int) -> int:
        """The failure behind a failed or pruned node."""
        return self.pruned_by.get(job, job)

    def _tell_failed(self, job: int, root: int) -> None:
        for d in self.dependants.get(job, ()):
            if self._blocks(job, d):
                self._prune(d, root)

    def _blocks(self, p: int, job: int) -> bool:
        """Does `p`, failed or pruned, make `job` impossible? One whose fingerprint is known matters only if used."""
        if self.state[p] not in (FAILED, PRUNED):
            return False
        return not self.known[p] or self.verdict[job] == RUN

    def _prune(self, job: int, root: int) -> None:
        state = self.state[job]
        if state in (FAILED, PRUNED) or (state == DONE and self.kind[job] != LOADING):
            return
        if state == STARTED:
            self.started -= 1
            self._out.append(Withdraw(job))
        self.unsettled -= self._settles(job)
        if job in self.obliged and self._was_left_behind(self.nodes[job]):
            self.leftovers[job] = None
        self._give_up(job)
        self.state[job] = PRUNED
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
        self._start_ready()
        self._settle_idle()
        if not self.started and not self.unsettled and not self._finals_released:
            self._finals_released = True
            self._out.extend(Remove(job) for job in self.leftovers if not self.open_dependants[job])
            self._release_finals()
            self._propagate()
            self._start_ready()
        out, self._out = self._out, []
        return out

    def _settle_idle(self) -> None:
        while self._idle:
            self._give_back(self._idle.pop())
            self._propagate()

    def _release_finals(self) -> None:
        for job in self.finals:
            if self.failed:
                self._prune(job, self.failed[0])
                continue
            pruned = [p for p in self.inputs[job] if self.state[p] == PRUNED]
            if pruned:
                self._prune(job, self._root(pruned[0]))
                continue
            self.verdict[job] = RUN
            for p in self.inputs[job]:
                if self.kind[p] == FINAL:
                    self._connect(job, p)
            self._ready.append(job)
