"""All graphs of a given size, up to renaming.

Left out, since they can't be made or say nothing new: edges into invariants; anything but final jobs downstream of a
final job; invariants that nobody depends on; graphs that fall into parts, because the parts would be planned each for
itself (a final job waits for everything and therefore belongs to every part).

`telling` leaves out more, for a size at which everything would take hours: final jobs, on-demand jobs that nobody
depends on (never needed, so never looked at), and invariants that feed the same jobs as another one.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import combinations, combinations_with_replacement, permutations, product
from random import Random

from ppg_mcp.planner import Kind

from .model import ON_DEMAND, Graph

Edges = frozenset[tuple[int, int]]
"""(dependant, prerequisite)"""


@cache
def _orders(size: int) -> tuple[Edges, ...]:
    """All acyclic graphs over `size` numbered nodes."""
    pairs = list(combinations(range(size), 2))
    forward = [frozenset(edges) for count in range(len(pairs) + 1) for edges in combinations(pairs, count)]
    found = {
        frozenset((names[a], names[b]) for a, b in edges) for edges in forward for names in permutations(range(size))
    }
    return tuple(sorted(found, key=sorted))


def _renamings(kinds: tuple[Kind, ...]) -> list[dict[int, int]]:
    """All permutations of nodes of the same kind."""
    groups = [[node for node, kind in enumerate(kinds) if kind == wanted] for wanted in Kind]
    return [
        {old: new for group, images in zip(groups, choice, strict=True) for old, new in zip(group, images, strict=True)}
        for choice in product(*(permutations(group) for group in groups))
    ]


def _is_connected(kinds: tuple[Kind, ...], edges: Edges) -> bool:
    nodes = [node for node, kind in enumerate(kinds) if kind != Kind.FINAL]
    if not nodes:
        return True
    seen, stack = {nodes[0]}, [nodes[0]]
    while stack:
        node = stack.pop()
        for a, b in edges:
            if Kind.FINAL in (kinds[a], kinds[b]):
                continue
            for here, there in ((a, b), (b, a)):
                if here == node and there not in seen:
                    seen.add(there)
                    stack.append(there)
    return len(seen) == len(nodes)


def _is_valid(kinds: tuple[Kind, ...], edges: Edges) -> bool:
    used = {b for _, b in edges}
    return (
        all(kinds[a] != Kind.INVARIANT and (kinds[b] != Kind.FINAL or kinds[a] == Kind.FINAL) for a, b in edges)
        and all(kind != Kind.INVARIANT or node in used for node, kind in enumerate(kinds))
        and _is_connected(kinds, edges)
    )


def _is_telling(kinds: tuple[Kind, ...], edges: Edges) -> bool:
    users = {node: frozenset(a for a, b in edges if b == node) for node in range(len(kinds))}
    invariants = [users[node] for node, kind in enumerate(kinds) if kind == Kind.INVARIANT]
    return (
        Kind.FINAL not in kinds
        and all(kind not in ON_DEMAND or users[node] for node, kind in enumerate(kinds))
        and len(set(invariants)) == len(invariants)
    )


def graphs(size: int, shard: int = 0, shards: int = 1, telling: bool = False) -> Iterator[Graph]:
    """Every graph of `size` nodes once, in an order that does not change; or one of `shards` equal parts of them."""
    for number, kinds in enumerate(combinations_with_replacement(Kind, size)):
        if number % shards != shard:
            continue
        renamings = _renamings(kinds)
        for edges in _orders(size):
            if not _is_valid(kinds, edges) or (telling and not _is_telling(kinds, edges)):
                continue
            first = min(sorted((names[a], names[b]) for a, b in edges) for names in renamings)
            if first == sorted(edges):
                yield _graph(kinds, edges)


def drawn_graphs(size: int, luck: Random) -> Iterator[Graph]:
    """Graphs by lot without end: kinds and edges are drawn evenly, what is left out above is drawn anew."""
    all_kinds, orders = list(combinations_with_replacement(Kind, size)), _orders(size)
    while True:
        kinds, edges = luck.choice(all_kinds), luck.choice(orders)
        if _is_valid(kinds, edges):
            yield _graph(kinds, edges)


def _graph(kinds: tuple[Kind, ...], edges: Edges) -> Graph:
    """With readable ids, topologically ordered."""
    left = list(range(len(kinds)))
    order: list[int] = []
    while left:
        order.append(next(node for node in left if not any(a == node and b in left for a, b in edges)))
        left.remove(order[-1])
    names = {node: f"{'abcdefgh'[place]}_{kinds[node].name.lower()}" for place, node in enumerate(order)}
    return Graph(
        kinds={names[node]: kinds[node] for node in order},
        inputs={names[node]: frozenset(names[b] for a, b in edges if a == node) for node in order},
        values={names[node]: "value" for node in order if kinds[node] == Kind.INVARIANT},
    )
