"""Random projects: larger than the exhaustive ones, with several edits over several runs.

Made from one seed rather than drawn piece by piece: hypothesis would spend its examples on tiny values, and a project
of two dozen unrelated invariants finds nothing. It still makes size and number of runs smaller.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from ppg_mcp.planner import Kind

from .compare import run_and_compare, run_for_nothing
from .edits import MAKERS, Touch, above, below, bury, delete, drop_record, healed, leave_behind, overwrite, untouched
from .model import WITH_FILES, Graph, kept
from .oracle import from_scratch
from .world import World

WEIGHTS = {
    Kind.INVARIANT: 3,
    Kind.OUTPUT: 6,
    Kind.TEMPORARY: 4,
    Kind.CACHED: 2,
    Kind.LOADING: 3,
    Kind.GENERATING: 2,
    Kind.INJECTING: 2,
    Kind.FINAL: 1,
}


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


def drawn_graph(luck: Random, size: int) -> Graph:
    """Edges mostly reach back a little, so that there are long ways as well as wide ones."""
    kinds: dict[str, Kind] = {}
    inputs: dict[str, frozenset[str]] = {}
    reach = luck.choice((2, 5, size))
    for number in range(size):
        job = f"j{number:02}"
        kind = luck.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        possible = [p for p in kinds if kinds[p] != Kind.FINAL or kind == Kind.FINAL]
        chosen = set[str]()
        if possible and kind != Kind.INVARIANT:
            chosen |= {luck.choice(possible[-reach:]) for _ in range(luck.randint(0, 3))}
            chosen |= {luck.choice(possible) for _ in range(luck.randint(0, 1))}
        kinds[job] = kind
        inputs[job] = frozenset(chosen)
    values = {job: "value" for job, kind in kinds.items() if kind == Kind.INVARIANT}
    keeps = some(luck, [job for job, kind in kinds.items() if kind == Kind.TEMPORARY])
    cut_off = some(luck, list(kinds)) if luck.random() < 0.5 else frozenset[str]()
    return Graph(kinds, inputs, values, by_content=cut_off, keeps=keeps)


def some(luck: Random, jobs: list[str], most: int | None = None) -> frozenset[str]:
    most = len(jobs) if most is None else min(most, len(jobs))
    return frozenset(luck.sample(jobs, luck.randint(0, most)))


def with_makers(luck: Random, graph: Graph) -> Graph:
    """Some jobs are generated, with all that depends on them; generated generators may generate, too."""
    candidates = [job for job, kind in graph.kinds.items() if kind in MAKERS]
    makers: dict[str, str] = {}
    for _ in range(luck.randint(0, 6) if candidates else 0):
        maker = luck.choice(candidates)
        made = below(graph, luck.choice(list(graph.kinds)))
        same = all(makers.get(job) == makers.get(maker) for job in made)
        if same and not made & above(graph, maker):
            makers |= dict.fromkeys(made, maker)
    return replace(graph, makers=makers)


def chain(graph: Graph, job: str) -> list[str | None]:
    """None for the declared jobs, its generator, that one's generator and so on: they made what exists when it runs."""
    found: list[str | None] = [None]
    while job in graph.makers:
        job = graph.makers[job]
        found.append(job)
    return found


def with_injections(luck: Random, graph: Graph) -> Graph:
    """Edges below injecting jobs, to what exists by then or is made along with them; no cycles."""
    whole = graph
    injected: set[tuple[str, str, str]] = set()
    for injector, kind in graph.kinds.items():
        if kind != Kind.INJECTING:
            continue
        exists = chain(graph, injector)
        dependants = [d for d in sorted(below(graph, injector) - {injector}) if graph.makers.get(d) in exists]
        for _ in range(luck.randint(0, 4) if dependants else 0):
            d = luck.choice(dependants)
            p = luck.choice(list(graph.kinds))
            possible = graph.kinds[p] != Kind.FINAL and graph.makers.get(p) in (*exists, injector)
            if possible and p not in whole.inputs[d] and p not in below(whole, d):
                injected.add((injector, d, p))
                whole = replace(whole, inputs=whole.inputs | {d: whole.inputs[d] | {p}})
    return replace(graph, injected=frozenset(injected))


def with_masks(luck: Random, graph: Graph) -> Graph:
    """Not of temporary jobs in a graph that grows: one that stood and is made again would differ by what is masked."""
    masked = {}
    maskable = (Kind.OUTPUT, Kind.CACHED) if graph.makers or graph.injected else WITH_FILES
    for job, kind in graph.kinds.items():
        own = sorted(p for p in graph.inputs[job] if graph.kinds[p] == Kind.INVARIANT)
        if kind in maskable and own and luck.random() < 0.25:
            masked[job] = luck.choice(own)
    return replace(graph, masked=masked)


def drawn_touch(luck: Random, graph: Graph, pure: bool) -> Touch:
    job = luck.choice(list(graph.kinds))
    kind = graph.kinds[job]
    if kind not in WITH_FILES:
        return untouched
    stays = kind != Kind.TEMPORARY
    edits: list[Touch] = [delete(job), bury(job)]
    edits.append(when_there(job, overwrite(job, "")) if stays else leave_behind(graph, job))
    if job in graph.keeps:
        edits += [delete(kept(job)), when_there(kept(job), overwrite(kept(job), ""))]
    if not pure or kind != Kind.OUTPUT:
        edits.append(when_there(job, overwrite(job, "edited")) if stays else overwrite(job, "edited"))
    if not pure:
        edits.append(drop_record(job))
    return luck.choice(edits)


