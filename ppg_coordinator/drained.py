"""Which machines are drained, over a restart: a file in the key directory, one machine id a line."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path

FILE = "drained"

log = logging.getLogger("ppg-coordinator")


def read_drained(directory: Path) -> list[str]:
    """None if there is no such file, or it can't be read (which is logged)."""
    try:
        return [line for line in (directory / FILE).read_text("utf-8").splitlines() if line]
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        log.warning("can't read %s: %s; no machine counts as drained", directory / FILE, error)
        return []


def keep_drained(directory: Path, machines: Iterable[str]) -> None:
    """Whole or not at all; a full disk is logged."""
    draft = directory / f".{FILE}.{os.getpid()}"
    try:
        draft.write_text("".join(f"{machine}\n" for machine in machines), "utf-8")
        draft.replace(directory / FILE)
    except OSError as error:
        log.warning("can't write %s: %s; after a restart the machines are not drained", directory / FILE, error)
        draft.unlink(missing_ok=True)
