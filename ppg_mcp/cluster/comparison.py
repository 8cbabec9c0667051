"""Is another machine like ours, as far as it matters? Facts of both in words."""

from __future__ import annotations

from collections.abc import Sequence

from ppg_protocol.messages import Ready
from ppg_protocol.records import Distribution

SKEW_S = 5.0
SHOWN = 5


def misfit(us: Ready, them: Ready) -> str | None:
    """Why they can't work for us; None when they can."""
    for what, ours, theirs, advice in (
        ("Python", _minor(us), _minor(them), "the same Python major.minor"),
        ("pypipegraph", us.engine_version, them.engine_version, "the same pypipegraph"),
        ("cloudpickle", us.cloudpickle_version, them.cloudpickle_version, "the same cloudpickle"),
    ):
        if ours != theirs:
            return (
                f"{what} is {theirs} on {them.host} ({them.python}) and {ours} on {us.host} ({us.python}). Install "
                f"{advice} on both, at best in one environment on a shared file system."
            )
    return None


def _minor(ready: Ready) -> str:
    return ".".join(ready.python_version.split(".")[:2])


def skew(here: str, them: Ready, wall_ns: int) -> str | None:
    """A warning when their clock differs. Nothing here depends on it, but tools that compare times of files do."""
    ahead_s = (them.time_ns - wall_ns) / 1e9
    if abs(ahead_s) < SKEW_S:
        return None
    words = "ahead of" if ahead_s > 0 else "behind"
    return f"the clock of {them.host} is {abs(ahead_s):.0f} s {words} that of {here}; set them by NTP"


def differences(ours: Sequence[Distribution], them: Ready) -> str | None:
    """A warning when installed distributions differ."""
    versions = {one.name: one.version for one in ours}
    theirs = {one.name: one.version for one in them.distributions}
    differing = [
        f"{name} {theirs.get(name, 'is missing')} (here {version})"
        for name, version in sorted(versions.items())
        if theirs.get(name) != version
    ]
    if not differing or not theirs:
        return None
    more = f" and {len(differing) - SHOWN} more" if len(differing) > SHOWN else ""
    return f"{them.host} has other packages than this machine: {', '.join(differing[:SHOWN])}{more}"
