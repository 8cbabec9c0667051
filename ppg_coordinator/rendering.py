"""`status` as text for people: what `core.status.document` says, machines first, then pipegraphs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .words import count, gigabytes, listing

Document = dict[str, Any]


def render(document: Document) -> str:
    """Lines for a terminal."""
    coordinator, machines, graphs = document["coordinator"], document["machines"], document["pipegraphs"]
    lines = [f"coordinator: up for {duration(coordinator['up_s'])}"]
    if coordinator["grace_s"]:
        lines[0] += f"; it learns what is running, and shares out in {coordinator['grace_s']:.0f} s"
    lines += ["", f"{count(len(machines), 'machine')}{':' if machines else '; start ppg-slave on them'}"]
    lines += _table([_machine(machine) for machine in machines])
    lines += ["", f"{count(len(graphs), 'pipegraph')}{':' if graphs else ''}"]
    for graph in graphs:
        lines += _pipegraph(graph)
    return "\n".join(lines)


def duration(seconds: float) -> str:
    """`12 s`, `5 min`, `3.5 h`, `12 days`."""
    for limit, unit, name in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / unit:.{1 if name == 'h' else 0}f} {name}"
    return f"{seconds / 86_400:.0f} days"


def _machine(machine: Document) -> Sequence[str]:
    daemons = [
        daemon["user"] if daemon["state"] == "connected" else f"{daemon['user']} ({daemon['state']})"
        for daemon in machine["daemons"]
    ]
    memory = f"{gigabytes(machine['memory_bytes_used'])} of {gigabytes(machine['memory_bytes'])}"
    return (
        machine["host"],
        f"{machine['cores_used']} of {machine['cores']} cores",
        memory,
        f"slaves of {listing(daemons, 20)}" if daemons else "no slaves",
        "DRAINED" if machine["drained"] else "",
        f"awaits {count(machine['awaits'], 'other slave')}" if machine["awaits"] else "",
        f"id {machine['machine_id']}",
    )


def _pipegraph(graph: Document) -> list[str]:
    state = "" if graph["state"] == "running" else f", {graph['state'].upper()}"
    lines = [
        f"  {graph['user']} on {graph['host']}: {graph['project']} "
        f"(epoch {graph['epoch']}, for {duration(graph['since_s'])}{state})"
    ]
    lines.append(f"    holds {_parts(graph['holds'])}")
    if graph["holds"] != graph["may_use"]:
        lines.append(f"    may use {_parts(graph['may_use'])}")
    if graph["wants"]:
        lines.append(f"    wants {listing([_shape(shape) for shape in graph['wants']], 8)}")
    if graph["waits"]:
        lines.append(f"    waits: {graph['waits']}")
    lines += [f"    can't work on {host}: {reason}" for host, reason in graph["excluded"].items()]
    return lines


def _parts(parts: list[Document]) -> str:
    cores = sum(part["cores"] for part in parts)
    where = listing([f"{part['cores']} on {part['host']}" for part in parts], 8)
    return f"{count(cores, 'core')}: {where}" if parts else "nothing"


def _shape(shape: Document) -> str:
    cores = {-1: "all cores of a machine", -2: "a machine alone"}.get(shape["cores"], count(shape["cores"], "core"))
    memory = f" and {gigabytes(shape['memory_bytes'])}" if shape["memory_bytes"] else ""
    return f"{count(shape['count'], 'job')} of {cores}{memory}"


def _table(rows: list[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True) if width).rstrip()
        for row in rows
    ]
