"""What may happen to a project between two runs: every single edit of a graph, its files, its store, its luck.

A `Scenario` is a sequence of runs. Each gets a graph and a touch of the world before it starts, and may crash after
some events; every run that does not crash is compared with the oracle. Then, without failures, one more run repairs
what they left (if there were any), and a last one must do nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations

from ppg_mcp.planner import Kind

from .compare import run_and_compare, run_for_nothing
from .model import NEVER_SEEN, ON_DEMAND, TOMBSTONE, WITH_FILES, File, Graph, Record, kept, product
from .oracle import from_scratch
from .world import World

Touch = Callable[[World], None]

MAKERS = (Kind.GENERATING, Kind.INJECTING)


def untouched(world: World) -> None:
    """No edit."""


@dataclass(frozen=True)
class Step:
    """One run."""

    graph: Graph
    touch: Touch = untouched
    stop_after: int | None = None


@dataclass(frozen=True)
class Scenario:
    """`pure`: afterwards, all outputs are those of a build from scratch."""

    name: str
    steps: tuple[Step, ...]
    pure: bool = True


class Runner:
    """Plays scenarios; remembers the world after the first run that many of them share."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.first: Graph | None = None
        self.after_first = World()

    def play(self, scenario: Scenario) -> None:
        world, steps = World(), scenario.steps
        if steps[0].touch is untouched and steps[0].stop_after is None and len(steps) > 1:
            if self.first is not steps[0].graph:
                self.after_first = World()
                run_and_compare(self.after_first, steps[0].graph, self.seed)
                self.first = steps[0].graph
            world, steps = self.after_first.copy(), steps[1:]
        for step in steps:
            step.touch(world)
            if step.stop_after is None:
                run_and_compare(world, step.graph, self.seed)
            else:
                world.run(step.graph, self.seed, step.stop_after)
        last = steps[-1]
        healthy = healed(last.graph)
        if last.stop_after is not None or healthy is not last.graph:
            run_and_compare(world, healthy, self.seed)
        run_for_nothing(world, healthy, self.seed)
        if scenario.pure:
            for job, content in from_scratch(healthy).items():
                assert world.files[job].content == content


def healed(graph: Graph) -> Graph:
    """Without failures."""
    if not graph.fails and all(graph.values.values()):
        return graph
    values = {job: value or "value" for job, value in graph.values.items()}
    return replace(graph, fails=frozenset(), values=values)


# ------------------------------------------------------------------------------------------------- touches of the world


def delete(*jobs: str) -> Touch:
    def touch(world: World) -> None:
        for job in jobs:
            world.files.pop(job, None)

    return touch


def overwrite(job: str, content: str) -> Touch:
    return lambda world: world.write(job, content) and None


def touch_file(job: str) -> Touch:
    """Another mtime, the same content."""
    return lambda world: world.write(job, world.files[job].content) and None


def bury(job: str) -> Touch:
    def touch(world: World) -> None:
        world.store[job] = TOMBSTONE

    return touch


def drop_record(*jobs: str) -> Touch:
    def touch(world: World) -> None:
        for job in jobs:
            world.store.pop(job, None)

    return touch


def drop_store(world: World) -> None:
    world.store.clear()


def leave_behind(graph: Graph, job: str) -> Touch:
    """A temporary file that stands as recorded, as after a crash."""

    def touch(world: World) -> None:
        record = world.store.get(job)
        if isinstance(record, Record) and record.content == NEVER_SEEN:
            return
        if isinstance(record, Record):
            world.files[job] = File(record.content, record.mtime)
        else:
            world.write(job, product(job, {}, 0))

    return touch


def both(first: Touch, second: Touch) -> Touch:
    def touch(world: World) -> None:
        first(world)
        second(world)

    return touch


# ------------------------------------------------------------------------------------------------ edits of the graph


def changed(graph: Graph, *invariants: str) -> Graph:
    return replace(graph, values=graph.values | dict.fromkeys(invariants or graph.values, "other"))


def cut_off(graph: Graph) -> Graph:
    return replace(graph, by_content=frozenset(graph.kinds))


def without(graph: Graph, job: str) -> Graph:
    return replace(
        graph,
        kinds={other: kind for other, kind in graph.kinds.items() if other != job},
        inputs={other: inputs - {job} for other, inputs in graph.inputs.items() if other != job},
        values={other: value for other, value in graph.values.items() if other != job},
        keeps=graph.keeps - {job},
    )


def with_inputs(graph: Graph, job: str, inputs: frozenset[str]) -> Graph:
    return replace(graph, inputs=graph.inputs | {job: inputs})


def above(graph: Graph, job: str) -> frozenset[str]:
    """All that it depends on, itself included; not what is injected."""
    found, stack = {job}, [job]
    while stack:
        for p in graph.inputs[stack.pop()]:
            if p not in found:
                found.add(p)
                stack.append(p)
    return frozenset(found)