def when_there(job: str, touch: Touch) -> Touch:
    return lambda world: touch(world) if job in world.files else None


def with_edges(luck: Random, graph: Graph) -> Graph:
    """New prerequisites, of jobs that exist when these do, or are made along with them."""
    for job in some(luck, [job for job, kind in graph.kinds.items() if kind != Kind.INVARIANT], 2):
        whole = injected_too(graph)
        usable = [p for p in graph.kinds if graph.kinds[p] != Kind.FINAL or graph.kinds[job] == Kind.FINAL]
        possible = [p for p in usable if graph.makers.get(p) in chain(graph, job) and p not in below(whole, job)]
        if possible:
            inputs = graph.inputs | {job: graph.inputs[job] | {luck.choice(possible)}}
            graph = ordered(replace(graph, inputs=inputs))
    return graph


def injected_too(graph: Graph) -> Graph:
    """With the injected edges as if they were declared."""
    inputs = {job: inputs | {p for _, d, p in graph.injected if d == job} for job, inputs in graph.inputs.items()}
    return replace(graph, inputs=inputs)


def ordered(graph: Graph) -> Graph:
    """Topologically, after edges were added."""
    order: dict[str, Kind] = {}
    while len(order) < len(graph.kinds):
        order |= {j: kind for j, kind in graph.kinds.items() if j not in order and graph.inputs[j] <= order.keys()}
    return replace(graph, kinds=order)


def absent(graph: Graph, gone: frozenset[str]) -> Graph:
    """Without these jobs, and what they generate."""
    while made := {job for job, maker in graph.makers.items() if maker in gone} - gone:
        gone |= made
    left = {job: kind for job, kind in graph.kinds.items() if job not in gone}
    return replace(
        graph,
        kinds=left,
        inputs={job: graph.inputs[job] - gone for job in left},
        values={job: value for job, value in graph.values.items() if job in left},
        by_content=graph.by_content - gone,
        keeps=graph.keeps - gone,
        masked={job: p for job, p in graph.masked.items() if job in left and p in left},
        makers={job: maker for job, maker in graph.makers.items() if job in left},
        injected=frozenset(edge for edge in graph.injected if not gone.intersection(edge)),
    )


def drawn_variation(luck: Random, graph: Graph, pure: bool) -> Graph:
    """What the next run's script says: values, edges, switches and luck differ."""
    if luck.random() < 0.5:
        other = some(luck, list(graph.values), 3)
        value = luck.choice(("other", "value", ""))
        graph = replace(graph, values=graph.values | dict.fromkeys(other, value))
    for job in some(luck, [job for job, inputs in graph.inputs.items() if inputs], 1):
        gone = luck.choice(sorted(graph.inputs[job]))
        if gone != graph.masked.get(job):
            graph = replace(graph, inputs=graph.inputs | {job: graph.inputs[job] - {gone}})
    if luck.random() < 0.25:
        graph = with_edges(luck, graph)
    if luck.random() < 0.25:
        graph = absent(graph, some(luck, list(graph.kinds), 2))
    legal = frozenset((injector, d, p) for injector, d, p in graph.injected if d in below(graph, injector))
    graph = replace(graph, injected=legal)
    if luck.random() < 0.25:
        graph = replace(graph, fails=some(luck, [j for j, k in graph.kinds.items() if k != Kind.INVARIANT], 2))
    if luck.random() < 0.2:
        graph = replace(graph, injected=frozenset())
    if luck.random() < 0.2:
        graph = replace(graph, by_content=some(luck, list(graph.kinds)))
    if not pure and luck.random() < 0.2:
        outputs = frozenset(job for job, kind in graph.kinds.items() if kind == Kind.OUTPUT)
        graph = replace(graph, noisy=outputs, adopt=luck.random() < 0.5)
    return graph


def history(seed: int, size: int, runs: int) -> History:
    """One project over several runs, all of it decided by the seed."""
    luck = Random(seed)
    pure = luck.random() < 0.5
    graph = with_injections(luck, with_makers(luck, drawn_graph(luck, size)))
    if not pure:
        graph = with_masks(luck, graph)
    chapters = []
    for number in range(runs):
        now = drawn_variation(luck, graph, pure) if number or luck.random() < 0.3 else graph
        touches = [drawn_touch(luck, graph, pure) for _ in range(luck.randint(0, 3) if number else 0)]
        crash = luck.randint(0, size) if luck.random() < 0.2 else None
        chapters.append(Chapter(now, all_of(touches), luck.randint(0, 9), crash))
    return History(tuple(chapters), pure)


def all_of(touches: list[Touch]) -> Touch:
    def touch(world: World) -> None:
        for one in touches:
            one(world)

    return touch


def play(history: History) -> None:
    """Compare every run with the oracle, then repair what is left, then do nothing."""
    world = World()
    for chapter in history.chapters:
        chapter.touch(world)
        if chapter.stop_after is None:
            run_and_compare(world, chapter.graph, chapter.seed)
        else:
            world.run(chapter.graph, chapter.seed, chapter.stop_after)
    last = history.chapters[-1]
    healthy = healed(last.graph)
    run_and_compare(world, healthy, last.seed)
    run_for_nothing(world, healthy, last.seed + 1)
    if history.pure:
        for job, content in from_scratch(healthy).items():
            assert world.files[job].content == content
