"""What a run must do, said as naively as the semantics say it: a recursive definition per sentence, no events.

Given a graph, files and a store, `Oracle` answers which jobs run, what becomes of the others, and what files and
store hold afterwards. Where jobs fail or come late, some things depend on who was faster, so that the oracle gives
bounds:

- an on-demand job that only jobs which will be pruned need may or may not run;
- what does not need a job that failed upstream (it is current itself, or only needs what is) may have been found out
  before, or is pruned with the rest;
- a temporary that stood may have been used and given back before a generated job came; it is made again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import Enum
from functools import wraps
from typing import TypeVar

from ppg_mcp.planner import Kind
from ppg_mcp.planner.node import (
    CACHED,
    FINAL,
    GENERATING,
    INJECTING,
    INVARIANT,
    LOADING,
    OUTPUT,
    TEMPORARY,
)

from .model import (
    NEVER_SEEN,
    ON_DEMAND,
    TOMBSTONE,
    WITH_FILES,
    Both,
    File,
    Graph,
    Record,
    Store,
    addressed,
    build_id,
    kept,
    product,
)


class Fate(Enum):
    """Of a job that is not on demand."""

    CURRENT = "current"
    ADOPTED = "adopted"
    RAN = "ran"
    FAILED = "failed"
    PRUNED = "pruned"


CURRENT, ADOPTED, RAN, FAILED, PRUNED = Fate  # looking one up in the class takes longer than to compare it
WELL = (CURRENT, ADOPTED, RAN)

T = TypeVar("T")


def remembered(method: Callable[[Oracle, str], T]) -> Callable[[Oracle, str], T]:
    """Cache by job, in the instance; cleared when the oracle is."""

    name = method.__name__

    @wraps(method)
    def wrapper(self: Oracle, job: str) -> T:
        key = (name, job)
        if key not in self.memory:
            self.memory[key] = method(self, job)
        return self.memory[key]  # type: ignore[return-value]

    return wrapper


class Oracle:
    """Semantics §2 and §3 of one run; `number` is the run's, unique in the life of the store."""

    def __init__(self, graph: Graph, files: dict[str, File], store: Store, number: int) -> None:
        self.graph = graph
        self.files = dict(files)
        self.store = dict(store)
        self.number = number
        self.memory: dict[tuple[str, str], object] = {}
        self.jobs = [job for job in graph.kinds if self.exists(job)]

    # ----------------------------------------------------------------------------------------------------- the graph

    @remembered
    def exists(self, job: str) -> bool:
        """Generated jobs exist when their generator ended well."""
        maker = self.graph.makers.get(job)
        return maker is None or (self.exists(maker) and self.ended_well(maker))

    @remembered
    def inputs(self, job: str) -> frozenset[str]:
        """The declared ones and those that were injected."""
        injected = {p for injector, d, p in self.graph.injected if d == job and self.ended_well(injector)}
        return self.graph.inputs[job] | injected

    def kind(self, job: str) -> Kind:
        return self.graph.kinds[job]

    def settles(self, job: str) -> bool:
        """It is judged whether somebody needs it or not."""
        return self.kind(job) not in ON_DEMAND or job in self.graph.keeps

    # ------------------------------------------------------------------------------------------------- fingerprints

    @remembered
    def unknowable(self, job: str) -> bool:
        """Its fingerprint can't be known in this run."""
        if self.kind(job) == INVARIANT:
            return not self.graph.values[job]
        if self.kind(job) == OUTPUT:
            return self.fate(job) in (FAILED, PRUNED)
        return self.in_the_dark(job)

    @remembered
    def in_the_dark(self, job: str) -> bool:
        """Its inputs, or their fingerprints, can't be known."""
        return any(
            self.unknowable(p) or (self.kind(p) == INJECTING and not self.ended_well(p)) for p in self.inputs(job)
        )

    @remembered
    def fingerprint(self, job: str) -> Both:
        """The table of §2."""
        if self.kind(job) == INVARIANT:
            return self.graph.values[job], self.graph.values[job]
        if self.kind(job) != OUTPUT:
            return addressed(self.kind(job), {p: self.fingerprint(p) for p in self.inputs(job)})
        if self.fate(job) in (RAN, ADOPTED):
            return build_id(job, self.number), self.content(job)
        record = self.store[job]
        assert isinstance(record, Record)
        if self.edited(job):
            return self.files[job].content, self.files[job].content
        return record.build_id, record.content

    def edited(self, job: str) -> bool:
        """By hand: the content is not the recorded one. A file with another mtime but equal content is acquitted."""
        record = self.store.get(job)
        return isinstance(record, Record) and self.files[job].content != record.content

    @remembered
    def content(self, job: str) -> str:
        """What its dependants read."""
        if self.kind(job) == INVARIANT:
            return self.graph.values[job]
        if self.kind(job) in (GENERATING, INJECTING):
            return job
        if self.kind(job) == OUTPUT and self.fate(job) in (CURRENT, ADOPTED):
            return self.files[job].content
        if self.kind(job) in (TEMPORARY, CACHED) and self.stands(job):
            return self.files[job].content
        noise = self.number if job in self.graph.noisy and self.kind(job) in WITH_FILES else 0
        return product(job, {p: self.content(p) for p in self.inputs(job)}, noise)

    # ----------------------------------------------------------------------------------------------------- the equation

    def matches(self, job: str) -> bool:
        """record.inputs == {input id: fp(input) now}, in the job's reading, the masked edge left out on both sides."""
        record = self.store[job]
        assert isinstance(record, Record)
        reading = int(job in self.graph.by_content)
        masked = self.graph.masked.get(job)
        then = {p: both[reading] for p, both in record.inputs.items() if p != masked}
        now = {p: self.fingerprint(p)[reading] for p in self.inputs(job) if p != masked}
        return then == now

    def has_file(self, job: str) -> bool:
        return job in self.files and self.files[job].content != ""

    @remembered
    def rebuilt(self, job: str) -> bool:
        """In this run, itself or what it is made from."""
        if self.kind(job) == OUTPUT:
            return self.must_run(job)
        return any(self.rebuilt(p) for p in self.inputs(job))

    @remembered
    def must_run(self, job: str) -> bool:
        """Of jobs that settle."""
        if self.kind(job) != OUTPUT and job not in self.graph.keeps:
            return True
        if not self.has_file(kept(job) if job in self.graph.keeps else job) or self.store.get(job) is TOMBSTONE:
            return True
        if self.may_be_adopted(job):
            return False
        return job not in self.store or not self.matches(job)

    def may_be_adopted(self, job: str) -> bool:
        if any(self.rebuilt(p) for p in self.inputs(job)):
            return False
        masked = self.graph.masked.get(job)
        invariants = [p for p in self.inputs(job) if self.kind(p) == INVARIANT and p != masked]
        return self.graph.adopt or (job not in self.store and not invariants)

    @remembered
    def fate(self, job: str) -> Fate:
        """Of jobs that settle."""
        if self.kind(job) == FINAL:
            return self.fate_of_final(job)
        if self.in_the_dark(job):
            return PRUNED
        if self.must_run(job):
            if not self.startable(job):
                return PRUNED
            return FAILED if job in self.graph.fails else RAN
        edited = job not in self.graph.keeps and job in self.store and self.edited(job)
        if self.may_be_adopted(job) and (job not in self.store or edited or not self.matches(job)):
            return ADOPTED
        return CURRENT

    def fate_of_final(self, job: str) -> Fate:
        if self.anything_failed() or any(self.kind(p) == FINAL and self.fate(p) != RAN for p in self.inputs(job)):
            return PRUNED
        return FAILED if job in self.graph.fails else RAN

    def anything_failed(self) -> bool:
        """Final jobs aside. A failed on-demand job shows in those that it prunes."""
        return any(
            not self.graph.values[job] if self.kind(job) == INVARIANT else self.fate(job) not in WELL
            for job in self.graph.kinds
            if self.settles(job) and self.kind(job) != FINAL and self.exists(job)
        )

    def ended_well(self, job: str) -> bool:
        return self.fate(job) in WELL

    # ---------------------------------------------------------------------------------------------------------- demand

    @remembered
    def stands(self, job: str) -> bool:
        """A temporary or cache file that need not be redone."""
        return (
            not self.in_the_dark(job)
            and self.has_file(job)
            and isinstance(self.store.get(job), Record)
            and not self.edited(job)
            and self.matches(job)
            and (job not in self.graph.keeps or self.has_file(kept(job)))
        )

    @remembered
    def startable(self, job: str) -> bool:
        return all(self.obtainable(p) for p in self.inputs(job))

    @remembered
    def obtainable(self, job: str) -> bool:
        """It can be there in this run when its dependants need it."""
        if self.kind(job) == INVARIANT:
            return bool(self.graph.values[job])
        if self.kind(job) not in ON_DEMAND:
            return self.ended_well(job)
        if self.kind(job) != LOADING and self.stands(job):
            return True
        return not self.in_the_dark(job) and job not in self.graph.fails and self.startable(job)

    def made_for(self, users: list[str]) -> set[str]:
        """The on-demand jobs that are made, or used as they stand, if `users` are to run."""
        made: set[str] = set()
        for user in users:
            for p in self.inputs(user):
                if self.kind(p) in ON_DEMAND and p not in made:
                    made.add(p)
                    if self.kind(p) == LOADING or not self.stands(p):
                        made |= self.made_for([p])
        return made

    def run_bounds(self) -> tuple[set[str], set[str]]:
        """The jobs that must run, and those that may."""
        others = [job for job in self.jobs if self.settles(job) and self.kind(job) != INVARIANT]
        run = {job for job in others if self.fate(job) in (RAN, FAILED)}
        sure = {job for job in run if not self.below_failure(job)}
        used = self.made_for([job for job in sure if self.kind(job) != FINAL])
        unsure = [job for job in others if job not in sure and self.fate(job) not in (CURRENT, ADOPTED)]
        wanted = self.made_for([job for job in unsure if self.kind(job) != FINAL])
        must = {job for job in used if self.kind(job) != LOADING and not self.stands(job)}
        may = {job for job in wanted if self.kind(job) != LOADING and not self.stands(job) and self.startable(job)}
        again = {job for job in self.made_late() if self.kind(job) != LOADING and self.startable(job)}
        return sure | must, run | must | may | again

    def is_a_gamble(self) -> bool:
        """A temporary that stood may be used, given back and made again for a job that comes late: which may fail."""
        grows = self.graph.makers or self.graph.injected
        stands = any(self.kind(job) == TEMPORARY and job in self.files for job in self.jobs)
        return bool(self.graph.fails and grows and stands)

    def made_late(self) -> set[str]:
        """On-demand jobs above jobs and edges that come during the run: what stood may be gone by then."""
        stack = [
            job for job in self.jobs if job in self.graph.makers or any(job == d for _, d, _ in self.graph.injected)
        ]
        late: set[str] = set()
        while stack:
            for p in self.inputs(stack.pop()):
                if self.kind(p) in ON_DEMAND and p not in late:
                    late.add(p)
                    stack.append(p)
        return late

    # ------------------------------------------------------------------------------------------------------- afterwards

    def pruned(self) -> tuple[set[str], set[str]]:
        """The jobs, on-demand ones aside, that must be pruned, and those that may."""
        others = [job for job in self.jobs if self.settles(job) and self.kind(job) != INVARIANT]
        must = {job for job in others if self.fate(job) == PRUNED}
        return must, must | {job for job in others if self.below_failure(job)}

    @remembered
    def below_failure(self, job: str) -> bool:
        return any(
            self.below_failure(p)
            or p in self.graph.fails
            or (self.kind(p) not in (*ON_DEMAND, INVARIANT) and not self.ended_well(p))
            or (self.kind(p) == INVARIANT and not self.graph.values[p])
            for p in self.inputs(job)
        )

    def adopted(self) -> set[str]:
        return {job for job in self.jobs if self.stays(job) and self.fate(job) == ADOPTED}

    def stays(self, job: str) -> bool:
        """It makes a file that stays, made whether somebody needs it or not."""
        return self.kind(job) == OUTPUT or job in self.graph.keeps

    def spared(self, job: str) -> bool:
        """Current by content, though not strictly: an early cutoff spared it."""
        record = self.store.get(job)
        if not isinstance(record, Record) or job not in self.graph.by_content or job in self.graph.masked:
            return False
        return self.matches(job) and record.inputs != {p: self.fingerprint(p) for p in self.inputs(job)}

    def store_after(self, ran: set[str], refreshed: set[str]) -> Store:
        """Given the jobs that did run, and those whose records were refreshed: outputs must be, where it is due; files
        on demand may be, it depends on whether anybody asked for them."""
        after = dict(self.store)
        due = {job for job in self.jobs if self.stays(job) and self.fate(job) == CURRENT}
        due = {job for job in due if self.spared(job)}
        assert {job for job in refreshed if self.stays(job)} == due
        for job in refreshed:
            assert self.spared(job), f"{job} was refreshed"
            record = self.store[job]
            assert isinstance(record, Record)
            after[job] = replace(record, inputs={p: self.fingerprint(p) for p in self.inputs(job)})
        for job in self.jobs:
            if self.kind(job) not in WITH_FILES:
                continue
            if job in ran and job in self.graph.fails:
                after[job] = TOMBSTONE
            elif job in ran or (self.stays(job) and self.fate(job) == ADOPTED):
                inputs = {p: self.fingerprint(p) for p in self.inputs(job)}
                content = NEVER_SEEN if job in self.graph.keeps and job not in ran else self.content(job)
                after[job] = Record(build_id(job, self.number), inputs, content)
        return after

    def contents_after(self, ran: set[str]) -> dict[str, str]:
        """Of all files but temporary ones."""
        after = {job: file.content for job, file in self.files.items() if self.graph.kinds.get(job) != TEMPORARY}
        for job in ran:
            if self.kind(job) in (OUTPUT, CACHED) or job in self.graph.keeps:
                name = kept(job) if job in self.graph.keeps else job
                after.pop(name, None)
                if job not in self.graph.fails:
                    after[name] = self.content(job)
        return after

    def leftovers(self) -> set[str]:
        """Temporary files after a run in which nothing failed: those that were never ours and that nobody needed."""
        must, _ = self.run_bounds()
        used = self.made_for([job for job in must if self.kind(job) != FINAL])
        return {
            job
            for job in self.jobs
            if self.kind(job) == TEMPORARY
            and job in self.files
            and job not in used | must | self.adopted()
            and job not in self.store
        }


def from_scratch(graph: Graph) -> dict[str, str]:
    """The content of every output of a build from scratch; jobs are deterministic, nothing fails."""
    contents: dict[str, str] = {}

    def content(job: str) -> str:
        if job not in contents:
            if graph.kinds[job] == INVARIANT:
                contents[job] = graph.values[job]
            elif graph.kinds[job] in (GENERATING, INJECTING):
                contents[job] = job
            else:
                inputs = graph.inputs[job] | {p for _, d, p in graph.injected if d == job}
                contents[job] = product(job, {p: content(p) for p in inputs}, 0)
        return contents[job]

    outputs = {job: content(job) for job, kind in graph.kinds.items() if kind == OUTPUT}
    return outputs | {kept(job): content(job) for job in graph.keeps}
