"""Random small graphs of all kinds of jobs, and random parameters for them. Plain data: nothing here knows an engine.

A graph is a tuple of `Spec`s in topological order. Parameters say what its jobs are to write, and how many jobs the
generating ones make; jobs that are made are Specs, too (`expanded`).
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace

FILES = ("output", "temporary", "cached")
WRITES = ("output", "multi", "temporary", "plus")
MADE_MAX = 3
VALUES = 3
GRANDCHILDREN = ("", "", "exec", "fork")
FAILURES = ("raise", "exit", "signal")

Parameters = Mapping[str, int]


@dataclass(frozen=True)
class Spec:
    """A job. `inputs`: names of jobs whose files or data it reads. `injector`: of an output, the injector that may add
    to its inputs. `grandchild`: what the job leaves running: nothing, an exec'ed program, a fork without exec, or one
    that only sleeps. `masked`: it ignores code changes and has no parameter, so nothing but its record keeps its files
    from adoption."""

    name: str
    kind: str
    inputs: tuple[str, ...] = ()
    injector: str = ""
    grandchild: str = ""
    pause_ms: int = 0
    masked: bool = False
    cores: int = 1
    memory_bytes: int = -1

    @property
    def paths(self) -> tuple[str, ...]:
        """Its files."""
        if self.kind == "multi":
            return (f"{self.name}.1", f"{self.name}.2")
        if self.kind == "plus":
            return (self.name, f"{self.name}.log")
        return (self.name,) if self.kind in FILES else ()

    @property
    def read(self) -> tuple[str, ...]:
        """Those of its files that dependants read."""
        return self.paths[:1] if self.kind == "plus" else self.paths

    @property
    def kept(self) -> tuple[str, ...]:
        """Those of its files that must exist after a run."""
        return {"output": self.paths, "multi": self.paths, "plus": self.paths[1:]}.get(self.kind, ())

    @property
    def job_id(self) -> str:
        """What the engine calls it."""
        return ":".join(self.read) or self.name


Graph = tuple[Spec, ...]


def draw_graph(chance: random.Random, least: int = 4, most: int = 12) -> Graph:
    """So many jobs, mostly outputs."""
    kinds = chance.choices(
        ("output", "multi", "temporary", "plus", "cached", "load", "generator", "injector"),
        (6, 2, 3, 1, 2, 2, 1, 1),
        k=chance.randint(least, most),
    )
    specs: list[Spec] = []
    for number, kind in enumerate(kinds):
        sources = [s.name for s in specs if s.kind in (*WRITES, "cached", "load")]
        if kind in ("generator", "injector"):
            sources = [s.name for s in specs if s.kind in ("output", "multi")]
        inputs = tuple(chance.sample(sources, min(len(sources), chance.choice((0, 1, 1, 2, 3)))))
        injectors = [s.name for s in specs if s.kind == "injector"]
        injector = chance.choice(injectors) if injectors and kind == "output" and chance.random() < 0.5 else ""
        grandchild = chance.choice(GRANDCHILDREN) if kind in WRITES else ""
        masked = kind in WRITES and chance.random() < 0.2
        specs.append(Spec(f"{kind}{number}", kind, inputs, injector, grandchild, chance.choice((0, 0, 2, 20)), masked))
    if chance.random() < 0.4:
        specs.append(Spec("final", "final"))
    return tuple(specs)


def draw_parameters(chance: random.Random, graph: Graph) -> Parameters:
    """A value for each job that has one."""
    return {spec.name: chance.randrange(VALUES) for spec in graph if not spec.masked}


def flipped(chance: random.Random, parameters: Parameters) -> Parameters:
    """Other values for some."""
    return {n: chance.randrange(VALUES) if chance.random() < 0.3 else v for n, v in parameters.items()}


def draw_failures(chance: random.Random, graph: Graph) -> Mapping[str, str]:
    """Which jobs shall fail, and how."""
    if chance.random() < 0.7:
        return {}
    names = [spec.name for spec in graph if spec.kind in (*WRITES, "load")]
    return {name: chance.choice(FAILURES) for name in chance.sample(names, min(1, len(names)))}


def made_by(spec: Spec, parameters: Parameters) -> Graph:
    """The jobs that a generating job makes: outputs that read what it reads."""
    if spec.kind not in ("generator", "injector"):
        return ()
    names = [f"{spec.name}.made{number}" for number in range(parameters[spec.name] % MADE_MAX + 1)]
    return tuple(Spec(name, "output", spec.inputs, pause_ms=spec.pause_ms) for name in names)


def expanded(graph: Graph, parameters: Parameters) -> dict[str, Spec]:
    """All jobs by name, with those that are made, with the inputs that are injected."""
    made = {spec.name: made_by(spec, parameters) for spec in graph}
    jobs: dict[str, Spec] = {}
    for spec in graph:
        injected = tuple(other.name for other in made.get(spec.injector, ()))
        jobs.update({other.name: other for other in made[spec.name]})
        jobs[spec.name] = replace(spec, inputs=spec.inputs + injected)
    return jobs
