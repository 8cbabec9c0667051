"""Tell the planner a story in ids and words: events in, instructions out, books checked after each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ppg_mcp.planner import Failed, Files, Former, Instruction, Kind, Node, Planner, Prune, Reason, Succeeded

from .sanity import sanity_check

Job = tuple[Node, tuple[str, ...]]
"""A node whose inputs are named."""


def invariant(job_id: str, value: str = "value") -> Job:
    return Node(job_id, Kind.INVARIANT, value=value.encode()), ()


def left_out(job_id: str) -> Job:
    return Node(job_id, Kind.INVARIANT, left_out=True), ()


def output(job_id: str, *inputs: str, **more: Any) -> Job:
    return Node(job_id, Kind.OUTPUT, **{"files": Files.MISSING, **more}), inputs


def temporary(job_id: str, *inputs: str, **more: Any) -> Job:
    return Node(job_id, Kind.TEMPORARY, **{"files": Files.MISSING, **more}), inputs


def cached(job_id: str, *inputs: str, **more: Any) -> Job:
    return Node(job_id, Kind.CACHED, **{"files": Files.MISSING, **more}), inputs


def loading(job_id: str, *inputs: str) -> Job:
    return Node(job_id, Kind.LOADING), inputs


def generating(job_id: str, *inputs: str) -> Job:
    return Node(job_id, Kind.GENERATING), inputs


def injecting(job_id: str, *inputs: str) -> Job:
    return Node(job_id, Kind.INJECTING), inputs


def final(job_id: str, *inputs: str) -> Job:
    return Node(job_id, Kind.FINAL), inputs


class Story:
    """One run. Outputs come out with the content `JOB's content` unless the story says otherwise."""

    def __init__(self, run: int = 1) -> None:
        self.run = run
        self.planner = Planner()
        self.jobs: dict[str, Job] = {}
        self.index: dict[str, int] = {}
        self.ids: list[str] = []
        self.records: dict[str, Former] = {}

    def plan(self, *jobs: Job, edges: Iterable[tuple[str, str]] = ()) -> list[str]:
        """Jobs, then edges (dependant, prerequisite)."""
        nodes = []
        for node, inputs in jobs:
            self.jobs[node.job_id] = node, inputs
            self.index[node.job_id] = len(self.ids)
            self.ids.append(node.job_id)
            masked = {"masked": self.index[inputs[node.masked]]} if node.masked >= 0 else {}
            nodes.append(node._replace(inputs=tuple(self.index[p] for p in inputs), **masked))
        return self.told(self.planner.extend(nodes, [(self.index[d], self.index[p]) for d, p in edges]))

    def ends(self, job_id: str, content: str = "") -> list[str]:
        build_id = f"{job_id} of run {self.run}".encode()
        event = Succeeded(self.index[job_id], build_id, (content or f"{job_id}'s content").encode())
        strict, by_content = self.planner.digests(event.job)
        self.records[job_id] = Former(build_id, strict, by_content, files_content=event.content)
        return self.told(self.planner.handle(event))

    def fails(self, job_id: str) -> list[str]:
        return self.told(self.planner.handle(Failed(self.index[job_id])))

    def to_the_end(self, instructions: list[str]) -> list[str]:
        """End every job that is started, in order; returns all instructions."""
        told = list(instructions)
        for line in told:
            if line.startswith("start "):
                told += self.ends(line.removeprefix("start "))
        assert self.planner.is_over
        return told

    def again(self, *changed: Job) -> tuple[Story, list[str]]:
        """The next run: records and files are there (but temporary ones), and `changed` replaces jobs."""
        story = Story(self.run + 1)
        story.records = dict(self.records)
        instead = {node.job_id: (node, inputs) for node, inputs in changed}
        jobs = []
        for job_id, (node, inputs) in self.jobs.items():
            files = Files.MISSING if node.kind == Kind.TEMPORARY else Files.FINE
            node, inputs = instead.get(job_id, (node._replace(files=files, former=None), inputs))
            jobs.append((node._replace(former=node.former or self.records.get(job_id)), inputs))
        return story, story.plan(*jobs)

    def why(self, job_id: str) -> Reason:
        return Reason(self.planner.reason[self.index[job_id]])

    def because_of(self, job_id: str) -> str:
        return self.ids[self.planner.cause[self.index[job_id]]]

    def loads_of(self, job_id: str) -> list[str]:
        return [self.ids[load] for load in self.planner.loads_of(self.index[job_id])]

    def told(self, instructions: list[Instruction]) -> list[str]:
        sanity_check(self.planner)
        return [self.words(instruction) for instruction in instructions]

    def words(self, instruction: Instruction) -> str:
        words = f"{type(instruction).__name__.lower()} {self.ids[instruction.job]}"
        if isinstance(instruction, Prune):
            words += f" because of {self.ids[instruction.cause]}"
        return words


def starts(told: list[str]) -> list[str]:
    """The jobs that were started."""
    return [line.removeprefix("start ") for line in told if line.startswith("start ")]
