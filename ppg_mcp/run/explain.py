"""Why a job runs, or does not, in words: the planner's reason, and which inputs changed from what to what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..job import Job
from ..jobs.invariant import Invariant
from ..planner import Planner, Reason
from ..planner.node import INVARIANT, LOADING, OUTPUT, RUN, TEMPORARY
from ..store import InputChange, StatusStore

MAX_SHOWN_INPUTS = 5


class Explainer:
    """Reads the status store only for jobs whose inputs changed."""

    def __init__(self, planner: Planner, store: StatusStore, order: Sequence[Job]) -> None:
        self._planner = planner
        self._store = store
        self._order = order
        self._changed: dict[int, list[InputChange]] = {}
        """Of jobs that are under way."""

    def why(self, job: int) -> str:
        """One sentence without a full stop."""
        planner = self._planner
        match planner.reason[job]:
            case Reason.NO_RECORD:
                return "it has never been done"
            case Reason.TOMBSTONE:
                return "it was started before and did not end well"
            case Reason.FILE_MISSING:
                return self._why_missing(job)
            case Reason.FILE_EMPTY:
                return "its output is empty"
            case Reason.FILE_DIFFERENT:
                return "its output is not what was recorded"
            case Reason.INPUT_REBUILT:
                return f"{self._id(self._rebuilt_input(job))} is redone"
            case Reason.INPUTS_CHANGED:
                return "; ".join(self.changes(job)) or "its inputs changed"
            case Reason.ALWAYS:
                return "jobs of this kind run every time"
            case Reason.DATA_NEEDED:
                return f"{self._id(planner.cause.get(job))} needs its data"
            case Reason.CURRENT:
                return "its output is current"
            case Reason.ADOPTED:
                return "its output existed and was taken over"
            case Reason.STANDING:
                return "its output is still there and current"
            case Reason.NOT_NEEDED:
                return "nothing that must run needs it"
        return "it has not been decided"

    def _why_missing(self, job: int) -> str:
        """That there is no file is news only of a job that made it before, and no temporary, which are removed."""
        planner = self._planner
        former = planner.nodes[job].former
        if former is None:
            return "it has never been done"
        if not former.valid:
            return "it was started before and did not end well"
        if planner.kind[job] == TEMPORARY and job in planner.cause:
            return f"{self._id(planner.cause[job])} needs its data"
        return "its output is missing"

    def _rebuilt_input(self, job: int) -> int | None:
        """The cause of an on-demand job is who needs it; here its input is asked for."""
        planner = self._planner
        if planner.kind[job] == OUTPUT:
            return planner.cause.get(job)
        return next((p for p in planner.inputs[job] if planner.fresh[p]), None)

    def changed_inputs(self, job: int) -> list[InputChange]:
        """The inputs that differ from the recorded ones; none unless that is why the job runs."""
        if self._planner.reason[job] != Reason.INPUTS_CHANGED:
            return []
        if job not in self._changed:
            self._changed[job] = self._compare(job)
        return self._changed[job]

    def forget(self, job: int) -> None:
        """The job is over: its record is about to be replaced."""
        self._changed.pop(job, None)

    def _compare(self, job: int) -> list[InputChange]:
        planner = self._planner
        node = planner.nodes[job]
        then = {i.job_id: (i.strict, i.content) for i in self._store.inputs_of(node.job_id)}
        now = self.inputs_now(job)
        masked = planner.ids[node.masked] if node.masked >= 0 else None
        none = (b"", b"")
        changed = []
        for job_id in sorted(then.keys() | now.keys()):
            before, after = then.get(job_id, none), now[job_id][0] if job_id in now else none
            if job_id != masked and before[node.by_content] != after[node.by_content]:
                changed.append(InputChange(job_id, before[0], after[0]))
        return changed

    def inputs_now(self, job: int) -> dict[str, tuple[tuple[bytes, bytes], Job]]:
        """Its inputs by id: both readings, and the job; an implicit invariant among them."""
        planner = self._planner
        now = {planner.ids[p]: ((planner.strict[p], planner.content[p]), self._order[p]) for p in planner.inputs[job]}
        own, code = planner.nodes[job].own, self._order[job].shown_code()
        if own is not None and code is not None:
            now[own[0]] = (own[1], own[1]), code
        return now

    def changes(self, job: int) -> list[str]:
        """What differs between the recorded inputs and those of now."""
        changed = self.changed_inputs(job)
        if not changed:
            return []
        now = self.inputs_now(job)
        texts = [self._text(change, now) for change in changed[:MAX_SHOWN_INPUTS]]
        if len(changed) > MAX_SHOWN_INPUTS:
            texts.append(f"and {len(changed) - MAX_SHOWN_INPUTS} more inputs changed")
        return texts

    def _text(self, change: InputChange, now: Mapping[str, tuple[tuple[bytes, bytes], Job]]) -> str:
        if not change.now:
            return f"input {(self._store.path_of(change.job_id) or change.job_id)!r} is gone"
        shown = now[change.job_id][1]
        if not change.then:
            return f"new input {shown.job_id!r}"
        return f"{shown.job_id!r} changed{self._difference(change.then, shown)}{self._since(shown)}"

    def _difference(self, then: bytes, invariant: Job) -> str:
        """Of the values of an invariant."""
        old = self._store.description(then)
        if not old or not isinstance(invariant, Invariant):
            return ""
        new = invariant.parts()
        parts = [_part(name, old.get(name), new.get(name)) for name in sorted(old.keys() | new.keys())]
        return "".join(f" ({text})" for text in (", ".join(filter(None, parts)),) if text)

    def _since(self, job: Job) -> str:
        """What is loaded is known by its inputs, and no record says what they were: which of them are made anew."""
        if isinstance(job, Invariant) or self._planner.kind[job.index] != LOADING:
            return ""
        redone = [self._id(p) for p in self._redone_below(job.index)]
        return (
            f", since {', '.join(redone[:MAX_SHOWN_INPUTS])} {'is' if len(redone) == 1 else 'are'} redone"
            if redone
            else ""
        )

    def _redone_below(self, load: int) -> list[int]:
        """Jobs with files of which it loads something, by way of other loads perhaps."""
        planner, found, seen, stack = self._planner, [], {load}, [load]
        while stack:
            for p in planner.inputs[stack.pop()]:
                if p in seen:
                    continue
                seen.add(p)
                if planner.kind[p] == LOADING:
                    stack.append(p)
                elif planner.kind[p] != INVARIANT and planner.verdict[p] == RUN:
                    found.append(p)
        return sorted(found)

    def _id(self, job: int | None) -> str:
        return repr(self._order[job].job_id) if job is not None else "an input"


def _part(name: str, old: str | None, new: str | None) -> str:
    if old == new:
        return ""
    if name == "code":
        return "its code"
    return f"{name}: {_short(old)} -> {_short(new)}"


def _short(text: str | None) -> str:
    if text is None:
        return "nothing"
    return text if len(text) <= 80 else text[:77] + "…"
