"""ppg-slave: makes this machine one of a cluster, for the user who starts it.

    ppg-slave --coordinator tcp://head:7700 --keys ~/.ppg

It stays in the foreground and logs to standard error. One per machine and user: who wants to compute here starts one.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from ppg_cs import machine
from ppg_cs.slave.daemon import Daemon
from ppg_cs.slave.engine import engine_version
from ppg_cs.slave.settings import SlaveSettings
from ppg_protocol.errors import PyPipeGraphError
from ppg_protocol.keys import KeyDirectory
from ppg_protocol.options import Option, OptionError, add_options, read_settings
from ppg_protocol.quantities import parse_count, parse_seconds, parse_size, positive_seconds

PROGRAM = "ppg-slave"
UNUSABLE = 2
LEVELS = ("debug", "info", "warning", "error")
EPILOG = """
exit codes:
  0  left after a signal, when all jobs had ended
  1  a failure that should not be; the log has it
  2  the command line, the configuration file or the keys can't be used
  3  the coordinator refused this ppg-slave; the log says why
  4  left after a signal, and jobs were killed for it

signals:
  SIGTERM, SIGINT   drain: start nothing new, let jobs end for up to --drain-timeout, then kill them; leave
  a second one      kill all jobs and leave, at once

Each option comes from the command line, else the environment variable that is named with it, else the table
[ppg-slave] of the configuration file, else the default.
"""


def _endpoint(text: str) -> str:
    scheme, _, rest = text.partition("://")
    if scheme not in ("tcp", "ipc") or not rest or (scheme == "tcp" and not rest.rpartition(":")[2].isdigit()):
        raise ValueError("write it as tcp://HOST:PORT")
    return text


def _level(text: str) -> str:
    if text.lower() not in LEVELS:
        raise ValueError(f"choose one of {', '.join(LEVELS)}")
    return text.upper()


def _name(text: str) -> str:
    if not 0 < len(text) <= 200 or not text.isprintable():
        raise ValueError("write at most 200 printable characters")
    return text


OPTIONS = (
    Option("--coordinator", "PPG_COORDINATOR", _endpoint, None, "ADDRESS", "where it is, tcp://HOST:PORT", True),
    Option(
        "--keys", "PPG_KEYS", str, None, "DIR", "your key directory, see `ppg-coordinator keys`", fallback="required"
    ),
    Option("--cores", "PPG_SLAVE_CORES", parse_count, None, "N", "cores to offer; none: all that may be used here"),
    Option("--memory", "PPG_SLAVE_MEMORY", parse_size, None, "SIZE", "memory to offer, as 64G; none: all there is"),
    Option(
        "--machine-id",
        "PPG_MACHINE_ID",
        _name,
        None,
        "ID",
        "daemons with one id share one machine; none: boot id and container",
    ),
    Option("--drain-timeout", "PPG_DRAIN_TIMEOUT", parse_seconds, "600", "SECONDS", "how long jobs may take to end"),
    Option("--heartbeat", "PPG_HEARTBEAT", positive_seconds, "2", "SECONDS", "how often to speak on every link"),
    Option(
        "--lease", "PPG_LEASE", positive_seconds, "60", "SECONDS", "how long jobs go on without a word of their master"
    ),
    Option(
        "--await-files",
        "PPG_AWAIT_FILES",
        positive_seconds,
        "60",
        "SECONDS",
        "how long jobs wait until files of other machines look here as they were made",
    ),
    Option("--log-level", "PPG_LOG_LEVEL", _level, "info", "LEVEL", f"the least to log: {', '.join(LEVELS)}"),
)


def main() -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:], os.environ))


def run(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Be the daemon; returns the exit code."""
    options = read_arguments(arguments)
    try:
        values = read_settings(options, PROGRAM, OPTIONS, environment)
        settings = slave_settings(values)
    except PyPipeGraphError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return UNUSABLE
    logging.basicConfig(
        level=values["log-level"], stream=sys.stderr, format="%(asctime)s %(name)s %(levelname)s %(message)s"
    )
    try:
        return Daemon(settings).serve()
    except PyPipeGraphError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return UNUSABLE


def read_arguments(arguments: Sequence[str]) -> dict[str, Any]:
    """The command line as it is; shows help, or leaves with code 2."""
    parser = argparse.ArgumentParser(
        PROGRAM,
        description="Make this machine one of a cluster, for your pipegraphs. Stays in the foreground.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_options(parser, OPTIONS)
    return vars(parser.parse_args(arguments))


def slave_settings(values: Mapping[str, Any]) -> SlaveSettings:
    """From the options' values. Raises OptionError and KeysError."""
    coordinator, heartbeat_s, lease_s = values["coordinator"], values["heartbeat"], values["lease"]
    if lease_s <= 2 * heartbeat_s:
        raise OptionError(f"--lease ({lease_s:g} s) must be longer than two of --heartbeat ({heartbeat_s:g} s)")
    keys = None
    if coordinator.startswith("tcp://"):
        if not values["keys"]:
            raise OptionError("--keys is needed: give your key directory, or set PPG_KEYS")
        keys = KeyDirectory.load(os.path.expanduser(values["keys"]))
    return SlaveSettings(
        coordinator=coordinator,
        machine_id=values["machine-id"] or machine.machine_id(),
        cores=values["cores"] or machine.cores(),
        memory_bytes=values["memory"] or machine.memory_bytes(),
        engine_version=engine_version(),
        heartbeat_s=heartbeat_s,
        lease_s=lease_s,
        drain_s=values["drain-timeout"],
        await_files_s=values["await-files"],
        user=keys.user if keys else None,
        coordinator_key=keys.coordinator_public if keys else b"",
    )


if __name__ == "__main__":
    main()
