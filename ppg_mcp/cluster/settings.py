"""Whether a run uses a cluster, and how: arguments of `new_pipegraph`, else the environment, else the options file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ppg_protocol.errors import JobContractError

TABLE = "pipegraph"
"""Of the options file, see `ppg_protocol.options`."""


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """`coordinator`: tcp://HOST:PORT. `keys`: the key directory. `address`: tcp://ADDRESS:PORT, where supervisors find
    this process; PORT may be * or LOW-HIGH; empty: the address by which it reaches the coordinator, any port.
    `heartbeat_s`, `lease_s`: how often both sides speak, and how long a supervisor works on without hearing us."""

    coordinator: str
    keys: Path
    address: str
    heartbeat_s: float
    lease_s: float


def cluster_settings(
    coordinator: str | None, keys: str | Path | None, environment: Mapping[str, str] = os.environ
) -> ClusterSettings | None:
    """The settings, None for a run on this machine alone. Raises JobContractError for half of them, or nonsense."""
    given = (coordinator, keys, environment.get("PPG_COORDINATOR"), environment.get("PPG_CONFIG"))
    if not any(given) and not os.path.exists(os.path.expanduser("~/.config/pypipegraph.toml")):
        return None  # most runs: nothing is imported for them
    values = _read({"coordinator": coordinator, "keys": keys}, environment)
    if not values["coordinator"]:
        if keys is not None:
            raise JobContractError("keys were given, but no coordinator: give both, or set PPG_COORDINATOR.")
        return None
    if not values["keys"]:
        raise JobContractError(
            f"The coordinator {values['coordinator']} wants to know who you are: give the directory of your keys, by "
            "new_pipegraph(keys=…) or PPG_KEYS. `ppg-coordinator keys DIR` makes one."
        )
    heartbeat_s, lease_s = values["heartbeat"], values["lease"]
    if 2 * heartbeat_s >= lease_s:
        raise JobContractError(f"The lease ({lease_s:g} s) must be longer than two heartbeats ({heartbeat_s:g} s).")
    return ClusterSettings(values["coordinator"], values["keys"], values["address"] or "", heartbeat_s, lease_s)


def _read(given: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    from ppg_protocol.options import Option, OptionError, read_settings
    from ppg_protocol.quantities import positive_seconds

    options = [
        Option("--coordinator", "PPG_COORDINATOR", _endpoint, None, "tcp://HOST:PORT", "the coordinator"),
        Option("--keys", "PPG_KEYS", lambda text: Path(text).expanduser().absolute(), None, "DIR", "your keys"),
        Option("--address", "PPG_ADDRESS", str, None, "tcp://ADDRESS:PORT", "where supervisors find the script"),
        Option("--heartbeat", "PPG_HEARTBEAT", positive_seconds, "2", "SECONDS", "between signs of life"),
        Option("--lease", "PPG_LEASE", positive_seconds, "60", "SECONDS", "of working on without them"),
    ]
    try:
        return read_settings({**dict.fromkeys(o.name for o in options), **given}, TABLE, options, environment)
    except OptionError as error:
        raise JobContractError(f"The cluster can't be used: {error}.") from None


def _endpoint(text: str) -> str:
    from ppg_protocol.endpoints import parse_endpoint
    from ppg_protocol.errors import LocalProtocolError

    try:
        if parse_endpoint(text, serving=False) is None:
            raise ValueError("write tcp://HOST:PORT")
    except LocalProtocolError as error:
        raise ValueError(str(error)) from None
    return text
