"""What earlier runs did, kept between runs: `StatusStore`, its records, its errors.

Imported by `run()` only, so that `import pypipegraph` does without sqlite3.
"""

from __future__ import annotations

from ppg_mcp.store.copy import StoreCopy, read_copy
from ppg_mcp.store.errors import StatusStoreError, StoreInUseError
from ppg_mcp.store.forgetting import remove_store
from ppg_mcp.store.history import Execution, InputChange
from ppg_mcp.store.host_facts import HostFacts
from ppg_mcp.store.packed_files import first_file, pack_files, sizes_and_mtimes, unpack_files
from ppg_mcp.store.record import Input, Record
from ppg_mcp.store.status_store import StatusStore

__all__ = [
    "Execution",
    "HostFacts",
    "Input",
    "InputChange",
    "Record",
    "StatusStore",
    "StatusStoreError",
    "StoreCopy",
    "StoreInUseError",
    "first_file",
    "pack_files",
    "read_copy",
    "remove_store",
    "sizes_and_mtimes",
    "unpack_files",
]
