"""The holder file beside the store: who has it open, as JSON `{host, pid, boot_id, start_time, run_directory}`.

It decides nothing where SQLite's lock works; there it puts a name to the process one is refused for. On file systems
without locks it stands in for the lock. Rules:

1. A holder on this machine (same host name and boot id) whose process lives (same start time) holds the store.
2. Any other holder on this machine is dead: it is passed over in silence. Nothing is ever unlocked by hand.
3. Whether a holder on another machine lives can't be seen from here, so the lock alone decides, and if that was free
   the user is told.
4. A file that can't be read as a holder (cut short by a power failure) is as good as none.

Invariant: the file is replaced by rename, never written in place, so a reader sees one holder or the next. The name
that it is written under is always the same, so that what a crash leaves there is used up by the next holder. It is not
fsynced: after a power failure nobody in it lives, and the run directory is in the store as well.

Limit: without locks, two processes that start within the same millisecond both see no holder.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NamedTuple

from ppg_mcp.store.host_facts import HostFacts


class Holder(NamedTuple):
    """The process that has, or had, the store open. `start_time` in clock ticks since that machine's boot.

    `run_directory`: where it keeps sockets and markers of attempts, "" if it has none yet.
    """

    host: str
    pid: int
    boot_id: str
    start_time: int
    run_directory: str

    @staticmethod
    def of(facts: HostFacts, run_directory: str) -> Holder:
        """This process as a holder."""
        return Holder(facts.host, facts.pid, facts.boot_id, facts.start_time, run_directory)

    def is_on(self, facts: HostFacts) -> bool:
        """Whether it ran on this machine, in this boot or an earlier one."""
        return self.host == facts.host

    def is_me(self, facts: HostFacts) -> bool:
        """Whether it is the asking process itself."""
        return self._replace(run_directory="") == Holder.of(facts, "")

    def lives(self, facts: HostFacts) -> bool:
        """Whether it is seen to be running on this machine (rule 1). The asking process itself counts as well."""
        here = self.is_on(facts) and self.boot_id == facts.boot_id
        return here and facts.start_time_of(self.pid) == self.start_time

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def holder_path(store: Path) -> Path:
    """Where the holder file of a store is."""
    return store.with_name(store.name + ".holder")


def read_holder(store: Path) -> Holder | None:
    """The holder that the file names; None if there is no file, or none that can be understood (rule 4)."""
    try:
        fields = json.loads(holder_path(store).read_text(encoding="ascii"))
        holder = Holder(**fields)
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    texts = (holder.host, holder.boot_id, holder.run_directory)
    numbers = (holder.pid, holder.start_time)
    well_formed = all(isinstance(text, str) for text in texts) and all(isinstance(n, int) for n in numbers)
    return holder if well_formed else None


def write_holder(store: Path, holder: Holder) -> None:
    """Put the holder in place of whichever was there. Raises OSError."""
    path = holder_path(store)
    temporary = path.with_name(f"{path.name}.new")
    try:
        temporary.write_text(json.dumps(holder._asdict()) + "\n", encoding="ascii")
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def remove_holder(store: Path, facts: HostFacts) -> None:
    """Remove the file if it names this process. Raises OSError."""
    holder = read_holder(store)
    if holder is not None and holder.is_me(facts):
        holder_path(store).unlink(missing_ok=True)
