"""All small graphs, all single edits between runs, compared with the oracle after every run.

Each graph comes once for every choice of temporary jobs that keep a file. Graphs of up to 3 nodes with every edit:
1,640 graphs, 103,133 scenarios of 2 to 4 runs. Graphs of 4 nodes with the most telling edits (`graphs` says what is
left out): 19,766 graphs, 143,270 scenarios. In which order jobs end is taken in turn from one at a time, all at once
and random ones. `PPG_EXHAUSTIVE=1` (`make exhaustive`) plays all graphs of 4 nodes with every edit, millions of
scenarios, half an hour on two cores; `PPG_EXHAUSTIVE=20` every 20th graph of them; `PPG_EVERY_ORDER=1` plays every
scenario in every order (hours).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

import pytest

from .edits import Runner, Scenario, all_edits, keeping, telling_edits
from .graphs import graphs
from .model import Graph

SHARDS = 16
SEEDS = (0, 1, 2, 3)
EXHAUSTIVE = int(os.environ.get("PPG_EXHAUSTIVE", "0"))
EVERY_ORDER = os.environ.get("PPG_EVERY_ORDER") == "1"

Edits = Callable[[Graph], Iterator[Scenario]]


def play(all_graphs: Iterable[Graph], edits: Edits, every_seed: bool) -> None:
    number = 0
    for graph in (variant for passing in all_graphs for variant in (passing, *keeping(passing))):
        runners = [Runner(seed) for seed in SEEDS]
        for scenario in edits(graph):
            number += 1
            for runner in runners if every_seed else (runners[number % len(SEEDS)],):
                try:
                    runner.play(scenario)
                except Exception as error:
                    edges = {job: sorted(inputs) for job, inputs in graph.inputs.items()}
                    error.add_note(f"{scenario.name}, seed {runner.seed}, inputs {edges}")
                    raise


@pytest.mark.parametrize("shard", range(SHARDS))
def test_up_to_three_nodes_every_edit(shard: int) -> None:
    for size in (1, 2, 3):
        play(graphs(size, shard, SHARDS), all_edits, every_seed=EVERY_ORDER)


@pytest.mark.parametrize("shard", range(SHARDS))
def test_four_nodes_telling_edits(shard: int) -> None:
    play(graphs(4, shard, SHARDS, telling=True), telling_edits, every_seed=EVERY_ORDER)


@pytest.mark.skipif(not EXHAUSTIVE, reason="takes half an hour; PPG_EXHAUSTIVE=1, or =20 for every 20th graph")
@pytest.mark.parametrize("shard", range(SHARDS))
def test_four_nodes_every_edit(shard: int) -> None:
    chosen = (graph for number, graph in enumerate(graphs(4, shard, SHARDS)) if number % EXHAUSTIVE == 0)
    play(chosen, all_edits, every_seed=EVERY_ORDER)


@pytest.mark.parametrize(("size", "count"), [(1, 7), (2, 57), (3, 1040)])
def test_no_graph_is_lost(size: int, count: int) -> None:
    """If this fails, the numbers above are wrong, too."""
    assert sum(1 for _ in graphs(size)) == count
