"""Random graphs and histories for hypothesis: larger than the exhaustive ones, with several edits over several runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from ppg_mcp.planner import Kind

from .edits import MAKERS, Touch, above, below, bury, delete, drop_record, leave_behind, overwrite, untouched
from .model import WITH_FILES, Graph
from .world import World

KINDS = (*Kind, Kind.OUTPUT, Kind.OUTPUT, Kind.TEMPORARY, Kind.INVARIANT)
Draw = Any


@dataclass(frozen=True)
class Chapter:
    """One run of a history."""

    graph: Graph
    touch: Touch
    seed: int
    stop_after: int | None


@dataclass(frozen=True)
class History:
    """`pure`: at its end, all outputs are those of a build from scratch."""

    chapters: tuple[Chapter, ...]
    pure: bool


def drawn_graph(draw: Draw, size: int) -> Graph:
    kinds: dict[str, Kind] = {}
    inputs: dict[str, frozenset[str]] = {}
    for number in range(size):
        job = f"j{number:02}"
        kind = draw(st.sampled_from(KINDS))
        possible = [p for p in kinds if kinds[p] != Kind.FINAL or kind == Kind.FINAL]
        chosen: list[str] = []
        if possible and kind != Kind.INVARIANT:
            chosen = draw(st.lists(st.sampled_from(possible), max_size=4))
        kinds[job] = kind
        inputs[job] = frozenset(chosen)
    values = {job: "value" for job, kind in kinds.items() if kind == Kind.INVARIANT}
    return Graph(kinds, inputs, values, by_content=subset(draw, list(kinds)) if draw(st.booleans()) else frozenset())


def subset(draw: Draw, jobs: list[str], most: int | None = None) -> frozenset[str]:
    return frozenset(draw(st.lists(st.sampled_from(jobs), max_size=most))) if jobs else frozenset()


def with_makers(draw: Draw, graph: Graph) -> Graph:
    """Some jobs are generated, with all that depends on them; generated generators may generate, too."""
    candidates = [job for job, kind in graph.kinds.items() if kind in MAKERS]
    makers: dict[str, str] = {}
    for maker in draw(st.lists(st.sampled_from(candidates), max_size=3)) if candidates else ():
        made = below(graph, draw(st.sampled_from(list(graph.kinds))))
        same = all(makers.get(job) == makers.get(maker) for job in made)
        if same and not made & above(graph, maker):
            makers |= {job: maker for job in made}
    return replace(graph, makers=makers)


def chain(graph: Graph, job: str) -> list[str | None]:
    """Its generator, that one's generator and so on: what all exists when it runs was made by one of them or declared."""
    found: list[str | None] = [None]
    while job in graph.makers:
        job = graph.makers[job]
        found.append(job)
    return found


def with_injections(draw: Draw, graph: Graph) -> Graph:
    """Edges below injecting jobs, to what exists by then or is made along with them; no cycles."""
    whole = graph
    injected: set[tuple[str, str, str]] = set()
    for injector, kind in graph.kinds.items():
        if kind != Kind.INJECTING:
            continue
        exists = chain(graph, injector)
        dependants = [d for d in sorted(below(graph, injector) - {injector}) if graph.makers.get(d) in exists]
        for _ in range(draw(st.integers(0, 3)) if dependants else 0):
            d = draw(st.sampled_from(dependants))
            p = draw(st.sampled_from(list(graph.kinds)))
            possible = graph.kinds[p] != Kind.FINAL and graph.makers.get(p) in (*exists, injector)
            if possible and p not in whole.inputs[d] and p not in below(whole, d):
                injected.add((injector, d, p))
                whole = replace(whole, inputs=whole.inputs | {d: whole.inputs[d] | {p}})
    return replace(graph, injected=frozenset(injected))


def with_masks(draw: Draw, graph: Graph) -> Graph:
    masked = {}
    for job, kind in graph.kinds.items():
        own = sorted(p for p in graph.inputs[job] if graph.kinds[p] == Kind.INVARIANT)
        if kind in WITH_FILES and own and not draw(st.integers(0, 3)):
            masked[job] = draw(st.sampled_from(own))
    return replace(graph, masked=masked)


def drawn_touch(draw: Draw, graph: Graph, pure: bool) -> Touch:
    job = draw(st.sampled_from(list(graph.kinds)))
    kind = graph.kinds[job]
    if kind not in WITH_FILES:
        return untouched
    kept = kind != Kind.TEMPORARY
    edits: list[Touch] = [delete(job), bury(job)]
    edits.append(when_there(job, overwrite(job, "")) if kept else leave_behind(graph, job))
    if not pure or kind != Kind.OUTPUT:
        edits.append(when_there(job, overwrite(job, "edited")) if kept else overwrite(job, "edited"))
    if not pure:
        edits.append(drop_record(job))
    return draw(st.sampled_from(edits))


def when_there(job: str, touch: Touch) -> Touch:
    return lambda world: touch(world) if job in world.files else None


def drawn_variation(draw: Draw, graph: Graph, pure: bool) -> Graph:
    """What the next run's script says: values, edges, switches and luck differ."""
    if graph.values and draw(st.booleans()):
        other = subset(draw, list(graph.values), 3)
        value = draw(st.sampled_from(("other", "value", "")))
        graph = replace(graph, values=graph.values | {job: value for job in other})
    for job in subset(draw, [job for job, inputs in graph.inputs.items() if inputs], 1):
        gone = draw(st.sampled_from(sorted(graph.inputs[job])))
        if gone != graph.masked.get(job) and graph.kinds[gone] not in MAKERS:
            graph = replace(graph, inputs=graph.inputs | {job: graph.inputs[job] - {gone}})
    legal = frozenset((injector, d, p) for injector, d, p in graph.injected if d in below(graph, injector))
    graph = replace(graph, injected=legal)
    if draw(st.integers(0, 3)) == 0:
        graph = replace(graph, fails=subset(draw, [j for j, k in graph.kinds.items() if k != Kind.INVARIANT], 2))
    if draw(st.integers(0, 3)) == 0:
        graph = replace(graph, injected=frozenset())
    if draw(st.integers(0, 3)) == 0:
        graph = replace(graph, by_content=subset(draw, list(graph.kinds)))
    if not pure and draw(st.integers(0, 3)) == 0:
        outputs = frozenset(job for job, kind in graph.kinds.items() if kind == Kind.OUTPUT)
        graph = replace(graph, noisy=outputs, adopt=draw(st.booleans()))
    return graph


@st.composite
def histories(draw: Draw, largest: int = 25, runs: int = 4) -> History:
    """One project over several runs."""
    pure = draw(st.booleans())
    graph = drawn_graph(draw, draw(st.integers(2, largest)))
    graph = with_injections(draw, with_makers(draw, graph))
    if not pure:
        graph = with_masks(draw, graph)
    chapters = []
    for number in range(draw(st.integers(1, runs))):
        now = drawn_variation(draw, graph, pure) if number or draw(st.booleans()) else graph
        touches = [drawn_touch(draw, graph, pure) for _ in range(draw(st.integers(0, 3)) if number else 0)]
        crash = draw(st.integers(0, 2 * len(graph.kinds))) if draw(st.integers(0, 4)) == 0 else None
        chapters.append(Chapter(now, all_of(touches), draw(st.integers(0, 7)), crash))
    return History(tuple(chapters), pure)


def all_of(touches: list[Touch]) -> Touch:
    def touch(world: World) -> None:
        for one in touches:
            one(world)

    return touch