def below(graph: Graph, job: str) -> frozenset[str]:
    """All that depends on it, itself included."""
    return frozenset(other for other in graph.kinds if job in above(graph, other))


# --------------------------------------------------------------------------------------------------------- the product


def telling_edits(graph: Graph) -> Iterator[Scenario]:
    """The few that reach most of the planner: enough for all graphs of four nodes."""
    cold = Step(graph)
    runnable = [job for job, kind in graph.kinds.items() if kind != Kind.INVARIANT]
    outputs = [job for job, kind in graph.kinds.items() if kind == Kind.OUTPUT]
    if graph.values:
        yield Scenario("invariants changed", (cold, Step(changed(graph))))
    for job in outputs:
        yield Scenario(f"{job} deleted", (cold, Step(graph, delete(job))))
    for job in runnable:
        if graph.kinds[job] != Kind.FINAL:
            yield Scenario(f"cold, {job} fails", (Step(replace(graph, fails=frozenset((job,)))),))
    yield from injections(graph, new_kinds=())


def all_edits(graph: Graph) -> Iterator[Scenario]:
    """Every single edit."""
    cold = Step(graph)
    yield Scenario("none", (cold,))
    yield from edits_of_values(graph, cold)
    for job, kind in graph.kinds.items():
        if kind in WITH_FILES:
            yield from edits_of_files(graph, cold, job)
    yield from edits_of_edges(graph, cold)
    yield from failures(graph, cold)
    yield from crashes(graph, cold)
    yield from early_cutoffs(graph)
    yield from adoptions(graph, cold)
    yield from masks(graph)
    yield from keepers(graph)
    yield from injections(graph, (Kind.INVARIANT, Kind.OUTPUT, Kind.TEMPORARY, Kind.CACHED, Kind.LOADING))
    yield from generations(graph)


def outputs_of(graph: Graph) -> list[str]:
    return [job for job, kind in graph.kinds.items() if kind == Kind.OUTPUT]


def edits_of_values(graph: Graph, cold: Step) -> Iterator[Scenario]:
    for job in graph.values:
        gone = replace(graph, values=graph.values | {job: ""})
        yield Scenario(f"{job} changed", (cold, Step(changed(graph, job))))
        yield Scenario(f"{job} changed and back", (cold, Step(changed(graph, job)), cold))
        yield Scenario(f"{job} vanished", (cold, Step(gone)))
        yield Scenario(f"{job} vanished, cold", (Step(gone),))


def edits_of_files(graph: Graph, cold: Step, job: str) -> Iterator[Scenario]:
    """On-demand files are looked at only when needed, so that their edits come with and without such a need."""
    need = delete(*outputs_of(graph))
    if graph.kinds[job] == Kind.TEMPORARY:
        edits: dict[str, tuple[Touch, bool]] = {
            "left behind": (leave_behind(graph, job), True),
            "left behind, touched": (both(leave_behind(graph, job), overwrite_same(job)), True),
            "left behind, edited": (overwrite(job, "edited"), True),
            "left behind empty": (overwrite(job, ""), True),
            "left behind half": (both(overwrite(job, "half"), bury(job)), True),
            "not ours": (both(overwrite(job, "not ours"), drop_record(job)), True),
            "without record": (drop_record(job), True),
        }
        if job in graph.keeps:
            edits |= edits_of_kept(kept(job))
    else:
        edits = {
            "deleted": (delete(job), True),
            "emptied": (overwrite_if_there(job, ""), True),
            "edited": (overwrite_if_there(job, "edited"), graph.kinds[job] == Kind.CACHED),
            "touched": (overwrite_same(job), True),
            "half": (both(overwrite(job, "half"), bury(job)), True),
            "without record": (drop_record(job), True),
            "with nothing": (both(delete(job), drop_record(job)), True),
        }
    for name, (touch, pure) in edits.items():
        yield Scenario(f"{job} {name}", (cold, Step(graph, touch)), pure)
        if graph.kinds[job] in ON_DEMAND and outputs_of(graph):
            yield Scenario(f"{job} {name}, needed", (cold, Step(graph, both(touch, need))), pure)


def edits_of_kept(name: str) -> dict[str, tuple[Touch, bool]]:
    """Of the file that stays. An edit of it counts for nobody: nobody depends on it."""
    return {
        "kept file deleted": (delete(name), True),
        "kept file emptied": (overwrite_if_there(name, ""), True),
        "kept file edited": (overwrite_if_there(name, "edited"), False),
    }


def keeping(graph: Graph) -> Iterator[Graph]:
    """The same graph with every choice of temporary jobs that keep a file."""
    temporary = [job for job, kind in graph.kinds.items() if kind == Kind.TEMPORARY]
    for count in range(1, len(temporary) + 1):
        for keepers in combinations(temporary, count):
            yield replace(graph, keeps=frozenset(keepers))


