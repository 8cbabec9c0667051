"""Planning costs a bounded number of steps per node and edge, whatever the shape, and no recursion.

Steps are counted, not timed: entries on the planner's stack, and looks at an edge (every access to the inputs of a
node counts each of them, every step that tells dependants each of those).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import pytest

from ppg_mcp.planner import Files, Former, Kind, Node, Planner, Start, State, Succeeded
from ppg_mcp.planner.demand import Step


class CountedInputs(list[tuple[int, ...]]):
    """Counts the edges that are handed out."""

    edges = 0

    def __getitem__(self, index: int) -> tuple[int, ...]:  # type: ignore[override]
        inputs = super().__getitem__(index)
        self.edges += len(inputs) or 1
        return inputs


class CountedDependants(dict[int, dict[int, None]]):
    edges = 0

    def __getitem__(self, index: int) -> dict[int, None]:
        found = super().__getitem__(index)
        self.edges += len(found)
        return found

    def get(self, index: int, default: object = None) -> dict[int, None]:  # type: ignore[override]
        found = super().get(index, {})
        self.edges += len(found)
        return found


class CountingPlanner(Planner):
    def __init__(self) -> None:
        super().__init__()
        self.counted_inputs = self.inputs = CountedInputs()
        self.counted_dependants = self.dependants = CountedDependants()
        self.pushed = 0

    def _push(self, step: Step, job: int, other: int = -1) -> None:
        self.pushed += 1
        super()._push(step, job, other)

    @property
    def steps(self) -> int:
        return self.pushed + self.counted_inputs.edges + self.counted_dependants.edges


@pytest.fixture(autouse=True)
def shallow() -> Iterator[None]:
    """Any recursion over the graph would show."""
    depth, frame = 0, sys._getframe()
    while frame.f_back is not None:
        depth, frame = depth + 1, frame.f_back
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(depth + 100)
    yield
    sys.setrecursionlimit(before)


def chain(length: int, kinds: tuple[Kind, ...], last: Kind = Kind.OUTPUT) -> list[Node]:
    nodes = [
        Node(f"n{i}", kinds[i % len(kinds)], (i - 1,) if i else (), files=Files.MISSING) for i in range(length - 1)
    ]
    return [*nodes, Node("last", last, (length - 2,), files=Files.MISSING)]


def star(prerequisites: int, kind: Kind) -> list[Node]:
    files = Files.MISSING if kind != Kind.LOADING else Files.FINE
    nodes = [Node(f"p{i:06}", kind, files=files) for i in range(prerequisites)]
    return [*nodes, Node("hub", Kind.OUTPUT, tuple(range(prerequisites)), files=Files.MISSING)]


def fan(dependants: int, kind: Kind) -> list[Node]:
    return [
        Node("source", kind, files=Files.MISSING if kind != Kind.LOADING else Files.FINE),
        *(Node(f"d{i:06}", Kind.OUTPUT, (0,), files=Files.MISSING) for i in range(dependants)),
    ]


def bipartite(side: int, kind: Kind) -> list[Node]:
    left = tuple(range(side))
    nodes = [Node(f"l{i:03}", kind, files=Files.MISSING) for i in left]
    return nodes + [Node(f"r{i:03}", Kind.OUTPUT, left, files=Files.MISSING) for i in left]


SHAPES: dict[str, Callable[[], list[Node]]] = {
    "chain of outputs": lambda: chain(10_000, (Kind.OUTPUT,)),
    "chain of temporaries": lambda: chain(10_000, (Kind.TEMPORARY,)),
    "chain of loads": lambda: chain(10_000, (Kind.LOADING,)),
    "chain of generators": lambda: chain(10_000, (Kind.GENERATING, Kind.INJECTING)),
    "mixed chain": lambda: chain(10_000, (Kind.OUTPUT, Kind.TEMPORARY, Kind.LOADING, Kind.CACHED)),
    "star of outputs": lambda: star(100_000, Kind.OUTPUT),
    "star of temporaries": lambda: star(20_000, Kind.TEMPORARY),
    "star of loads": lambda: star(20_000, Kind.LOADING),
    "fan of an output": lambda: fan(20_000, Kind.OUTPUT),
    "fan of a temporary": lambda: fan(20_000, Kind.TEMPORARY),
    "fan of a load": lambda: fan(20_000, Kind.LOADING),
    "bipartite outputs": lambda: bipartite(300, Kind.OUTPUT),
    "bipartite temporaries": lambda: bipartite(300, Kind.TEMPORARY),
}


def run(planner: Planner, nodes: list[Node]) -> dict[int, Former]:
    """To the end, first come first served; returns the records."""
    records: dict[int, Former] = {}
    todo = [instruction.job for instruction in planner.extend(nodes) if isinstance(instruction, Start)]
    for job in todo:
        strict, content = planner.digests(job)
        records[job] = Former(b"id %d" % job, strict, content, files_content=b"content %d" % job)
        done = Succeeded(job, records[job].build_id, records[job].files_content)
        todo.extend(instruction.job for instruction in planner.handle(done) if isinstance(instruction, Start))
    assert planner.is_over
    return records


@pytest.mark.parametrize("shape", SHAPES)
def test_steps_are_proportional_to_nodes_and_edges(shape: str) -> None:
    nodes = SHAPES[shape]()
    size = sum(1 + len(node.inputs) for node in nodes)

    cold = CountingPlanner()
    records = run(cold, nodes)
    assert all(state == State.DONE for state in cold.state)
    assert cold.steps <= 30 * size

    warm = CountingPlanner()
    again = [
        node._replace(former=records.get(job), files=Files.MISSING if node.kind == Kind.TEMPORARY else Files.FINE)
        for job, node in enumerate(nodes)
    ]
    ran = run(warm, again)
    assert {int(nodes[job].kind) for job in ran} <= {Kind.GENERATING, Kind.INJECTING}
    assert warm.steps <= 30 * size


def test_a_null_run_pushes_nothing() -> None:
    """A job that is current costs its own admission: no step, no entry in any table of dependants."""
    nodes = [Node(f"i{i}", Kind.INVARIANT, value=b"v") for i in range(1000)]
    nodes += [Node(f"j{i}", Kind.OUTPUT, (i,), files=Files.MISSING) for i in range(1000)]
    records = run(Planner(), nodes)
    planner = CountingPlanner()
    run(planner, [node._replace(former=records.get(job), files=Files.FINE) for job, node in enumerate(nodes)])
    assert planner.pushed == 0
    assert not planner.dependants
    assert not planner.unknown_inputs
    assert not planner.missing_inputs


def test_many_prerequisites_injected_into_one_job() -> None:
    nodes = [
        *(Node(f"p{i:06}", Kind.OUTPUT, files=Files.MISSING) for i in range(20_000)),
        Node("injector", Kind.INJECTING),
        Node("hub", Kind.OUTPUT, (20_000,), files=Files.MISSING),
    ]
    planner = CountingPlanner()
    planner.extend(nodes)
    before = planner.steps
    planner.extend([], [(20_001, p) for p in range(20_000)])
    assert len(planner.inputs[20_001]) == 20_001
    assert planner.steps - before <= 10 * 20_000


def test_loads_along_many_ways_are_looked_at_once() -> None:
    """A ladder of diamonds, which has 2**500 ways down."""
    nodes = [Node("l0", Kind.LOADING)]
    for rung in range(500):
        top = len(nodes) - 1
        nodes += [Node(f"a{rung}", Kind.LOADING, (top,)), Node(f"b{rung}", Kind.LOADING, (top,))]
        nodes.append(Node(f"l{rung + 1}", Kind.LOADING, (top + 1, top + 2)))
    nodes.append(Node("job", Kind.OUTPUT, (len(nodes) - 1,), files=Files.MISSING))
    planner = CountingPlanner()
    planner.extend(nodes)
    before = planner.steps
    loads = planner.loads_of(len(nodes) - 1)
    assert sorted(loads) == list(range(len(nodes) - 1))
    assert planner.steps - before <= 10 * len(nodes)
    for p, load in enumerate(loads):
        assert set(planner.inputs[load]) <= set(loads[:p])


def test_a_temporary_that_is_made_again_and_again() -> None:
    """Each generator comes when the last user of the temporary is gone: only what is new is looked at."""
    planner = CountingPlanner()
    users = 2000
    nodes = [Node("temporary", Kind.TEMPORARY, files=Files.MISSING)]
    nodes += [Node(f"first{i:04}", Kind.OUTPUT, (0,), files=Files.MISSING) for i in range(users)]
    nodes += [Node("generator", Kind.GENERATING)]
    planner.extend(nodes)
    planner.handle(Succeeded(0))
    for user in range(1, users + 1):
        planner.handle(Succeeded(user, b"id", b"content"))
    before = planner.steps
    for late in range(users):
        started = planner.extend([Node(f"late{late:04}", Kind.OUTPUT, (0,), files=Files.MISSING)])
        assert started == [Start(0)]
        planner.handle(Succeeded(0))
        planner.handle(Succeeded(users + 2 + late, b"id", b"content"))
    assert planner.steps - before <= 60 * users
