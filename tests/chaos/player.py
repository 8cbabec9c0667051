"""One pipegraph under chaos: run after run, with parameters that change, and the checks after each of them.

After every run: no job ran that had a record with equal inputs and its files; what is recorded is what the oracle says
and stands in the files; the run ended in a way that what was done to it explains. At the end an undisturbed run, one
that finds nothing to do, and the files of a build from scratch, in a directory of its own on this machine alone. The
last runs are where no daemon is: what a master left that was killed there is found by a later one only.
"""

from __future__ import annotations

import pickle
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cluster.three_hosts import HOSTS, PATIENCE_S, ThreeHosts
from crash import one_run
from crash.building import SECOND_WRITER, Script
from crash.contents import Contents
from crash.drawn import WRITES, Graph, Spec, draw_graph, draw_parameters, expanded, flipped
from crash.ledger import RECORDED, STORE, Ledger, records
from crash.rounds import ALWAYS_RUN

from . import processes as of
from .monkey import Monkey
from .story import Story

PAUSES_MS = (0, 100, 300, 300, 600, 1500, 5000)
CORES = (1, 1, 1, 1, 2, -1, -2)
MIB = 1 << 20
MEMORIES_BYTES = (-1, -1, -1, 100 * MIB, 300 * MIB)
JOBS_DIE_OF = (of.JOB, of.DATA, of.PRISTINE, of.SUPERVISOR, of.SLAVE)
HEAD = "head"
KILLED = 137
PROGRAM = ("env", f"PYTHONPATH={Path(__file__).parents[1]}", sys.executable, "-B", "-m", "crash.building")
OTHER_FILES = {STORE, "logs"}


