"""A machine without processes: performs the core's instructions on plain data, and knows what could happen next."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from dataclasses import dataclass
from typing import Any

from ppg_cs import events as on
from ppg_cs import instructions as do
from ppg_cs.report import NOTHING, Reached, Report, Result
from ppg_cs.supervisor_core import SupervisorCore
from ppg_protocol.messages import Define, Finished, Retracted, Run
from ppg_protocol.records import Failure, Usage

USAGE = Usage(1.0, 0.5, 100)
CLEAN = Report(None, Result(True, (), None, b""), b"", b"")
RAISED = Report(None, Result(True, (), Failure("ValueError", "no", "", b"", -1, -1), b""), b"", b"")
DIED = Report(Reached("job", ("/out",), False), None, b"out", b"err")
LOAD_RAISED = Report(None, Result(False, (), Failure("ValueError", "no", "", b"", -1, -1), b""), b"", b"")
MADE = Report(None, Result(False, (), None, b"change"), b"", b"")
KILLED, FAILED = 9, 256


@dataclass
class Process:
    """Of a job, a load or a generator (`successor` > 0), forked by data process `parent`."""

    key: int
    job: int
    parent: int
    successor: int
    cores: int
    slot: int
    forked: bool = False


class Machine:
    """Runs a core; `said` is what it told the MCP. Every step ends with its sanity check.

    What data processes say of jobs comes in its order, and may be heard later than it happens (`end`, `hear`).
    """

    def __init__(self, cores: int = 2, memory_bytes: int = 1000, data_bytes: int = 100) -> None:
        self.cores = cores
        self.core = self.new_core(cores, memory_bytes)
        self.data_bytes = data_bytes
        self.now = 0.0
        self.said: list[Any] = []
        self.done: list[do.Instruction] = []
        self.jobs: dict[int, Process] = {}
        self.ends: Counter[int] = Counter()
        """Of job processes, by data process."""
        self.reliefs: dict[tuple[int, int], Process] = {}
        """Jobs that wait for an end, by data process and its number."""
        self.unheard: dict[int, deque[on.Event]] = defaultdict(deque)
        self.prepared: dict[int, Process] = {}
        self.data_processes: dict[int, int] = {}
        """number -> parent, as long as it lives."""
        self.resident: dict[int, set[int]] = {}
        self.tasks: dict[int, set[int]] = {}
        self.taken_over: set[int] = set()
        self.unconfirmed: list[int] = []
        self.retired: set[int] = set()
        self.doomed: set[int] = set()
        self.to_sweep: list[int] = []
        self.deaths: list[int] = []
        self.left = False
        self._perform(self.core.start())

    def new_core(self, cores: int, memory_bytes: int) -> SupervisorCore:
        """The core under test."""
        return SupervisorCore(cores, memory_bytes, cores + 8)

    def tell(self, event: on.Event) -> list[Any]:
        """Hand an event to the core and perform what it says; returns what it told the MCP about it."""
        before = len(self.said)
        self.now += 1.0
        self._perform(self.core.handle(event, self.now))
        self.core.sanity_check()
        used = sum(p.cores - p.passed_on for p in self.core.work.values())
        assert used <= self.cores
        assert {process for process, _ in self.reliefs} <= {self.core.lineage.current}, "waits where nothing starts"
        is_short = self.core.shortage.until is not None
        assert not self.reliefs or self.core.admission.is_full or is_short, "waits beside a free core"
        return self.said[before:]

    def run(self, attempt: int, job: int = 0, **fields: Any) -> list[Any]:
        """Order an attempt."""
        defaults = {"loads": (), "cores": 1, "memory_bytes": 0, "await_files": (), "generates": False}
        return self.tell(Run(attempt=attempt, job=job, **{**defaults, **fields}))

    # ------------------------------------------------------------------------------------------- what can happen next

    def fork(self, key: int) -> list[Any]:
        """A process is there."""
        self.jobs[key].forked = True
        return self.hear(self.jobs[key].parent) + self.tell(on.Forked(key, 4711))

    def refuse(self, key: int, reason: str = "no process could be made") -> list[Any]:
        """The system has no process for it."""
        process = self.jobs.pop(key)
        assert not process.forked
        self.doomed.discard(key)
        return self.hear(process.parent) + self.tell(on.Refused(key, reason))

    def wait(self, seconds: float) -> list[Any]:
        """Nothing happens."""
        self.now += seconds
        return self.tell(on.Tick())

    def exit(self, key: int, status: int = 0, report: Report = CLEAN) -> list[Any]:
        """A job process ends, and all hear of it."""
        parent = self.jobs[key].parent
        self.end(key, status, report)
        return self.hear(parent)

    def end(self, key: int, status: int = 0, report: Report = CLEAN) -> None:
        """A job process ends, and its relief starts."""
        process = self.jobs.pop(key)
        self.doomed.discard(key)
        self.ends[process.parent] += 1
        self.unheard[process.parent].append(on.Exited(key, status, USAGE, report))
        relief = self.reliefs.pop((process.parent, self.ends[process.parent]), None)
        if relief is not None:
            self._start(relief)

    def hear(self, number: int) -> list[Any]:
        """What a data process has said until now."""
        said: list[Any] = []
        while self.unheard[number]:
            said += self.tell(self.unheard[number].popleft())
        return said

    def prepare(self, key: int) -> list[Any]:
        """A successor's work succeeds."""
        process = self.jobs.pop(key)
        self.prepared[process.successor] = process
        self.data_processes[process.successor] = process.parent
        self.resident[process.successor] = set(self.resident[process.parent])
        self.tasks[process.successor] = set(self.tasks[process.parent])
        if key < 0:
            self.resident[process.successor].add(process.job)
        return self.tell(on.Prepared(key, USAGE, self.data_bytes, MADE if key > 0 else NOTHING))

    def fail(self, key: int, status: int = FAILED, report: Report = LOAD_RAISED) -> list[Any]:
        """A successor's work fails."""
        process = self.jobs.pop(key)
        self.doomed.discard(key)
        return self.tell(on.DataProcessDied(process.successor, status, USAGE, report))

    def kill(self, number: int) -> list[Any]:
        """A data process dies, with all that it forked and that has not taken over."""
        said = self.hear(number)
        del self.data_processes[number]
        self.reliefs = {place: process for place, process in self.reliefs.items() if process.parent != number}
        for key in [k for k, p in self.jobs.items() if p.parent == number]:
            del self.jobs[key]
        heirs = [n for n, parent in self.data_processes.items() if parent == number and n not in self.taken_over]
        said += self.tell(on.DataProcessDied(number, KILLED, USAGE, NOTHING))
        for heir in heirs:
            if heir in self.data_processes:
                said += self.kill(heir)
        return said

    def confirm(self) -> list[Any]:
        """The oldest successor that was told to take over says that it did."""
        number = self.unconfirmed.pop(0)
        if number not in self.data_processes:
            return []
        self.taken_over.add(number)
        return self.tell(on.TookOver(number))

    def swept(self) -> list[Any]:
        """All remains are gone."""
        keys, self.to_sweep = self.to_sweep, []
        return self.tell(on.Swept(tuple((key, DIED if key > 0 else NOTHING) for key in keys), ()))

    # ----------------------------------------------------------------------------------------------- what is performed

    def _perform(self, instructions: list[do.Instruction]) -> None:
        for i in instructions:
            self.done.append(i)
            match i:
                case do.Send(message):
                    self.said.append(message)
                case do.ForkPristine(number):
                    self.data_processes[number] = 0
                    self.resident[number], self.tasks[number] = set(), set()
                case do.StartJob(process, key, job, cores, slot, _, after):
                    assert process not in self.retired
                    one = Process(key, job, process, 0, cores, slot)
                    if after > self.ends[process]:
                        assert (process, after) not in self.reliefs
                        self.reliefs[process, after] = one
                    else:
                        self._start(one)
                case do.TakeBack(process):
                    self._take_back(process)
                case do.StartSuccessor(process, successor, key, job, cores, slot, _):
                    assert process not in self.retired
                    self._start(Process(key, job, process, successor, cores, slot))
                case do.DefineTasks(process, jobs, _):
                    self.tasks[process].update(jobs)
                case do.TakeOver(process):
                    self.unconfirmed.append(process)
                case do.Retire(process):
                    assert process in self.data_processes
                    self.retired.add(process)
                case do.UnloadData(process, job):
                    if process in self.data_processes:
                        self.resident[process].discard(job)
                case do.Kill(key):
                    self.doomed.add(key)
                case do.KillDataProcess(process):
                    self.deaths.append(process)
                case do.Sweep(places):
                    self.to_sweep += [key for key, _ in places]
                case do.Leave():
                    self.left = True
                case _:
                    assert isinstance(i, do.RemoveOutputs | do.KeepLogs | do.ForgetHelpers)

    def _take_back(self, number: int) -> None:
        keys = tuple(process.key for process in self.reliefs.values() if process.parent == number)
        self.reliefs = {place: process for place, process in self.reliefs.items() if process.parent != number}
        self.doomed.difference_update(keys)
        self.unheard[number].append(on.TakenBack(keys))

    def _start(self, process: Process) -> None:
        assert process.parent in self.data_processes, "told to a dead process"
        busy = [p for p in self.jobs.values() if p.successor]
        assert not (busy and process.successor), "two successors at once"
        self.jobs[process.key] = process

    # ------------------------------------------------------------------------------------------------------ the oracle

    def fates(self) -> dict[int, int]:
        """How many Finished (different ones) and Retracted each attempt got."""
        counts: dict[int, int] = {}
        seen: set[int] = set()
        for message in self.said:
            if isinstance(message, Finished) and message.attempt not in seen:
                seen.add(message.attempt)
                counts[message.attempt] = counts.get(message.attempt, 0) + 1
            elif isinstance(message, Retracted):
                for attempt in message.attempts:
                    counts[attempt] = counts.get(attempt, 0) + 1
        return counts

    def settle(self) -> None:
        """Let everything end well, until nothing can happen any more."""
        for _ in range(10_000):
            if not self.step_well():
                return
        raise AssertionError("the machine never comes to rest")

    def step_well(self) -> bool:
        """One thing happens that has to happen sooner or later; False when there is none."""
        if waiting := [number for number, events in self.unheard.items() if events]:
            self.hear(waiting[0])
        elif self.to_sweep:
            self.swept()
        elif self.deaths:
            number = self.deaths.pop()
            if number in self.data_processes:
                self.kill(number)
        elif self.unconfirmed:
            self.confirm()
        elif self.jobs:
            key = next(iter(self.jobs))
            process = self.jobs[key]
            if key in self.doomed:
                self.fail(key, KILLED, NOTHING) if process.successor else self.exit(key, KILLED, DIED)
            else:
                self.prepare(key) if process.successor else self.exit(key)
        elif self.core.waiting.queued and self.core.shortage.until is not None:
            self.wait(0.0)
        elif self.core.offered and self.core.successor is not None:
            self.tell(Define(self.core.successor.key, (1000 + self.core.successor.key,), b""))  # type: ignore[arg-type]
        elif gone := [n for n in self.retired if n in self.data_processes]:
            self.kill(gone[0])
        else:
            return False
        return True


def kinds(messages: list[Any]) -> list[str]:
    """Names of what was said."""
    return [type(message).__name__ for message in messages]
