"""What earlier runs did, kept between runs: `StatusStore`, its records, its errors.

Imported by `run()` only, so that `import pypipegraph` does without sqlite3. `copy`, for who asks without a run, is
imported by itself.
"""

from __future__ import annotations

from ppg_mcp.store.errors import StatusStoreError, StoreInUseError
from ppg_mcp.store.forgetting import remove_store
from ppg_mcp.store.history import Execution, InputChange
from ppg_mcp.store.host_facts import HostFacts
from ppg_mcp.store.packed_files import FILE_BYTES, first_file, pack_files, unpack_files
from ppg_mcp.store.record import FILES_AT, Input, Record
from ppg_mcp.store.status_store import StatusStore

__all__ = [
    "FILES_AT",
    "FILE_BYTES",
    "Execution",
    "HostFacts",
    "Input",
    "InputChange",
    "Record",
    "StatusStore",
    "StatusStoreError",
    "StoreInUseError",
    "first_file",
    "pack_files",
    "remove_store",
    "unpack_files",
]
