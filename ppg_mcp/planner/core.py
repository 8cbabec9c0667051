"""What the planner does when it learns something: nodes come, jobs end, and what follows from dependant to dependant.

The theory of operation is in the docstring of the package. All propagation goes through one explicit stack: no
recursion, each edge is looked at a bounded number of times. A node is entered into the dependants of an input only when
that input is not yet settled (known and done), so a run with nothing to do touches each edge once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .demand import Demand, Step, was_left_behind
from .digest import inputs_digest
from .events import Adopt, Event, Failed, Instruction, Prune, Refresh, Remove, Start, Succeeded, Withdraw
from .facts import Facts
from .node import (
    CURRENT,
    DONE,
    FAILED,
    FINAL,
    GENERATING,
    INJECTING,
    INVARIANT,
    LOADING,
    ON_DEMAND,
    OPEN,
    OUTPUT,
    PRUNED,
    RUN,
    STARTED,
    TEMPORARY,
    WAITING,
    Current,
    Files,
    Node,
)
from .reasons import Reason

SETTLES = frozenset((OUTPUT, GENERATING, INJECTING))
"""Kinds that must come to an end of their own, whether somebody needs them or not."""


class Planner(Facts):
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        self.demand = Demand(self, self._push)
        self.finals: list[int] = []
        self.failed: list[int] = []
        self.unsettled = 0
        """Outputs, generating nodes and obliged ones that are not over."""
        self.started = 0
        self._finals_released = False
        self._ready: list[int] = []
        """To be started when the event is through, if nothing has come between."""
        self._steps: list[tuple[Step, int, int]] = []
        self._out: list[Instruction] = []

    # ------------------------------------------------------------------------------------------------------- entrances

    def extend(self, nodes: Iterable[Node | Current], edges: Sequence[tuple[int, int]] = ()) -> list[Instruction]:
        """Add nodes, topologically ordered, then edges (dependant, prerequisite) to nodes that wait for them.

        The first call brings the whole declared graph (`nodes` may be a generator that does other work in between),
        since what nobody needs at its end is removed and final jobs may start. Later ones bring what a generating or
        injecting job made, before its `Succeeded`.
        """
        assert not self._finals_released, "the graph can't grow when all is over but the final jobs"
        for node in nodes:
            if isinstance(node, Current):
                self.append_current(node)
            else:
                self._admit(node)
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

    # ------------------------------------------------------------------------------------------------------- admission

    def _admit(self, node: Node) -> None:
        job = self.append(node)
        kind = self.kind[job]
        if kind == INVARIANT:
            self._admit_invariant(job, node)
        elif kind == FINAL:
            self.finals.append(job)
            self.reason[job] = Reason.ALWAYS
        else:
            for p in self.inputs[job]:
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
                self.demand.open(p)
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
            self.demand.enter(job)
        self.unsettled += self._settles(job)
        for p in self.inputs[job]:
            if self.blocks(p, job):
                self._prune(job, self.root(p))
                return
        if kind == OUTPUT or job in self.demand.obliged:
            reason = self.early(job)
            if reason:
                self._decide_run(job, reason)
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
        self.inputs[job] = self.sorted_by_id([*self.inputs[job], *new])
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
            if self.blocks(p, job):
                self._prune(job, self.root(p))
                return
        for p in new:
            if self.fresh[p]:
                self._see_fresh_input(job, p)
                break

    # --------------------------------------------------------------------------------------------------------- verdicts

    def _see_fresh_input(self, job: int, p: int) -> None:
        """An input's strict reading is certain to be new."""
        if self.kind[job] != OUTPUT:
            if not self.fresh[job]:
                self.fresh[job] = 1
                self._push(self._tell_fresh, job)
                if self.demand.needed.get(job):
                    self._push(self._assess, job)
            if job not in self.demand.obliged:
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
        if job in self.demand.obliged and self.verdict[job] == OPEN:
            self._judge_kept(job)
        if self.demand.needed.get(job):
            self._push(self._assess, job)

    def _judge_output(self, job: int) -> None:
        node, former = self.nodes[job], self.nodes[job].former
        reason = self.judged(job)
        if reason == Reason.ADOPTED:
            assert node.adoption is not None
            self.strict[job], self.content[job] = node.adoption.build_id, node.adoption.files_content
            self._out.append(Adopt(job))
        elif reason == Reason.CURRENT:
            assert former is not None
            self.strict[job] = node.edited or former.build_id
            self.content[job] = node.edited or former.files_content
            self._note_cutoff(job)
        else:
            self._decide_run(job, reason)
            return
        self._settle_current(job, reason)

    def _judge_kept(self, job: int) -> None:
        """Of a temporary: must it run for the files that stay?"""
        reason = self.judged(job)
        if reason == Reason.ADOPTED:
            self._out.append(Adopt(job))
            if self.nodes[job].files != Files.MISSING:
                self.demand.leftovers[job] = None
        elif reason == Reason.CURRENT:
            self._note_cutoff(job)
        else:
            self._decide_run(job, reason)
            return
        self._discharge(job)

    def _discharge(self, job: int) -> None:
        self.unsettled -= 1
        self.demand.discharge(job)

    def _settles(self, job: int) -> bool:
        """Must it come to an end of its own, whether somebody needs it or not?"""
        return self.kind[job] in SETTLES or job in self.demand.obliged

    def _note_cutoff(self, job: int) -> None:
        if self.is_outdated(job):
            self._out.append(Refresh(job))

    def _settle_current(self, job: int, reason: Reason) -> None:
        self.verdict[job] = CURRENT
        self.reason[job] = reason
        self.unsettled -= 1
        self._become_known(job)
        self._become_done(job)
        self.demand.close(job)

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
                self.demand.claim(p)
                self._push(self._need, p, job)
            elif self.is_off(p):
                self._push(self._prune, job, self.root(p))

    def _need(self, job: int, dependant: int) -> None:
        if not self.demand.needed[job] or self.verdict[dependant] != RUN:
            return
        if self.is_off(job):
            self._prune(dependant, self.root(job))
        elif self.verdict[job] == OPEN:
            self.cause[job] = dependant
            if self.kind[job] == LOADING:
                self._decide_run(job, Reason.DATA_NEEDED)
            else:
                self._assess(job)

    def _assess(self, job: int, _: int = -1) -> None:
        """Must a needed temporary or cached job run, or does its standing file serve?"""
        if self.verdict[job] != OPEN or self.state[job] != WAITING or job in self.demand.obliged:
            return
        reason = self.assessed(job)
        if reason == Reason.STANDING:
            self._serve(job)
        elif reason:
            self._decide_run(job, reason)

    def _serve(self, job: int) -> None:
        if self.nodes[job].kept is None:
            self._note_cutoff(job)
        self.verdict[job] = CURRENT
        self.reason[job] = Reason.STANDING
        if self.kind[job] == TEMPORARY:
            self.demand.made.add(job)
        self._become_done(job)
        self.demand.close(job)

    # ------------------------------------------------------------------------------------------------ known, done, over

    def _become_known(self, job: int) -> None:
        self.known[job] = 1
        if job in self.dependants:
            self._push(self._tell_known, job)

    def _tell_known(self, job: int, _: int) -> None:
        for d in self.dependants[job]:
            left = self.unknown_inputs[d] = self.unknown_inputs[d] - 1
            if not left and not self.is_off(d):
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
            self.demand.made.add(job)
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
        """Nothing changes by one that was withdrawn: whoever needs it was pruned with it."""
        if self.is_off(job):
            return
        assert self.state[job] == STARTED
        self.started -= 1
        kind = self.kind[job]
        if kind == OUTPUT:
            self.strict[job], self.content[job] = build_id, content
        if kind in (OUTPUT, INJECTING):
            self._become_known(job)
        if kind == TEMPORARY:
            self.demand.made.add(job)
        self._become_done(job)
        if job in self.demand.obliged:
            self._discharge(job)
        self.unsettled -= kind in SETTLES
        self.demand.close(job)

    # ---------------------------------------------------------------------------------------------------------- failure

    def _fail(self, job: int) -> None:
        if self.is_off(job):
            return
        assert self.state[job] == STARTED or self.kind[job] == LOADING, "only what was started can fail"
        self.started -= self.state[job] == STARTED
        self.unsettled -= self._settles(job)
        given_up = self.demand.give_up(job)
        if given_up is not None:
            self._out.append(given_up)
        self.state[job] = FAILED
        self.failed.append(job)
        self._push(self._tell_failed, job, job)

    def _tell_failed(self, job: int, root: int) -> None:
        for d in self.dependants.get(job, ()):
            if self.blocks(job, d):
                self._prune(d, root)

    def _prune(self, job: int, root: int) -> None:
        state = self.state[job]
        if state in (FAILED, PRUNED) or (state == DONE and self.kind[job] != LOADING):
            return
        if state == STARTED:
            self.started -= 1
            self._out.append(Withdraw(job))
        self.unsettled -= self._settles(job)
        if job in self.demand.obliged and was_left_behind(self.nodes[job]):
            self.demand.leftovers[job] = None
        given_up = self.demand.give_up(job)
        if given_up is not None:
            self._out.append(given_up)
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
            self._out.extend(Remove(job) for job in self.demand.leftovers if not self.demand.open_dependants[job])
            self._release_finals()
            self._propagate()
            self._start_ready()
        out, self._out = self._out, []
        return out

    def _settle_idle(self) -> None:
        while self.demand.idle:
            given = self.demand.give_back(self.demand.idle.pop())
            if given is not None:
                self._out.append(given)
            self._propagate()

    def _release_finals(self) -> None:
        for job in self.finals:
            if self.failed:
                self._prune(job, self.failed[0])
                continue
            pruned = [p for p in self.inputs[job] if self.state[p] == PRUNED]
            if pruned:
                self._prune(job, self.root(pruned[0]))
                continue
            self.verdict[job] = RUN
            for p in self.inputs[job]:
                if self.kind[p] == FINAL:
                    self._connect(job, p)
            self._ready.append(job)