class Player:
    """`poll` until `is_over`; `stop_soon` begins the end. Raises AssertionError."""

    def __init__(self, name: str, user: str, hosts: ThreeHosts, monkey: Monkey, chance: random.Random) -> None:
        self.name, self.user = name, user
        self._hosts, self._monkey, self._chance = hosts, monkey, chance
        self.project, self._side = hosts.directory / name, hosts.directory / f"{name}-side"
        for directory in (self.project / "logs", self._side):
            directory.mkdir(parents=True)
        graph = draw_graph(chance, 12, 30)
        self._graph: Graph = tuple(_harder(chance, spec) for spec in graph)
        self._before = self._parameters = draw_parameters(chance, graph)
        self._ledger = Ledger(self.project, by_content=chance.random() < 0.25)
        self._known: Mapping[str, Any] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._began_s, self._spared = 0.0, set[str]()
        self._endings: list[str] = []
        """Of the runs that follow when the chaos is over."""
        self._left = [self._check_undisturbed, self._check_nothing_to_do]
        self.runs = self.fine_runs = self.jobs_started = 0
        self._is_ending = False

    @property
    def is_over(self) -> bool:
        return not self._left and self._process is None

    @property
    def _story(self) -> Story:
        return self._monkey.story

    def stop_soon(self) -> None:
        """The chaos is over: the run that goes on is to end, and is followed by the last ones."""
        self._is_ending = True

    def poll(self, now: float) -> None:
        """Begin a run when there is none; check one that has ended."""
        if self._process is None:
            self._start(now)
        elif self._process.poll() is not None:
            code, self._process = self._process.returncode, None
            started = self._check(code)
            if self._is_ending:
                self._end(code, started)
            elif self._chance.random() < 0.6:
                flip = self._chance.random() < 0.5
                after = self._before if flip else flipped(self._chance, self._parameters)
                self._before, self._parameters = self._parameters, after

    def end(self) -> None:
        """Reap it; whoever calls this has killed it."""
        if self._process is not None:
            self._process.wait(PATIENCE_S)

    # ------------------------------------------------------------------------------------------------------------ runs

    def _start(self, now: float) -> None:
        self.runs += 1
        self._began_s = now
        self._spared = self._ledger.must_not_run(self._jobs, self._parameters, self._known)
        (self._side / "failed").unlink(missing_ok=True)
        host = HEAD if self._is_ending else self._chance.choice(HOSTS)
        script = self._script(cores=0, journal=self._journal)
        path = self._side / f"run-{self.runs}"
        path.write_bytes(pickle.dumps(script))
        command = [*PROGRAM, str(path)]
        with open(f"{path}.out", "wb") as out:
            self._process = self._hosts.start(
                host, *command, cwd=self.project, user=self.user, stdout=out, stderr=out, stdin=subprocess.DEVNULL
            )
        self._story.tell(f"{self.name}: run {self.runs} on {host}: {dict(self._parameters)}")

    def _script(self, cores: int, journal: Path) -> Script:
        return Script(self._graph, self._parameters, {}, self._ledger.by_content, cores, str(self._side), str(journal))

    @property
    def _journal(self) -> Path:
        return self._side / f"run-{self.runs}.journal"

    @property
    def _jobs(self) -> dict[str, Spec]:
        return expanded(self._graph, self._parameters)

    def _check(self, code: int) -> Counter[str]:
        """What holds after every run."""
        jobs = self._jobs
        lines = self._journal.read_text().splitlines() if self._journal.exists() else []
        assert not any(line.startswith(SECOND_WRITER) for line in lines), f"{self.name}: two writers: {lines}"
        started = Counter(line.split()[1] for line in lines)
        self.jobs_started += sum(started.values())
        self._known = records(self.project, self._side)
        recorded = self._ledger.update(self._known, jobs, self._parameters)
        self._story.tell(
            f"{self.name}: run {self.runs} ended with {code}; started {dict(started)}, recorded {recorded}"
        )
        self._ledger.check_files(jobs)
        self._check_ending(code)
        again = sorted(self._spared & set(started))
        assert not again, f"{self.name}: {again} ran, though their records, inputs and files stood"
        assert set(recorded) <= set(started), f"{self.name}: {set(recorded) - set(started)} recorded, and never started"
        return started

    def _check_ending(self, code: int) -> None:
        told = f"{self.name}: run {self.runs} ended with {code}, see {self._side}/run-{self.runs}.out"
        match code:
            case one_run.FINE:
                self.fine_runs += 1
            case one_run.JOBS_FAILED:
                assert self._was_hit("kill", of.JOB, of.DATA, of.PRISTINE, of.SUPERVISOR, of.SLAVE), (
                    f"{told} for no cause"
                )
            case code if code == KILLED:
                assert self._was_hit("kill", of.MCP), f"{told}, and nobody killed it"
            case _:
                raise AssertionError(told)

    def _was_hit(self, deed: str, *roles: str) -> bool:
        """While this run went on."""
        return any(hit.at_s >= self._began_s and hit.deed == deed and hit.role in roles for hit in self._monkey.hits)

    # ------------------------------------------------------------------------------------------------------- the end

    def _end(self, code: int, started: Counter[str]) -> None:
        """The run that the end of the chaos found may have failed; none after it."""
        if self._monkey.hits and self._began_s <= self._monkey.hits[-1].at_s:
            return
        assert code == one_run.FINE, f"{self.name}: an undisturbed run ended with {code}"
        self._left.pop(0)(started)

    def _check_undisturbed(self, started: Counter[str]) -> None:
        twice = [name for name, times in started.items() if times > 1 and self._jobs[name].kind in RECORDED]
        assert not twice, f"{self.name}: {twice} ran more than once in an undisturbed run"

    def _check_nothing_to_do(self, started: Counter[str]) -> None:
        again = [name for name in started if self._jobs[name].kind not in ALWAYS_RUN]
        assert not again, f"{self.name}: {again} ran again"
        self._check_files()

    def _check_files(self) -> None:
        """Those of a build from scratch, of which the oracle knows what is in them; and nothing else."""
        kept, on_demand = self._files(self.project)
        scratch, _ = self._files(self._build_from_scratch())
        assert kept == scratch, f"{self.name}: {[n for n in {*kept, *scratch} if kept.get(n) != scratch.get(n)]} differ"
        contents = Contents(self._jobs, self._parameters)
        for name, spec in self._jobs.items():
            assert {path: kept[path].decode() for path in spec.kept} == {
                path: text for path, text in contents.files(name).items() if path in spec.kept
            }
        left = [path for path in on_demand if not path.startswith("cached")]
        assert not left, f"{self.name}: the temporaries {left} are left"

    def _files(self, directory: Path) -> tuple[dict[str, bytes], set[str]]:
        """Of outputs: what is in them; of jobs on demand: which are there. What older parameters made is nobody's."""
        found = {path.name: path for path in directory.iterdir() if path.name not in OTHER_FILES}
        kept = {path for spec in self._jobs.values() for path in spec.kept}
        on_demand = {path for spec in self._jobs.values() for path in spec.paths} - kept
        others = {name for name in found.keys() - kept - on_demand if ".made" not in name}
        assert not others, f"{self.name}: {others} were left"
        return {name: found[name].read_bytes() for name in kept & found.keys()}, on_demand & found.keys()

    def _build_from_scratch(self) -> Path:
        """Here, without pauses, in a run of its own."""
        directory = self._hosts.directory / f"{self.name}-scratch"
        side = self._hosts.directory / f"{self.name}-scratch-side"
        for made in (directory, side):
            made.mkdir()
        graph = tuple(replace(spec, pause_ms=0, cores=1, memory_bytes=-1, grandchild="") for spec in self._graph)
        script = replace(self._script(2, side / "journal"), graph=graph, side=str(side))
        (side / "run").write_bytes(pickle.dumps(script))
        variables = {name: value for name, value in self._hosts.environment.items() if name != "PPG_COORDINATOR"}
        command = [*PROGRAM, str(side / "run")]
        done = subprocess.run(command, cwd=directory, env=variables, capture_output=True, text=True, timeout=PATIENCE_S)
        assert done.returncode == 0, done.stderr
        return directory


def _harder(chance: random.Random, spec: Spec) -> Spec:
    """Jobs of seconds, some of them wide or with much memory; what they leave running only sleeps: nobody on another
    host could keep it from writing."""
    if spec.kind not in WRITES:
        return replace(spec, pause_ms=chance.choice(PAUSES_MS[:4]))
    return replace(
        spec,
        pause_ms=chance.choice(PAUSES_MS),
        cores=chance.choice(CORES),
        memory_bytes=chance.choice(MEMORIES_BYTES),
        grandchild="sleep" if spec.grandchild else "",
    )
