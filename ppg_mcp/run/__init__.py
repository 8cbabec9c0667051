"""Running a pipegraph: look at the world, decide, execute, record. Decisions are made in the pure cores
(`planner`, `dispatcher`, the arbiter); here is what performs them.
"""

from .front import run

__all__ = ["run"]
