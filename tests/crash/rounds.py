"""A round: a project, several runs with other parameters and kills, an undisturbed run, a run with nothing to do.

What is checked, after every run: no second writer; no job ran that had a record with equal inputs; what is recorded is
what the oracle says; the run ended in a way that its kills explain; nothing lives on that somebody could have ended.
At the end: the files are byte for byte those of a build from scratch, and no process, no temporary and no file of the
engine is left.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ppg_cs.session_directory import runtime_root

from . import one_run, roles
from .building import SECOND_WRITER, Script
from .contents import Contents
from .crashes import Crash, draw_crash
from .drawn import Graph, Parameters, draw_failures, draw_graph, draw_parameters, expanded, flipped
from .ledger import RECORDED, STORE, Ledger, records
from .one_run import Ending

GONE_S = 20.0
ALWAYS_RUN = ("generator", "injector", "final")


class Round:
    """`Round(seed, folder).play()` raises AssertionError, with what happened before it."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.chance = random.Random(seed)
        self.project, self._sides = folder / "project", folder / "sides"
        self.graph: Graph = draw_graph(self.chance)
        self.parameters: Parameters = draw_parameters(self.chance, self.graph)
        self.story: list[str] = [f"{spec}" for spec in self.graph]
        by_content = self.chance.random() < 0.25
        self._ledger = Ledger(self.project, by_content)
        self._cores = self.chance.choice((1, 2, 4))
        self._known: Mapping[str, Any] = {}
        self._runs = 0
        self._run_s = 0.3
        self._unreaped: list[int] = []
        """Scripts that have ended, or shall be killed: a dead one may stay a zombie for long."""
        self.fired = 0

    def play(self) -> None:
        """The whole round. What it leaves when it fails is in the folder."""
        self.project.mkdir(parents=True)
        before = self.parameters
        for _ in range(self.chance.randint(2, 6)):
            self._run(draw_failures(self.chance, self.graph), draw_crash(self.chance, self._run_s))
            before, self.parameters = (
                self.parameters,
                before if self.chance.random() < 0.5 else flipped(self.chance, self.parameters),
            )
        self._final_run()
        self._null_run()
        shutil.rmtree(self._sides)

    def end(self) -> None:
        """Of whatever a failure left running."""
        roles.kill([*self._unreaped, *roles.processes_in(str(self.project))], str(self.project))
        self._reap()

    def _reap(self) -> None:
        for pid in self._unreaped:
            os.waitpid(pid, 0)
        self._unreaped.clear()

    # -------------------------------------------------------------------------------------------------------- the runs

    def _run(self, failures: Mapping[str, str], crash: Crash = (None, ())) -> Counter[str]:
        """One run and the checks after it; returns how often each job was started."""
        jobs = expanded(self.graph, self.parameters)
        spared = self._ledger.must_not_run(jobs, self.parameters, self._known)
        side = self._sides / str(self._runs)
        side.mkdir(parents=True)
        self._runs += 1
        self.story.append(f"run {self._runs}: {dict(self.parameters)}, fail {dict(failures)}, {crash}")
        ending = self._start_and_watch(side, failures, crash)
        self.story.append(f"    {ending}")
        if ending.code >= 0 or self.chance.random() < 0.5:
            self._wait_for_the_end_of_processes(ending)
        started = self._read_journal(side)
        self._known = records(self.project, side)
        recorded = self._ledger.update(self._known, jobs, self.parameters)
        self.story.append(f"    started {dict(started)}, recorded {recorded}")
        self._ledger.check_files(jobs)
        self._check_ending(ending, failures, jobs)
        again = sorted(spared & set(started))
        assert not again, f"{again} ran, though their records, inputs and files stood"
        assert set(recorded) <= set(started), f"{set(recorded) - set(started)} recorded, and never started"
        if not ending.killed and not ending.signalled:
            twice = [name for name, times in started.items() if times > 1 and jobs[name].kind in RECORDED]
            assert not twice, f"{twice} ran more than once"
        return started

    def _start_and_watch(self, side: Path, failures: Mapping[str, str], crash: Crash) -> Ending:
        point, strikes = crash
        cutoff, project = self._ledger.by_content, str(self.project)
        script = Script(self.graph, self.parameters, failures, cutoff, self._cores, str(side), f"{side}/journal")
        if self.chance.random() < 0.7:
            self._reap()
        pid = one_run.start(script, project, point)
        self._unreaped.append(pid)
        ending = one_run.watch(script, project, pid, point, strikes, self.chance)
        if ending.code == one_run.FINE:
            self._run_s = ending.duration_s
        self.fired += bool(ending.killed or ending.signalled)
        return ending

    def _wait_for_the_end_of_processes(self, ending: Ending) -> None:
        """Only what a job left can live on, and only if both that might have ended it are dead."""
        spared = {roles.GRANDCHILD} if {roles.SUPERVISOR, roles.MCP} <= ending.killed else set()
        give_up = time.monotonic() + GONE_S
        while left := [pid for pid in roles.processes_in(str(self.project)) if self._role(pid) not in spared]:
            assert time.monotonic() < give_up, f"{[(pid, self._role(pid)) for pid in left]} live on"
            time.sleep(0.002)

    def _role(self, pid: int) -> str:
        for side in self._sides.iterdir():
            for role, known in roles.living(f"{side}/roles", str(self.project)):
                if known == pid:
                    return role
        return "unknown"

    def _read_journal(self, side: Path) -> Counter[str]:
        journal = side / "journal"
        lines = journal.read_text().splitlines() if journal.exists() else []
        return Counter(line.split()[1] for line in lines)

    def _check_ending(self, ending: Ending, failures: Mapping[str, str], jobs: Mapping[str, Any]) -> None:
        told = {jobs[name].job_id for name in failures}
        match ending.code:
            case one_run.FINE:
                pass
            case one_run.JOBS_FAILED:
                assert ending.killed or set(ending.failed) <= told, "jobs failed without cause"
            case one_run.LOST_THE_SUPERVISOR:
                assert ending.signalled or ending.killed & {roles.SUPERVISOR, roles.PRISTINE}, "lost the supervisor"
            case one_run.INTERRUPTED:
                assert ending.signalled, "interrupted without cause"
            case code if code == -signal.SIGTERM:
                assert ending.signalled, "terminated without cause"
            case _:
                assert roles.MCP in ending.killed, "ended without cause"

    # ------------------------------------------------------------------------------------------------------- the end

    def _final_run(self) -> None:
        self._run({})
        assert self.story[-2].lstrip().startswith("Ending(code=0,"), "the undisturbed run failed"
        self._check_project()

    def _null_run(self) -> None:
        started = self._run({})
        jobs = expanded(self.graph, self.parameters)
        again = [name for name in started if jobs[name].kind not in ALWAYS_RUN]
        assert not again, f"{again} ran again"
        self._check_project()

    def _check_project(self) -> None:
        """Files, and nothing else."""
        jobs = expanded(self.graph, self.parameters)
        contents = Contents(jobs, self.parameters)
        here = {path.name for path in self.project.iterdir()}
        for name, spec in jobs.items():
            expected = contents.files(name)
            for path in spec.kept:
                assert path in here, f"{path} was not made"
                assert (self.project / path).read_text() == expected[path], f"{path} is wrong"
            if spec.kind in ("temporary", "plus"):
                assert name not in here, f"the temporary {name} is left"
        expected_names = {path for spec in jobs.values() for path in spec.paths} | {STORE}
        others = {name for name in here - expected_names if ".made" not in name}
        assert not others, f"{others} were left"
        journals = [path.read_text() for path in self._sides.glob("*/journal")]
        assert not any(SECOND_WRITER in journal for journal in journals), f"two writers: {journals}"
        assert not roles.processes_in(str(self.project)), "processes were left"
        root = runtime_root(str(self.project))
        assert not root.exists(), f"{[str(path) for path in root.rglob('*')]} were left"