def overwrite_same(job: str) -> Touch:
    def touch(world: World) -> None:
        if job in world.files:
            world.write(job, world.files[job].content)

    return touch


def overwrite_if_there(job: str, content: str) -> Touch:
    def touch(world: World) -> None:
        if job in world.files:
            world.write(job, content)

    return touch


def keepers(graph: Graph) -> Iterator[Scenario]:
    """A temporary job keeps a file from now on, or no more."""
    if graph.keeps:
        passing = replace(graph, keeps=frozenset())
        yield Scenario("keep from now on", (Step(passing), Step(graph)))
        yield Scenario("keep no more", (Step(graph), Step(passing)))


def edits_of_edges(graph: Graph, cold: Step) -> Iterator[Scenario]:
    jobs = list(graph.kinds)
    for job in jobs:
        for p in graph.inputs[job]:
            yield Scenario(f"{job} -> {p} removed", (cold, Step(with_inputs(graph, job, graph.inputs[job] - {p}))))
        for p in jobs[: jobs.index(job)]:
            if p in graph.inputs[job] or graph.kinds[job] == Kind.INVARIANT:
                continue
            if graph.kinds[p] != Kind.FINAL or graph.kinds[job] == Kind.FINAL:
                yield Scenario(f"{job} -> {p} added", (cold, Step(with_inputs(graph, job, graph.inputs[job] | {p}))))
        yield Scenario(f"{job} removed", (cold, Step(without(graph, job))))
        yield Scenario(f"{job} added", (Step(without(graph, job)), cold))


def failures(graph: Graph, cold: Step) -> Iterator[Scenario]:
    jobs = [job for job, kind in graph.kinds.items() if kind != Kind.INVARIANT]
    for job in jobs:
        failing = replace(graph, fails=frozenset((job,)))
        yield Scenario(f"cold, {job} fails", (Step(failing),))
        yield Scenario(f"{job} fails, twice", (Step(failing), Step(failing)))
        yield Scenario(f"{job} fails, outputs deleted", (cold, Step(failing, delete(*outputs_of(graph)))))
        if graph.values:
            yield Scenario(f"{job} fails, invariants changed", (cold, Step(changed(failing))))
            yield Scenario(f"{job} fails, changed, cut off", (Step(cut_off(graph)), Step(cut_off(changed(failing)))))
        if graph.kinds[job] == Kind.OUTPUT:
            yield Scenario(
                f"{job} fails, deleted, cut off", (Step(cut_off(graph)), Step(cut_off(failing), delete(job)))
            )
        for other in jobs[: jobs.index(job)]:
            yield Scenario(f"cold, {other} and {job} fail", (Step(replace(graph, fails=frozenset((other, job)))),))


def crashes(graph: Graph, cold: Step) -> Iterator[Scenario]:
    """An event is a dispatch or an end, so there are at most two a job; on-demand ones are not made twice here."""
    events = 2 * sum(kind not in (Kind.INVARIANT, Kind.LOADING) for kind in graph.kinds.values())
    for after in range(1, events):
        yield Scenario(f"crash after {after}", (Step(graph, stop_after=after),))
        if graph.values:
            yield Scenario(f"changed, crash after {after}", (cold, Step(changed(graph), stop_after=after)))
        yield Scenario(f"outputs deleted, crash after {after}", (cold, Step(graph, delete(*outputs_of(graph)), after)))


def early_cutoffs(graph: Graph) -> Iterator[Scenario]:
    """Rebuilt with the same content, with another one, and the switch itself."""
    cut = cut_off(graph)
    noisy = replace(cut, noisy=frozenset(graph.kinds))
    mixed = [replace(graph, by_content=frozenset((job,))) for job in graph.kinds if graph.kinds[job] in WITH_FILES]
    if not mixed:
        return
    first = Step(cut)
    yield Scenario("cut-off switched on", (Step(graph), first))
    yield Scenario("cut-off switched off", (first, Step(graph)))
    if graph.values:
        yield Scenario("cut-off, invariants changed", (first, Step(changed(cut))))
    for job in outputs_of(graph):
        yield Scenario(f"cut-off, {job} deleted", (first, Step(cut, delete(job))))
        yield Scenario(f"cut-off, {job} deleted, comes out different", (Step(noisy), Step(noisy, delete(job))), False)
        for one in mixed:
            if job not in one.by_content:
                (name,) = one.by_content
                yield Scenario(f"{name} cuts off, {job} deleted", (Step(one), Step(one, delete(job))))


