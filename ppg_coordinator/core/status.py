"""`status`: all that the coordinator knows, as a document of plain values for JSON. Keys are never renamed.

    {"coordinator": {"grace_s": …, "up_s": …},
     "machines": [{"machine_id", "host", "cores", "cores_used", "memory_bytes", "memory_bytes_used", "drained",
                   "awaits", "daemons": [{"user", "host", "state", "since_s"}]}],
     "pipegraphs": [{"session", "user", "host", "project", "epoch", "state", "since_s",
                     "holds": [{"machine_id", "host", "cores", "memory_bytes"}],
                     "may_use": [like holds], "wants": [{"cores", "memory_bytes", "count"}], "excluded": {host: reason},
                     "waits": "why it has no more, or empty"}]}

`session` is empty for everybody but its user and the coordinator's owner: who knows it could claim it (ADR 0104).
`awaits`: so many daemons are alive there and have not registered; until then nobody gets more of the machine.
`holds` is what may be in use, at most; `may_use` is its share, which is less while it is to give something back.
`…_s` are seconds ago.
"""

from __future__ import annotations

from typing import Any

from ..events import Use
from ..words import listing
from .desk import Desk
from .members import Machine, Peer, Pipegraph

Document = dict[str, Any]


def document(desk: Desk, reader: Peer, now: float) -> Document:
    """See the module."""
    uses = desk.arbiter.uses()
    return {
        "coordinator": {
            "up_s": round(now - desk.began_at, 3),
            "grace_s": round(max(0.0, desk.arbiter.grace_until - now), 3),
        },
        "machines": [_machine(desk, machine, uses, now) for machine in desk.machines.values()],
        "pipegraphs": [_pipegraph(desk, graph, reader, uses, now) for graph in desk.pipegraphs.values()],
    }


def _machine(desk: Desk, machine: Machine, uses: list[Use], now: float) -> Document:
    here = [use for use in uses if use.machine == machine.machine_id]
    return {
        "machine_id": machine.machine_id,
        "host": machine.host,
        "cores": machine.cores,
        "cores_used": sum(use.held_cores for use in here),
        "memory_bytes": machine.memory_bytes,
        "memory_bytes_used": sum(use.held_bytes for use in here),
        "drained": machine.machine_id in desk.drained,
        "awaits": len(machine.awaited),
        "daemons": [
            {"user": user, "host": daemon.peer.host, "state": daemon.state, "since_s": round(now - daemon.since, 3)}
            for user, daemon in machine.daemons.items()
        ],
    }


def _pipegraph(desk: Desk, graph: Pipegraph, reader: Peer, uses: list[Use], now: float) -> Document:
    mine = [use for use in uses if use.session == graph.session]
    return {
        "session": graph.session if reader.is_owner or reader.user == graph.user else "",
        "user": graph.user,
        "host": graph.host,
        "project": graph.project,
        "epoch": graph.epoch,
        "state": _state(graph),
        "since_s": round(now - graph.since, 3),
        "holds": [_part(desk, use.machine, use.held_cores, use.held_bytes) for use in mine if use.held_cores],
        "may_use": [
            _part(desk, use.machine, use.granted_cores, use.granted_bytes) for use in mine if use.granted_cores
        ],
        "wants": [
            {"cores": shape.cores, "memory_bytes": shape.memory_bytes, "count": shape.count}
            for shape in graph.demand.shapes
            if shape.count
        ],
        "excluded": {desk.host_name(machine_id): reason for machine_id, reason in graph.excluded.items()},
        "waits": graph.closing or why(desk, graph, now),
    }


def why(desk: Desk, graph: Pipegraph, now: float) -> str:
    """Why it has no more, in words."""
    left_s = desk.arbiter.grace_until - now
    if left_s > 0 and graph.demand.shapes:
        return f"the coordinator has just started and learns what is running; it shares out in {left_s:.0f} s"
    reason = desk.arbiter.why_waiting(graph.session, desk.host_name)
    daemons = [daemon for daemon in desk.daemons_of(graph.user) if not daemon.is_given_up]
    if reason and daemons and not any(daemon.is_useful for daemon in daemons):
        states = listing([f"that on {daemon.peer.host} is {daemon.state}" for daemon in daemons])
        return f"no ppg-slave of user {graph.user} can be used: {states}"
    return reason


def _state(graph: Pipegraph) -> str:
    if graph.closing is not None:
        return "ending"
    return "silent" if graph.away_since is not None else "running"


def _part(desk: Desk, machine_id: str, cores: int, memory_bytes: int) -> Document:
    return {
        "machine_id": machine_id,
        "host": desk.host_name(machine_id),
        "cores": cores,
        "memory_bytes": memory_bytes,
    }
