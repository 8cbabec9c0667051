"""What the status store promises after each run, and what follows for the next one. The model knows jobs by name.

A *build* is a record of the store, known by its build id. When one is seen for the first time, the run that made it is
over and its parameters are known: so are the readings of all inputs and the contents of the files. As long as the
record stands, the files have these contents, and while the readings are the same, the job must not run.
"""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ppg_mcp.store import Record, StatusStore, unpack_files

from .contents import Contents
from .drawn import WRITES, Parameters, Spec

STORE = ".pypipegraph_status_robust"
RECORDED = (*WRITES, "cached")


def records(project: Path, side: Path) -> dict[str, Record]:
    """What the store holds, read from a copy."""
    if not (project / STORE).exists():
        return {}
    copy = side / "copy"
    copy.mkdir()
    for path in project.glob(f"{STORE}*"):
        if not path.name.endswith(".holder"):
            shutil.copy2(path, copy / path.name)
    store = StatusStore.open(copy / STORE)
    try:
        return store.load()
    finally:
        store.close(clean=False)
        shutil.rmtree(copy)


@dataclass(frozen=True)
class Build:
    """A record, with what the model knows of it."""

    build_id: bytes
    readings: Any
    contents: Mapping[str, str]


class Ledger:
    """Builds by job id, over the runs of one project."""

    def __init__(self, project: Path, by_content: bool) -> None:
        self._project = project
        self._by_content = by_content
        self._builds: dict[str, Build] = {}

    def update(self, found: Mapping[str, Record], jobs: Mapping[str, Spec], parameters: Parameters) -> list[str]:
        """After a run with these parameters. Returns the names of jobs whose builds are new."""
        contents = Contents(jobs, parameters)
        valid = {job_id: record for job_id, record in found.items() if not record.tombstone}
        self._builds = {j: b for j, b in self._builds.items() if j in valid and valid[j].build_id == b.build_id}
        new = []
        for name, spec in jobs.items():
            record = valid.get(spec.job_id)
            if record is not None and spec.job_id not in self._builds:
                self._builds[spec.job_id] = Build(record.build_id, None, contents.files(name))
                new.append(name)
        reading = _Readings(self, jobs, parameters, frozenset(jobs))
        for name in new:
            build = self._builds[jobs[name].job_id]
            self._builds[jobs[name].job_id] = Build(build.build_id, reading.inputs(name), build.contents)
        return new

    def check_files(self, jobs: Mapping[str, Spec]) -> None:
        """The files of every build are as they were written."""
        on_demand = {path for spec in jobs.values() for path in spec.paths if path not in spec.kept}
        for build in self._builds.values():
            for path, expected in build.contents.items():
                file = self._project / path
                if path in on_demand and not file.exists():
                    continue
                assert file.exists(), f"{path} is gone, and its record stands"
                found = pickle.loads(file.read_bytes()) if path.startswith("cached") else file.read_text()
                assert found == expected, f"{path} is recorded, but not what was made: {found!r}"

    def must_not_run(self, jobs: Mapping[str, Spec], parameters: Parameters, found: Mapping[str, Record]) -> set[str]:
        """Names of the jobs that have a record with equal inputs, and their files."""
        readings = _Readings(self, jobs, parameters, frozenset())
        return {n for n in jobs if readings.is_current(n) and self._stands(jobs[n], found[jobs[n].job_id])}

    def build(self, spec: Spec) -> Build | None:
        """The standing build of a job."""
        return self._builds.get(spec.job_id)

    def _stands(self, spec: Spec, record: Record) -> bool:
        for path, then in zip(spec.paths, unpack_files(record.files), strict=True):
            try:
                now = (self._project / path).stat()
            except FileNotFoundError:
                return False
            if (now.st_size, now.st_mtime_ns) != (then.size_bytes, then.mtime_ns):
                return False
        return True

    @property
    def by_content(self) -> bool:
        """Is what is compared the content of outputs (early cutoff), or their builds?"""
        return self._by_content


class _Readings:
    """Fingerprints of all jobs in the model's terms, at one moment. `built`: jobs whose standing builds are current."""

    def __init__(self, ledger: Ledger, jobs: Mapping[str, Spec], parameters: Parameters, built: frozenset[str]) -> None:
        self._ledger = ledger
        self._jobs = jobs
        self._parameters = parameters
        self._built = built
        self._contents = Contents(jobs, parameters)
        self._known: dict[str, Any] = {}

    def inputs(self, name: str) -> Any:
        """Of all that a job depends on."""
        spec = self._jobs[name]
        sources = dict.fromkeys((*spec.inputs, spec.injector) if spec.injector else spec.inputs)
        value = self._parameters.get(name)
        return value, tuple(sorted((source, self.of(source)) for source in sources))

    def of(self, name: str) -> Any:
        """What a dependant of this job records. What will be made anew is like nothing before."""
        if name not in self._known:
            self._known[name] = self._reading(self._jobs[name])
        return self._known[name]

    def _reading(self, spec: Spec) -> Any:
        if spec.kind not in ("output", "multi"):
            return repr(self.inputs(spec.name))
        if self._ledger.by_content:
            return repr(self._contents.of(spec.name))
        build = self._ledger.build(spec)
        assert build is not None or spec.name not in self._built, f"a record rests on {spec.name}, which has none"
        if build is not None and (spec.name in self._built or self.is_current(spec.name)):
            return build.build_id.hex()
        return f"new {id(self)} {spec.name}"

    def is_current(self, name: str) -> bool:
        """Does it have a record with inputs like now?"""
        spec = self._jobs[name]
        build = self._ledger.build(spec)
        return spec.kind in RECORDED and build is not None and build.readings == self.inputs(name)