def adoptions(graph: Graph, cold: Step) -> Iterator[Scenario]:
    outputs = outputs_of(graph)
    if not outputs:
        return
    adopt = replace(graph, adopt=True)
    yield Scenario("adopt, nothing new", (cold, Step(adopt)))
    yield Scenario("adopt, store lost", (cold, Step(adopt, drop_store), cold))
    yield Scenario("store lost", (cold, Step(graph, drop_store)))
    yield Scenario("adopt, invariants changed", (cold, Step(changed(adopt)), Step(changed(graph))), False)
    for job in outputs:
        yield Scenario(f"adopt, {job} deleted", (cold, Step(adopt, delete(job)), cold))
        yield Scenario(f"adopt, {job} edited", (cold, Step(adopt, overwrite(job, "edited")), cold), False)
        yield Scenario(f"adopt, {job} half", (cold, Step(adopt, both(overwrite(job, "half"), bury(job))), cold))
        yield Scenario(f"adopt, store lost, {job} deleted", (cold, Step(adopt, both(drop_store, delete(job))), cold))


def masks(graph: Graph) -> Iterator[Scenario]:
    for job, kind in graph.kinds.items():
        if kind not in WITH_FILES:
            continue
        for p in sorted(graph.inputs[job]):
            if graph.kinds[p] == Kind.INVARIANT:
                masked = replace(graph, masked={job: p})
                other, gone = changed(masked, p), with_inputs(graph, job, graph.inputs[job] - {p})
                need = delete(*outputs_of(graph))
                yield Scenario(f"{p} masked for {job} and changed", (Step(masked), Step(other)), False)
                yield Scenario(f"{p} changed, now masked for {job}", (Step(graph), Step(other)), False)
                yield Scenario(f"{p} masked for {job}, outputs deleted", (Step(masked), Step(other, need)), False)
                yield Scenario(f"{p} masked for {job}, which is new", (Step(gone), Step(masked)), False)
                yield Scenario(f"{p} masked for {job}, store lost", (Step(masked), Step(masked, drop_store)), False)


def injections(graph: Graph, new_kinds: tuple[Kind, ...]) -> Iterator[Scenario]:
    """Every edge that an injecting job can add below itself, to old jobs and to new ones."""
    for injector, kind in graph.kinds.items():
        if kind != Kind.INJECTING:
            continue
        for dependant in sorted(below(graph, injector) - {injector}):
            old = [p for p in graph.kinds if p not in below(graph, dependant) | graph.inputs[dependant]]
            for p in old:
                if graph.kinds[p] != Kind.FINAL:
                    yield from one_injection(graph, replace(graph, injected=frozenset(((injector, dependant, p),))))
            for new in new_kinds:
                bigger = replace(
                    graph,
                    kinds=graph.kinds | {"new": new},
                    inputs=graph.inputs | {"new": frozenset()},
                    values=graph.values | ({"new": "value"} if new == Kind.INVARIANT else {}),
                    makers={"new": injector},
                    injected=frozenset(((injector, dependant, "new"),)),
                )
                yield from one_injection(graph, bigger)


def one_injection(graph: Graph, injecting: Graph) -> Iterator[Scenario]:
    ((injector, dependant, p),) = injecting.injected
    name = f"{injector} injects {p} into {dependant}"
    yield Scenario(f"{name} in run 2", (Step(graph), Step(injecting)))
    yield Scenario(f"{name} in both", (Step(injecting), Step(injecting, delete(*outputs_of(graph)))))
    yield Scenario(f"{name} in run 1", (Step(injecting), Step(graph)))
    if injecting.kinds[p] != Kind.INVARIANT:
        yield Scenario(f"{name}, which fails", (Step(replace(injecting, fails=frozenset((p,)))),))
    yield Scenario(f"{name} and fails", (Step(replace(injecting, fails=frozenset((injector,)))),))


def generations(graph: Graph) -> Iterator[Scenario]:
    """Every part of the graph that a generating or injecting job can make, with all that depends on it."""
    for maker, kind in graph.kinds.items():
        if kind not in MAKERS:
            continue
        for first in graph.kinds:
            made = below(graph, first)
            if made & above(graph, maker):
                continue
            making = replace(graph, makers=dict.fromkeys(made, maker))
            name = f"{maker} makes {first}"
            yield Scenario(name, (Step(making),))
            yield Scenario(f"{name}, outputs deleted", (Step(making), Step(making, delete(*outputs_of(graph)))))
            yield Scenario(f"{name}, that was declared", (Step(graph), Step(making)))
            yield Scenario(f"{name} no more", (Step(making), Step(without_all(graph, made)), Step(making)))
            yield Scenario(f"{maker} fails to make {first}", (Step(replace(making, fails=frozenset((maker,)))),))
            if graph.values:
                yield Scenario(f"{name}, invariants changed", (Step(making), Step(changed(making))))


def without_all(graph: Graph, jobs: frozenset[str]) -> Graph:
    for job in jobs:
        graph = without(graph, job)
    return graph
