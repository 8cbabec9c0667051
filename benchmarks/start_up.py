"""What it costs to start: `python -c pass`, `import pypipegraph`, and a run without jobs.

python benchmarks/start_up.py [--repeats 20]
"""

from __future__ import annotations

import sys

from _experiment import Experiment
from _process import run
from _turns import in_turns

CODE = {
    "pass": "pass",
    "import": "import pypipegraph",
    "empty run": "import pypipegraph as p; p.new_pipegraph(quiet=True); p.run()",
}


def main() -> None:
    experiment = Experiment(__file__, __doc__, repeats=20)
    with experiment.directory() as scratch:
        turns = {name: lambda code=code: run([sys.executable, "-c", code], scratch) for name, code in CODE.items()}
        samples = in_turns(turns, experiment.repeats)
    bare_s = samples["pass"].wall_s
    table = [
        [CODE[name], milliseconds(sample.wall_s), milliseconds(sample.cpu_s), milliseconds(sample.wall_s - bare_s)]
        for name, sample in samples.items()
    ]
    experiment.report.table(["python -c", "wall", "CPU", "above pass"], table)
    experiment.report.bound("import, above pass", samples["import"].wall_s - bare_s, 0.15, unit=" s")
    experiment.report.bound(
        "an empty run, above the import", samples["empty run"].wall_s - samples["import"].wall_s, 0.05, unit=" s"
    )
    experiment.finish()


def milliseconds(value_s: float) -> str:
    return f"{1000 * value_s:.0f} ms"


if __name__ == "__main__":
    main()
