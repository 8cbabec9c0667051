"""The simulated files and real ones: what tells that a file is not the one that was reported."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ppg_mcp.run.origins import Origins
from ppg_protocol.records import FileStat

from .files import Files


class Simulated:
    """In memory."""

    def __init__(self) -> None:
        self.files = Files(lambda: 1_000_000_000)
        self.origins = Origins(self.files.is_as_told)
        self.path = "/made"

    def write(self) -> FileStat:
        """As a job does."""
        return self.files.write(self.path, b"same", ("session", 1))

    def remove(self) -> None:
        """Somebody does."""
        self.files.remove(self.path)


class Real:
    """On disk. All are written in the same moment, as far as their stamps tell."""

    def __init__(self, directory: Path) -> None:
        self.origins = Origins()
        self.path = str(directory / "made")

    def write(self) -> FileStat:
        """As a job does that writes beside and renames."""
        Path(self.path + ".new").write_bytes(b"same")
        os.utime(self.path + ".new", ns=(10**9, 10**9))
        os.replace(self.path + ".new", self.path)
        found = os.stat(self.path)
        return FileStat(found.st_size, found.st_mtime_ns, found.st_ino, b"")

    def remove(self) -> None:
        """Somebody does."""
        os.unlink(self.path)


@pytest.fixture(params=["simulated", "real"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Simulated | Real:
    """Either."""
    return Simulated() if request.param == "simulated" else Real(tmp_path)


def test_what_is_as_it_was_reported_counts_though_a_lost_machine_may_have_written_it(disk: Simulated | Real) -> None:
    stat = disk.write()
    disk.origins.contest(7, "lost")
    assert disk.origins.overwritten(7, [disk.path], [stat]) == ""


def test_another_file_of_the_same_content_size_and_stamp_is_another_file(disk: Simulated | Real) -> None:
    stat = disk.write()
    disk.write()
    assert disk.origins.overwritten(7, [disk.path], [stat]) == ""
    disk.origins.contest(7, "lost")
    assert disk.origins.overwritten(7, [disk.path], [stat]) == "lost"


def test_a_file_that_is_gone_is_not_as_it_was_reported(disk: Simulated | Real) -> None:
    stat = disk.write()
    disk.origins.contest(7, "lost")
    disk.remove()
    assert disk.origins.overwritten(7, [disk.path], [stat]) == "lost"
