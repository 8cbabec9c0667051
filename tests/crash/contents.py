"""What every job writes or loads, as a pure function of the graph and its parameters: the oracle of the final files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b

from .drawn import Parameters, Spec


def text(name: str, path: str, value: int, inputs: Sequence[str]) -> str:
    """A file, or a value in memory (`path` is "" then), made from the texts of what the job reads."""
    digest = blake2b("\0".join((name, path, str(value), *inputs)).encode(), digest_size=12).hexdigest()
    return f"{name} {path} {value} {digest}\n" * 3


def value_of(name: str, parameters: Parameters) -> int:
    """The parameter of a job; one that was made has none of its own."""
    return parameters.get(name, 0)


class Contents:
    """Texts of all jobs under one set of parameters."""

    def __init__(self, jobs: Mapping[str, Spec], parameters: Parameters) -> None:
        self._jobs = jobs
        self._parameters = parameters
        self._known: dict[str, list[str]] = {}

    def of(self, name: str) -> list[str]:
        """One text for each file of the job, or one for its value in memory."""
        if name not in self._known:
            spec = self._jobs[name]
            inputs = [part for source in spec.inputs for part in self._read(source)]
            value = value_of(name, self._parameters)
            self._known[name] = [text(name, path, value, inputs) for path in spec.paths or ("",)]
        return self._known[name]

    def _read(self, name: str) -> list[str]:
        """What a dependant reads of it."""
        return self.of(name)[: len(self._jobs[name].read) or 1]

    def files(self, name: str) -> dict[str, str]:
        """The same by path."""
        paths = self._jobs[name].paths
        return dict(zip(paths, self.of(name), strict=True)) if paths else {}
