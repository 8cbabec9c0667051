"""Files that the engine itself writes in a project, which no job may write.

A job that had one of them for its output would unlink it in mid-run: what was recorded would be gone, or the log would
be taken for a result, and be edited "by hand" in every run.

Not among them are those whose names hold random digits or a process: nobody hits these by mistake.
"""

from __future__ import annotations

from pathlib import Path

_STORE_SUFFIXES = ("", "-wal", "-shm", "-journal", ".holder", ".holder.new")
_LOGS = ("ppg_errors.txt", "ppg_errors.txt.1", "ppg_graph.txt")
_RUN_LOG = "ppg_run.txt"

_KEEPS_STATUS = "keeps its status. Let it write another file, or give new_pipegraph another invariant_status_filename."
_WRITES_LOGS = "writes its logs. Let it write another file."
_WRITES_LOG = "writes its log. Let it write another file, or give new_pipegraph another log_file."


def own_files(directory: Path, status_file: Path, log_file: str | None) -> dict[Path, str]:
    """Absolute paths, and what the pipegraph does there and who else could give way, after "where this pipegraph …"."""
    logs = directory / "logs"
    return {
        **{logs / name: _WRITES_LOGS for name in _LOGS},
        Path(log_file or logs / _RUN_LOG): _WRITES_LOG,
        **{status_file.with_name(status_file.name + suffix): _KEEPS_STATUS for suffix in _STORE_SUFFIXES},
    }
