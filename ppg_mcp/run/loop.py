"""A run from its survey to its end. What executes jobs (`execution`, `turn`) comes into play when one must run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from . import last_run
from .context import RunContext
from .performing import Performer
from .summary import summary

if TYPE_CHECKING:
    from ..graph import Pipegraph
    from ..store import StatusStore
    from .execution import Execution
    from .interrupt import Interrupts
    from .log import RunLog
    from .progress import Progress
    from .results import Results


class RunLoop:
    """`survey`, then `execute`, then `close`."""

    def __init__(
        self,
        graph: Pipegraph,
        store: StatusStore,
        log: RunLog,
        progress: Progress,
        results: Results,
        interrupts: Interrupts,
        started_s: float,
    ) -> None:
        self.context = RunContext(graph, store, log, progress, results, started_s, performing=True)
        self._performer = Performer(self.context)
        self._interrupts = interrupts
        self._execution: Execution | None = None
        self._began_at = time.time() - (time.monotonic() - started_s)

    def survey(self) -> None:
        """Look at everything, plan, and begin."""
        self._performer.perform(self.context.plan())
        self._performer.tell_adopted()
        self.context.report_missing_inputs()
        self.context.log_not_run()

    def execute(self) -> None:
        """Run until everything is over, or a signal came."""
        run = self.context
        while not run.planner.is_over and self._interrupts.received is None:
            if self._execution is None:
                from .execution import Execution

                self._execution = Execution(run, self._performer, self._interrupts)
                self._execution.start(self._began_at)
            self._execution.round()
        if self._execution is not None:
            self._execution.flush()
        else:
            run.store.commit()
            self._performer.remove()
        self._performer.tell_adopted()
        run.log_not_run(at_end=True)

    def close(self) -> None:
        """Stop what runs, commit what is finished."""
        run = self.context
        try:
            if self._execution is not None:
                self._execution.stop()
            if run.sync.finish():
                run.store.mark_synced()
            run.store.set_meta(last_run.KEY, self._ended())
        finally:
            run.log.flush()

    def _ended(self) -> str:
        run = self.context
        results, left_out = run.results, run.graph.left_out
        counts = {
            "done": run.situation.done,
            "failed": len(results.failures),
            "pruned": len(results.pruned),
            "left_out": len(left_out),
        }
        named = {
            "failed_inputs": results.failed_inputs.items(),
            "pruned_jobs": results.pruned.items(),
            "left_out_jobs": ((job.job_id, culprit.job_id) for job, culprit in left_out.items()),
        }
        return last_run.ended(self._began_at, self._interrupts.received is not None, counts, named)

    def interrupted(self, duration_s: float) -> str:
        """One line for the user who stopped the run: what is lost, and how to go on."""
        situation = self.context.situation
        failed = f" and {situation.failed} failed" if situation.failed else ""
        done = f"{situation.done} job{'s' if situation.done != 1 else ''} done{failed}"
        return f"stopped after {duration_s:.2f} s, with {done}. Start the script again to go on from there."

    def summary(self, duration_s: float) -> str:
        """One line for the user: how much was done."""
        run = self.context
        left_out = len(run.graph.left_out)
        return summary(run.order, run.planner, run.results, run.executed, left_out, duration_s)
