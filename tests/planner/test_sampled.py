"""Graphs of five nodes by lot, each with some of its edits by lot, compared with the oracle after every run.

There are about 5.5 million such graphs (with every choice of temporary jobs that keep a file) and 840 million
scenarios of 2 to 4 runs: counted by drawing 10,000 pairs of kinds and edges and weighing each by its symmetries, which
gives 68,000 graphs and 6.9 million scenarios for four nodes. At a millisecond each, all of them would take ten days
of one core. Here are 21,600, the same in every run, in half a minute of one core; `PPG_SAMPLE=7` draws others,
`PPG_SAMPLE_TIMES=100` draws that many times as many.
"""

from __future__ import annotations

import os
from itertools import islice
from random import Random

import pytest

from .edits import Runner, all_edits, keeping
from .graphs import drawn_graphs

SHARDS = 16
GRAPHS_PER_SHARD = 90
EDITS_PER_GRAPH = 15
SAMPLE = int(os.environ.get("PPG_SAMPLE", "0"))
TIMES = int(os.environ.get("PPG_SAMPLE_TIMES", "1"))


@pytest.mark.parametrize("shard", range(SHARDS))
def test_five_nodes(shard: int) -> None:
    luck = Random(f"sample {SAMPLE}, shard {shard}")
    for passing in islice(drawn_graphs(5, luck), GRAPHS_PER_SHARD * TIMES):
        graph = luck.choice([passing, *keeping(passing)])
        runner = Runner(luck.randrange(4))
        scenarios = list(all_edits(graph))
        for scenario in luck.sample(scenarios, min(EDITS_PER_GRAPH, len(scenarios))):
            try:
                runner.play(scenario)
            except Exception as error:
                edges = {job: sorted(inputs) for job, inputs in graph.inputs.items()}
                error.add_note(f"{scenario.name}, order {runner.seed}, keeps {sorted(graph.keeps)}, inputs {edges}")
                error.add_note(f"PPG_SAMPLE={SAMPLE}, shard {shard}")
                raise
