"""Many edges: null runs in which every job of the right side depends on every job of the left.

    python benchmarks/bipartite.py [--side 100 300]

Held against as many independent jobs and 5 us for each edge. The state is prepared by adoption.
"""

from __future__ import annotations

import sys

from _experiment import Experiment
from _null import prepared, untouched
from _process import program, run
from _report import ratio, seconds
from _turns import in_turns

EDGE_S = 5e-6


def main() -> None:
    experiment = Experiment(__file__, __doc__, repeats=5, side=((100, 300), (5,)))
    table = [measure(experiment, side) for side in experiment.options.side]
    experiment.report.table(["side", "edges", "wall", "independent", "independent + 5 us an edge", "ratio"], table)
    experiment.finish()


def measure(experiment: Experiment, side: int) -> list[str]:
    with experiment.directory() as scratch:
        independent = prepared("ours", sys.executable, 2 * side, scratch / "independent")
        prepared("ours", sys.executable, 2 * side, scratch / "bipartite")
        run(program("bipartite", side, "--adopt"), scratch / "bipartite")
        bipartite = untouched(program("bipartite", side), scratch / "bipartite")
        samples = in_turns({"independent": independent, "bipartite": bipartite}, experiment.repeats)
    measured, alone = samples["bipartite"].wall_s, samples["independent"].wall_s
    allowed = alone + EDGE_S * side * side
    experiment.report.bound(f"{side} x {side}, / (independent + 5 us an edge)", measured / allowed, 2)
    edges = f"{side * side:,}"
    return [f"{side}", edges, seconds(measured), seconds(alone), seconds(allowed), ratio(measured, allowed)]


if __name__ == "__main__":
    main()
