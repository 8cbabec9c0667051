"""The planner decides which jobs must run: the equation of semantics §2 and nothing else. A pure core.

    facts      what is known of each job, and what the equation says of one alone
    demand     who needs what is made on demand, and when that is given back
    core       what follows for other jobs: the way in, and all propagation

Theory of operation. Each node goes through three independent facts, which only ever grow (but a product that was given
back is not `done` any more when somebody comes for it again):

    known      both readings of its fingerprint are known. Invariants: at once. Outputs: once judged current, or built.
               Temporary, cached, loading and generating nodes: as soon as all their inputs are known, without running
               (an injecting node keeps its dependants waiting until it ran, because it may add to their inputs).
    fresh      the strict reading is certain to differ from every record, though not known yet: an output that will
               run, and everything input-addressed downstream of it. This is what lets a whole cold graph be judged
               before its first job ran.
    done       its dependants may use it (`State.DONE`).

A *verdict* needs `known` inputs (or, in the strict reading, one `fresh` input; or no record, or a missing file: then
the inputs do not matter). A *start* needs a RUN verdict and `done` inputs. Temporary, cached and loading nodes are
judged only when a dependant that must run *needs* them, and start only while one that is not pruned does. A node is
*closed* once it will not need its inputs again: one that makes files when they are there, a loading node (another
machine may have to load again) and what is not needed with the last dependant. Without open dependants, temporary and
loading nodes give their files or their memory back; a later dependant opens them again, to be made once more.

A temporary that also *keeps* files has two halves: until it is judged for the files that stay, by the rule of outputs
and whether somebody needs it or not, it is `obliged`; judged current, or made, it is a temporary like any other.

Nodes come in batches, in topological order, also while jobs run.

Rejected: "invalidated" flags that travel down the graph and survive the run (the original). They must be persisted,
they are lost with the process, and they rerun what an early cutoff would spare.
"""

from .core import Planner
from .events import (
    Adopt,
    Failed,
    Instruction,
    Prune,
    Refresh,
    Remove,
    Start,
    Succeeded,
    Unload,
    Withdraw,
)
from .node import Current, Files, Former, Kind, Node, State, Verdict
from .reasons import Reason

__all__ = [
    "Adopt",
    "Current",
    "Failed",
    "Files",
    "Former",
    "Instruction",
    "Kind",
    "Node",
    "Planner",
    "Prune",
    "Reason",
    "Refresh",
    "Remove",
    "Start",
    "State",
    "Succeeded",
    "Unload",
    "Verdict",
    "Withdraw",
]
