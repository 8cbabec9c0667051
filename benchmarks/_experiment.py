"""What all experiments share: their command line, the peers that take part, a place to work, and the report.

    experiment = Experiment(__file__, __doc__, jobs=((1000, 10_000), (50,)), peers=("original",))

`in_memory`: works in /dev/shm where there is one, since a million files take minutes on disk.
The sizes are those of a full run and of `--quick`. `--quick` measures once and has no peers; its figures mean nothing,
it shows that the experiment still works.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from _environments import CACHE, ENGINES, installed, version
from _process import ProgramFailed, program, run
from _report import Report

MEMORY = Path("/dev/shm")  # a file system in memory


class Experiment:
    """`options` has `repeats`, `quick` and the sizes by name; `peers` maps names to directories of programs."""

    def __init__(
        self,
        file: str,
        doc: str | None,
        peers: Sequence[str] = (),
        repeats: int = 3,
        in_memory: bool = False,
        **sizes: tuple[Sequence[int], Sequence[int]],
    ) -> None:
        self.name = Path(file).stem
        self.options = _parse(doc or "", peers, repeats, MEMORY if in_memory and MEMORY.is_dir() else None, sizes)
        self.repeats: int = self.options.repeats
        self.peers = self._find(peers)
        versions = [version(peer, programs) for peer, programs in self.peers.items()]
        self.report = Report(self.name, versions, self.repeats, bounded=self._full(sizes))

    def _full(self, sizes: dict[str, tuple[Sequence[int], Sequence[int]]]) -> bool:
        """Are the sizes those that the bounds are for?"""
        return not self.options.quick and all(getattr(self.options, name) == list(sizes[name][0]) for name in sizes)

    def _find(self, peers: Sequence[str]) -> dict[str, Path]:
        found = {}
        for peer in peers if self.options.peers else ():
            programs = installed(peer, self.options.venvs)
            if programs is not None and self._works(peer, programs):
                found[peer] = programs
        return found

    def _works(self, peer: str, programs: Path) -> bool:
        """An engine that installs may still not run on this version of Python; then it is reported and left out."""
        if peer not in ENGINES:
            return True
        with self.directory() as scratch:
            command = program("independent", peer, 1, python=str(programs / "python"))
            try:
                run(command, scratch)
            except ProgramFailed as failure:
                print(f"{peer} is left out, it does not run: {failure}", file=sys.stderr)
                return False
        return True

    def python(self, peer: str) -> str:
        return str(self.peers[peer] / "python")

    @contextmanager
    def directory(self) -> Iterator[Path]:
        """An empty working directory, gone afterwards."""
        path = Path(tempfile.mkdtemp(prefix="ppg-bench-", dir=self.options.scratch))
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def finish(self) -> None:
        """Print, and write what `--write` asks for."""
        print(self.report.text(), flush=True)
        if self.options.write:
            self.report.write(self.options.write)


def emptied(directory: Path) -> Path:
    """The same directory with nothing in it."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory


def _parse(
    doc: str,
    peers: Sequence[str],
    repeats: int,
    scratch: Path | None,
    sizes: dict[str, tuple[Sequence[int], Sequence[int]]],
) -> argparse.Namespace:
    arguments = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--quick", action="store_true", help="small sizes, one repeat, no peers: does it work?")
    arguments.add_argument("--repeats", type=int, help=f"how often each is measured (default {repeats})")
    arguments.add_argument("--write", type=Path, metavar="FILE", help="renew the section of this experiment in FILE")
    where = scratch or "the temporary directory"
    arguments.add_argument(
        "--scratch", type=Path, default=scratch, metavar="DIR", help=f"where to work (default: {where})"
    )
    for name, (full, _) in sizes.items():
        arguments.add_argument(f"--{name}", type=int, nargs="+", help=f"default {' '.join(map(str, full))}")
    if peers:
        arguments.add_argument("--no-peers", dest="peers", action="store_false", help=f"without {', '.join(peers)}")
        arguments.add_argument("--venvs", type=Path, default=CACHE, metavar="DIR", help=f"peers' (default {CACHE})")
    options = arguments.parse_args()
    options.peers = bool(peers) and options.peers and not options.quick
    options.repeats = options.repeats or (1 if options.quick else repeats)
    for name, (full, quick) in sizes.items():
        setattr(options, name, getattr(options, name) or list(quick if options.quick else full))
    return options
