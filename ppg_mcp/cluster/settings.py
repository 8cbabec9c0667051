"""Whether a run uses a cluster, and how: arguments of `new_pipegraph`, else the environment, else the options file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ppg_protocol.errors import JobContractError

HEARTBEAT_S = 2.0
LEASE_S = 60.0
TABLE = "pipegraph"
"""Of the options file."""
_NAMES = ("coordinator", "keys", "address", "heartbeat", "lease")


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
    given = {"coordinator": coordinator, "keys": None if keys is None else str(keys)}
    found = {**_of_file(environment), **_of_environment(environment)}
    values = {**found, **{name: value for name, value in given.items() if value is not None}}
    if not values.get("coordinator"):
        if given["keys"] is not None:
            raise JobContractError("keys were given, but no coordinator: give both, or set PPG_COORDINATOR.")
        return None
    if not values["coordinator"].startswith("tcp://") or ":" not in values["coordinator"][6:]:
        raise JobContractError(f"The coordinator must be tcp://HOST:PORT, not {values['coordinator']!r}.")
    if not values.get("keys"):
        raise JobContractError(
            f"The coordinator {values['coordinator']} wants to know who you are: give the directory of your keys, by "
            "new_pipegraph(keys=…) or PPG_KEYS. `ppg-coordinator keys DIR` makes one."
        )
    heartbeat_s, lease_s = _seconds(values, "heartbeat", HEARTBEAT_S), _seconds(values, "lease", LEASE_S)
    if not 0 < 2 * heartbeat_s < lease_s:
        raise JobContractError(f"The lease ({lease_s:g} s) must be longer than two heartbeats ({heartbeat_s:g} s).")
    keys = Path(values["keys"]).expanduser().absolute()
    return ClusterSettings(values["coordinator"], keys, values.get("address", ""), heartbeat_s, lease_s)


def _of_environment(environment: Mapping[str, str]) -> dict[str, str]:
    found = {name: environment.get(f"PPG_{name.upper()}", "") for name in _NAMES}
    return {name: value for name, value in found.items() if value}


def _of_file(environment: Mapping[str, str]) -> dict[str, str]:
    named = environment.get("PPG_CONFIG", "")
    path = named or os.path.expanduser("~/.config/pypipegraph.toml")
    if not named and not os.path.exists(path):
        return {}
    import tomllib  # a few milliseconds that runs without such a file can spare

    try:
        with open(path, "rb") as file:
            table: dict[str, Any] = tomllib.load(file).get(TABLE, {})
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise JobContractError(f"The options file {path} can't be read: {error}.") from None
    unknown = sorted(set(table) - set(_NAMES))
    if unknown:
        raise JobContractError(f"{path}, [{TABLE}]: unknown {', '.join(unknown)}; there are {', '.join(_NAMES)}.")
    return {name: str(value) for name, value in table.items()}


def _seconds(values: Mapping[str, str], name: str, default: float) -> float:
    text = values.get(name, "")
    try:
        return float(text) if text else default
    except ValueError:
        raise JobContractError(f"{name} (PPG_{name.upper()}) must be seconds, not {text!r}.") from None
