"""Is another machine like ours, as far as it matters? Facts of both in words."""

from __future__ import annotations

from collections.abc import Sequence

from ppg_protocol.messages import Ready
from ppg_protocol.records import Distribution

SKEW_S = 5.0
SHOWN = 5


def misfit(us: Ready, them: Ready) -> str | None:
    """Why they can't work for us; None when they can."""
    for (what, ours, place), (_, theirs, their_place) in zip(_needed(us), _needed(them), strict=True):
        if ours != theirs:
            return (
                f"{what} is {theirs} on {them.host} ({their_place}) and {ours} on {us.host} ({place}). "
                f"Install the same {what} on both, at best in one environment on a shared file system."
            )
    return None


def _needed(ready: Ready) -> Sequence[tuple[str, str, str]]:
    """What must be the same, which version of it is there, and where."""
    return (
        ("Python", ".".join(ready.python_version.split(".")[:2]), ready.python),
        ("pypipegraph", ready.engine_version, ready.engine_path),
        ("cloudpickle", ready.cloudpickle_version, ready.cloudpickle_path),
    )


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
