"""What all parts of one run work with: the cores, what they decide on, and where things are noted."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from .. import planner as p
from ..planner.node import GENERATING, INJECTING
from ..priority import Priorities
from .explain import Explainer
from .outbox import Outbox
from .situation import Situation
from .survey import Survey
from .sync import OutputSync

if TYPE_CHECKING:
    from ..dispatcher import Dispatcher
    from ..graph import Pipegraph
    from ..store import StatusStore
    from .log import RunLog
    from .machines import Machines
    from .origins import Origins
    from .progress import Progress
    from .recorder import Recorder
    from .results import Results

GENERATES = frozenset((GENERATING, INJECTING))


class RunContext:
    """Made once per run; `machines` when the first job must run."""

    def __init__(
        self,
        graph: Pipegraph,
        store: StatusStore,
        log: RunLog,
        progress: Progress,
        results: Results,
        started_s: float,
        performing: bool,
    ) -> None:
        self.graph = graph
        self.order = graph.order
        self.store = store
        self.log = log
        self.progress = progress
        self.results = results
        self.planner = p.Planner()
        self.explainer = Explainer(self.planner, store, self.order)
        self.priorities = Priorities(self.planner)
        self.situation = Situation(self.planner, self.order, self.priorities, started_s)
        self.survey = Survey(graph, store, log, self.planner.holds, performing)
        self.outbox = Outbox()
        self.sync = OutputSync(log.warning, store.is_behind)
        self.machines: Machines | None = None
        self.hosts: dict[str, str] = {}
        """Machines that are there, and what users call them."""
        self.told: set[int] = set()
        """Jobs that are not run, and loads that are, of which the log says so."""
        self.executed = 0

    @cached_property
    def dispatcher(self) -> Dispatcher:
        """Imported and made when the first job must run."""
        from ..dispatcher import Dispatcher

        return Dispatcher(patient=self.graph.options.cluster is not None)

    @cached_property
    def recorder(self) -> Recorder:
        """Imported and made when the first job is over, or adopted."""
        from .recorder import Recorder

        return Recorder(self.planner, self.store, self.order, self.explainer, os.uname().nodename)

    @cached_property
    def origins(self) -> Origins:
        """Imported and made when the first job must run."""
        from .origins import Origins

        return Origins()

    def plan(self) -> Sequence[p.Instruction]:
        """Look at everything; what to do first."""
        self.survey.distrust_absent()
        return self.planner.extend(self.survey.nodes(self.order))

    def report_missing_inputs(self) -> None:
        """Invariants that can't be evaluated fail, and with them what depends on them."""
        if not self.survey.failures:
            return
        from .hints import dependants_of, of_input

        failed = [(self.order[index], error) for index, error in self.survey.failures.items()]
        dependants = dependants_of([invariant for invariant, _ in failed], self.order)
        for invariant, error in failed:
            self.results.failed_here(invariant, error, hint=of_input(self.graph, error, dependants[invariant]))
            self.situation.failed += 1
        self.survey.failures.clear()

    def log_not_run(self, at_end: bool = False) -> None:
        """At debug level: why jobs do not run. That nobody needs one is certain only at the end."""
        if not self.log.debugging:
            return
        planner = self.planner
        for job in range(len(self.order)):
            unneeded = at_end and planner.reason[job] == p.Reason.NOT_NEEDED
            if (unneeded or planner.verdict[job] == p.Verdict.CURRENT) and job not in self.told:
                self.told.add(job)
                self.log.debug(f"not run: {self.order[job]!r}, because {self.explainer.why(job)}")
