"""A simulated world around the real planner: files, a store and a run loop in one process, without time.

`World` is what lasts from run to run; `Run` drives the planner through one of them as the run loop does, in an order
that a seed decides: which of the started jobs are dispatched (tombstone, loads, old files unlinked), which of the
dispatched ones end next. After every event it checks what must hold at every moment:

- a job starts only when all its inputs are there: outputs built, temporary files present, data loadable, on whichever
  of two machines it lands; they are still there when it ends;
- a job starts once, an on-demand one again only after its product was given back;
- an on-demand job starts only for a job that can still run;
- a temporary file stays while something that still has to run, or failed, can need it, and goes when not;
- the planner's own books balance (`sanity`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from random import Random

from ppg_mcp.planner import (
    Adopt,
    Current,
    Failed,
    Files,
    Former,
    Instruction,
    Node,
    Planner,
    Prune,
    Refresh,
    Remove,
    Start,
    Succeeded,
    Unload,
    Withdraw,
)
from ppg_mcp.planner.node import (
    DONE,
    FINAL,
    GENERATING,
    INJECTING,
    INVARIANT,
    LOADING,
    OUTPUT,
    RUN,
    STARTED,
    TEMPORARY,
    WAITING,
)

from .model import (
    ALWAYS,
    NEVER_SEEN,
    ON_DEMAND,
    TOMBSTONE,
    WITH_FILES,
    Both,
    Digests,
    File,
    Graph,
    Record,
    Store,
    addressed,
    build_id,
    kept,
    product,
)
from .sanity import sanity_check

MACHINES = 2


@dataclass
class World:
    """What outlives a run."""

    files: dict[str, File] = field(default_factory=dict)
    store: Store = field(default_factory=dict)
    number: int = 0
    clock: int = 0
    bytes_of: dict[str, bytes] = field(default_factory=dict)
    """Invariant, with `name_of`: our fingerprints and the planner's are equal at the same time."""
    name_of: dict[bytes, str] = field(default_factory=dict)

    def copy(self) -> World:
        """One to go on with, this one stays."""
        return World(dict(self.files), dict(self.store), self.number, self.clock, self.bytes_of, self.name_of)

    def write(self, job: str, content: str) -> File:
        self.clock += 1
        self.files[job] = File(content, self.clock)
        return self.files[job]

    def run(self, graph: Graph, seed: int = 0, stop_after: int | None = None) -> Run:
        """Run to the end, or crash after so many events. See `Run.order_of` for the seed."""
        self.number += 1
        run = Run(self, graph, seed)
        run.go(stop_after)
        return run


