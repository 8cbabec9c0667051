"""Jobs that share one function, from step.py in the working directory: shared_function.py JOBS [--adopt]

Without --adopt it is a dry run. Says how often a code object was looked at, and how often it was digested.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import engines

sys.path.insert(0, os.getcwd())
import step

from ppg_mcp.fingerprints.codes import CodeRegistry

jobs, adopt = int(sys.argv[1]), "--adopt" in sys.argv
counts = {"of": 0, "_add": 0}


def counted(name: str) -> None:
    """Replace a method by one that counts its calls for the function of step.py."""
    method = getattr(CodeRegistry, name)

    def call(registry: CodeRegistry, function: Any) -> Any:
        counts[name] += function.__code__ is step.write.__code__
        return method(registry, function)

    setattr(CodeRegistry, name, call)


counted("of")
counted("_add")
ours = engines.engine("ours")
ours.new(adopt=adopt)
for number in range(jobs):
    ours.file_job(f"out_{number}.txt", step.write)
ours.api.run_pipegraph(dry_run=not adopt)
engines.say(looked_at=counts["of"], digested=counts["_add"])