class Run:
    """One run. Jobs are named by their ids; `index` translates."""

    def __init__(self, world: World, graph: Graph, seed: int) -> None:
        self.world = world
        self.graph = graph
        self.seed = seed
        self.random = Random(seed)
        self.planner = Planner()
        self.ids: list[str] = []
        self.index: dict[str, int] = {}
        self.own: dict[str, str] = own_invariants(graph) if seed % 2 else {}
        """Job -> the invariant that is spared a node."""
        self.queue: list[str] = []
        self.flying: list[str] = []
        self.saved: dict[str, Record | Tombstone | None] = {}
        self.ran: list[str] = []
        self.adopted: list[str] = []
        self.refreshed: list[str] = []
        self.removed: list[str] = []
        self.failed: set[str] = {job for job, value in graph.values.items() if not value}
        self.pruned: dict[str, str] = {}
        self.loaded: set[tuple[int, str]] = set()
        self.at: dict[str, int] = {}
        self.below: dict[str, list[str]] = {}
        self.edges = -1
        self.over = False

    # ------------------------------------------------------------------------------------------------------- the loop

    def go(self, stop_after: int | None = None) -> None:
        """Events until nothing is left, or the crash."""
        declared = [job for job in self.graph.kinds if job not in self.graph.makers and job not in self.own.values()]
        self.perform(self.planner.extend(self.nodes(self.ordered(declared))))
        events = 0
        while self.queue or self.flying:
            if events == stop_after:
                self.crash()
                return
            events += 1
            self.step()
        self.over = True
        assert self.planner.is_over, "nothing runs, nothing is started, and the planner is not over"

    def ordered(self, jobs: list[str]) -> list[str]:
        """A topological order; the seed decides which."""
        if self.seed < 2:
            return jobs
        left, order = list(jobs), list[str]()
        while left:
            ready = [job for job in left if not self.graph.inputs[job] & set(left)]
            order.append(self.random.choice(ready))
            left.remove(order[-1])
        return order

    def step(self) -> None:
        """Seed 0: one at a time, first come first served. Seed 1: all at once, the last ends first. Else: any."""
        if self.seed == 0:
            dispatch, which = not self.flying, 0
        elif self.seed == 1:
            dispatch, which = bool(self.queue), -1
        else:
            dispatch = not self.flying or (bool(self.queue) and self.random.random() < 0.5)
            which = self.random.randrange(len(self.queue if dispatch else self.flying))
        if dispatch:
            self.dispatch(self.queue.pop(which))
        else:
            self.finish(self.flying.pop(which))

    def crash(self) -> None:
        """Dispatched jobs leave nothing, or half a file."""
        for job in self.flying:
            if self.graph.kinds[job] in WITH_FILES and self.random.random() < 0.5:
                self.world.write(job, f"half {job}")
                if job in self.graph.keeps:
                    self.world.write(kept(job), f"half {kept(job)}")

    # -------------------------------------------------------------------------------------------- what jobs look like

    def nodes(self, jobs: list[str]) -> Iterator[Node | Current]:
        for job in jobs:
            self.index[job] = len(self.ids)
            self.ids.append(job)
        return self.surveyed(jobs)

    def surveyed(self, jobs: list[str]) -> Iterator[Node | Current]:
        """While the planner takes them in one by one; in the short form where it will do."""
        current = Current([], [], [], [])
        for job in jobs:
            node = self.node(job)
            if set(node.inputs) & {self.index[other] for other in current.ids}:
                yield current
                current = Current([], [], [], [])
            former = node.former
            recorded = former is not None and former.valid and node.files == Files.FINE and not node.edited
            if node.kind == OUTPUT and recorded and self.planner.holds(node.inputs, node.own, former.strict):
                for column, value in zip(
                    current, (job, node.inputs, former.build_id, former.files_content), strict=True
                ):
                    column.append(value)
                continue
            if current.ids:
                yield current
                current = Current([], [], [], [])
            yield node
        yield current

    def node(self, job: str) -> Node:
        """As the graph, the store and a look at the files tell."""
        graph, kind = self.graph, self.graph.kinds[job]
        entry = self.world.store.get(job)
        files, edited, adoption, former = Files.FINE, b"", None, None
        if kind in WITH_FILES:
            files = self.found(job)
            if files == Files.FINE and isinstance(entry, Record):
                now = self.world.files[job]
                differs = now.mtime != entry.mtime and now.content != entry.content
                if differs and kind == OUTPUT:
                    edited = now.content.encode()
                elif differs:
                    files = Files.DIFFERENT
        staying = self.found(kept(job)) if job in graph.keeps else files if kind == OUTPUT else None
        if staying == Files.FINE and (graph.adopt or entry is None):
            own = build_id(job, self.world.number).encode()
            stays = self.world.files[kept(job) if job in graph.keeps else job]
            adoption = Former(own, b"", b"", files_content=stays.content.encode())
        if isinstance(entry, Record):
            digests = entry.digests
            assert digests is not None
            former = Former(
                entry.build_id.encode(),
                digests.strict,
                digests.content,
                files_content=entry.content.encode(),
                inputs=digests.inputs if job in graph.masked else None,
            )
        elif entry is not None:
            former = Former(b"", b"", b"", valid=False)
        return Node(
            job_id=job,
            kind=kind,
            inputs=tuple(self.index[p] for p in sorted(graph.inputs[job]) if p != self.own.get(job)),
            value=graph.values[job].encode() if kind == INVARIANT else b"",
            former=former,
            files=files,
            edited=edited,
            adoption=adoption,
            by_content=job in graph.by_content,
            masked=self.index[graph.masked[job]] if job in graph.masked else -1,
            adopt=graph.adopt,
            own=self.own_input(job),
            kept=staying if job in graph.keeps else None,
        )

    def found(self, name: str) -> Files:
        file = self.world.files.get(name)
        return Files.MISSING if file is None else Files.FINE if file.content else Files.EMPTY

    def own_input(self, job: str) -> tuple[str, bytes] | None:
        return (self.own[job], self.graph.values[self.own[job]].encode()) if job in self.own else None

    def inputs(self, job: str) -> list[str]:
        own = [self.own[job]] if job in self.own else []
        return own + [self.ids[p] for p in self.planner.inputs[self.index[job]]]

    def fingerprint(self, job: str) -> Both:
        """Of a job whose fingerprint is settled, from store and files as they are."""
        kind = self.graph.kinds[job]
        if kind == INVARIANT:
            return self.graph.values[job], self.graph.values[job]
        if kind != OUTPUT:
            return addressed(kind, {p: self.fingerprint(p) for p in self.inputs(job)})
        record, file = self.world.store[job], self.world.files[job]
        assert isinstance(record, Record), f"{job} is used before it is built"
        if file.content != record.content:
            return file.content, file.content
        return record.build_id, record.content

    def content(self, job: str) -> str:
        """What a dependant reads, from files as they are."""
        kind = self.graph.kinds[job]
        if kind == INVARIANT:
            return self.graph.values[job]
        if kind in (GENERATING, INJECTING):
            return job
        if kind in WITH_FILES:
            return self.world.files[job].content
        return product(job, {p: self.content(p) for p in self.inputs(job)}, 0)

    def record(self, job: str, file: File) -> Record:
        index, planner = self.index[job], self.planner
        strict, content = planner.digests(index)
        raw = {planner.ids[p]: (planner.strict[p], planner.content[p]) for p in planner.inputs[index]}
        if own := self.own_input(job):
            raw[own[0]] = (own[1], own[1])
        inputs = {p: self.fingerprint(p) for p in raw}
        for p, both in inputs.items():
            for name, digest in zip(both, raw[p], strict=True):
                assert self.world.bytes_of.setdefault(name, digest) == digest, (job, p, name, digest)
                assert self.world.name_of.setdefault(digest, name) == name, (job, p, name, digest)
        own = build_id(job, self.world.number)
        return Record(own, inputs, file.content, file.mtime, Digests(strict, content, raw))

    # --------------------------------------------------------------------------------------------- dispatch and the end

    def there(self, job: str, machine: int) -> bool:
        """Can it be used on this machine?"""
        kind = self.graph.kinds[job]
        if kind == LOADING:
            return (machine, job) in self.loaded
        if kind in WITH_FILES:
            stands = job in self.world.files and job not in self.flying
            return stands and isinstance(self.world.store.get(job), Record)
        if kind == INVARIANT:
            return bool(self.graph.values[job])
        return job in self.ran and job not in self.failed

    def all_there(self, job: str, machine: int) -> None:
        if self.graph.kinds[job] != FINAL:
            for p in self.inputs(job):
                assert self.there(p, machine), f"{job} is started before {p} is there"

    def dispatch(self, job: str) -> None:
        machine = 0 if self.seed < 2 else self.random.randrange(MACHINES)
        for load in self.planner.loads_of(self.index[job]):
            name = self.ids[load]
            if (machine, name) in self.loaded:
                continue
            self.all_there(name, machine)
            if name in self.graph.fails:
                self.queue.append(job)
                self.failed.add(name)
                self.perform(self.planner.handle(Failed(load)))
                assert job not in self.queue, f"{job} can't have the data of {name} and is not withdrawn"
                return
            self.loaded.add((machine, name))
        self.all_there(job, machine)
        self.at[job] = machine
        self.flying.append(job)
        if self.graph.kinds[job] in WITH_FILES:
            self.world.store[job] = TOMBSTONE
            self.world.files.pop(job, None)
            if job in self.graph.keeps:
                self.world.files.pop(kept(job), None)

    def finish(self, job: str) -> None:
        index, kind = self.index[job], self.graph.kinds[job]
        self.ran.append(job)
        self.all_there(job, self.at[job])
        if job in self.graph.fails:
            self.failed.add(job)
            self.perform(self.planner.handle(Failed(index)))
            return
        if kind in (GENERATING, INJECTING):
            self.generate(job)
        if kind not in WITH_FILES:
            self.perform(self.planner.handle(Succeeded(index)))
            return
        noise = self.world.number if job in self.graph.noisy else 0
        file = self.world.write(job, product(job, {p: self.content(p) for p in self.inputs(job)}, noise))
        if job in self.graph.keeps:
            self.world.write(kept(job), file.content)
        record = self.world.store[job] = self.record(job, file)
        self.perform(self.planner.handle(Succeeded(index, record.build_id.encode(), file.content.encode())))

    def generate(self, generator: str) -> None:
        """Its change of the graph is merged before its end is told."""
        made = [job for job in self.graph.kinds if self.graph.makers.get(job) == generator]
        new = self.ordered([job for job in made if job not in self.own.values()])
        injected = sorted((d, p) for injector, d, p in self.graph.injected if injector == generator)
        nodes = self.nodes(new)
        edges = [(self.index[d], self.index[p]) for d, p in injected]
        if new or edges:
            self.perform(self.planner.extend(nodes, edges))

    # ---------------------------------------------------------------------------------------------------- instructions

    def perform(self, instructions: Iterable[Instruction]) -> None:
        for instruction in instructions:
            job = self.ids[instruction.job]
            match instruction:
                case Start():
                    self.on_start(job)
                case Withdraw():
                    assert job in self.queue or job in self.flying
                    (self.queue if job in self.queue else self.flying).remove(job)
                case Adopt():
                    self.adopted.append(job)
                    staying = File(NEVER_SEEN, 0) if job in self.graph.keeps else self.world.files[job]
                    self.world.store[job] = self.record(job, staying)
                case Refresh():
                    assert job not in self.refreshed
                    self.refreshed.append(job)
                    former = self.world.store[job]
                    now = self.record(job, File("", 0))
                    self.world.store[job] = replace(former, inputs=now.inputs, digests=now.digests)
                case Remove():
                    assert job in self.world.files, f"{job} was removed already"
                    assert job in self.world.store, f"{job} was never ours"
                    del self.world.files[job]
                    self.removed.append(job)
                case Unload():
                    self.loaded -= {(machine, job) for machine in range(MACHINES)}
                case Prune():
                    assert job not in self.pruned
                    cause = self.pruned[job] = self.ids[instruction.cause]
                    assert cause in self.failed
        self.check()

    def on_start(self, job: str) -> None:
        kind = self.graph.kinds[job]
        assert job not in self.queue
        assert job not in self.flying
        assert kind not in (INVARIANT, LOADING)
        if job in self.ran:
            assert kind in ON_DEMAND, f"{job} is started twice"
            assert job in self.removed, f"{job} is started twice, and was not given back"
        if kind in ON_DEMAND:
            assert self.obliged(job) or self.wanted(job), f"{job} is started and nobody can use it"
        if kind == FINAL:
            assert all(self.graph.kinds[other] == FINAL for other in self.failed)
            assert not self.planner.loads_of(self.index[job])
            busy = [other for other in self.queue + self.flying if self.graph.kinds[other] != FINAL]
            assert not busy, f"{job} is final, and started before {busy} ended"
        self.queue.append(job)

    # --------------------------------------------------------------------------------------------------------- checks

    def dependants(self, job: str) -> list[str]:
        return self.below.get(job, [])

    def state(self, job: str) -> int:
        return self.planner.state[self.index[job]]

    def obliged(self, job: str) -> bool:
        return self.index[job] in self.planner.demand.obliged

    def wanted(self, job: str) -> bool:
        """There is a job that must run, can, has not ended, and uses this one."""
        self.look_at_edges()
        return any(
            self.planner.verdict[self.index[d]] == RUN
            and self.state(d) in (WAITING, STARTED, DONE)
            and (self.graph.kinds[d] not in ON_DEMAND or self.obliged(d) or self.wanted(d))
            for d in self.dependants(job)
            if self.graph.kinds[d] == LOADING or self.state(d) != DONE
        )

    def held(self, job: str) -> bool:
        """Something that still has to run, or failed, can need it, directly or through loading jobs."""
        return any(
            self.held(d)
            if self.graph.kinds[d] == LOADING
            else self.state(d) != DONE and (self.graph.kinds[d] not in ON_DEMAND or self.obliged(d) or self.held(d))
            for d in self.dependants(job)
            if self.graph.kinds[d] != FINAL
        )

    def look_at_edges(self) -> None:
        edges = sum(len(inputs) for inputs in self.planner.inputs)
        if edges != self.edges:
            self.edges = edges
            self.below = {}
            for job in self.ids:
                for p in self.inputs(job):
                    self.below.setdefault(p, []).append(job)

    def check(self) -> None:
        sanity_check(self.planner)
        self.look_at_edges()
        for job in self.ids:
            if self.graph.kinds[job] != TEMPORARY or self.state(job) != DONE:
                continue
            if self.held(job):
                assert job in self.world.files, f"{job} went while it could be needed"
            else:
                assert job not in self.world.files, f"{job} is not needed and still there"

    @property
    def executed(self) -> set[str]:
        """Without what runs in every run."""
        return {job for job in self.ran if self.graph.kinds[job] not in ALWAYS}


def own_invariants(graph: Graph) -> dict[str, str]:
    """For each job that makes files one invariant, if there is one that only this job depends on."""
    own: dict[str, str] = {}
    for p, value in graph.values.items():
        users = [job for job, inputs in graph.inputs.items() if p in inputs]
        free = value and p not in graph.masked.values() and all(p != other for _, _, other in graph.injected)
        if free and len(users) == 1 and graph.kinds[users[0]] in WITH_FILES:
            own.setdefault(users[0], p)
    return own


Tombstone = type(TOMBSTONE)
