"""What listens, what passes over the wire, and who may read what, while a cluster works: see `scene`."""

from __future__ import annotations

import importlib.util
import re
import shutil
import stat
from collections.abc import Iterator

import pytest
from cluster.three_hosts import HOSTS, why_not

from .scene import MARKER, Seen, mode, played

MISSING = [name for name in ("nbclient", "nbconvert", "ipykernel") if importlib.util.find_spec(name) is None]
WHY_NOT = why_not() or ("there is no tcpdump" if shutil.which("tcpdump") is None else "") or ", ".join(MISSING)
pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)

SESSION = r"unix /tmp/ppg-\d+/[0-9a-f]{16}/[0-9a-f]{16}"
KERNEL = r"(\.[\w-]+)?/kernel-\w+/k(\.json|-ipc)-\d"
KERNEL_PIPE = r"tcp 127\.0\.0\.1:\d+"
KNOWN = {
    r"tcp 10\.77\.0\.1:7700": "ppg-coordinator",
    r"tcp 10\.77\.0\.1:\d+": "pipeline.py",
    SESSION + r"/ask": "pipeline.py",
    SESSION + KERNEL: "ipykernel",
    KERNEL_PIPE: "ipykernel",
}
"""Every socket on which anybody may listen in a cluster, and whose it is. docs/security.md lists the same. The last one
is Jupyter's own: see ADR 0103."""
LOCAL = {SESSION + r"/link", SESSION + r"/ask", SESSION + KERNEL, KERNEL_PIPE}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    with played(tmp_path_factory.mktemp("scene")) as seen:
        yield seen


def matching(text: str, patterns: object) -> list[str]:
    return [pattern for pattern in patterns if re.fullmatch(pattern, text)]  # type: ignore[attr-defined]


def test_nobody_listens_but_on_the_sockets_that_are_known(seen: Seen) -> None:
    found = set()
    for host in HOSTS:
        for socket in seen.listening[host]:
            patterns = matching(str(socket), KNOWN)
            assert patterns, f"{socket} on {host}, of {seen.owners.get(socket.inode)}, is on no list"
            assert KNOWN[patterns[0]] in seen.owners[socket.inode]
            assert host == "head" or KNOWN[patterns[0]] == "ipykernel", f"{socket} on {host}: slaves do not listen"
            found.add(patterns[0])
    assert found == set(KNOWN), "what is listed is there"


def test_without_a_cluster_nobody_listens_on_the_network(seen: Seen) -> None:
    here = [str(socket) for socket in seen.local]
    assert all(matching(socket, LOCAL) for socket in here), here
    assert all(any(matching(socket, [pattern]) for socket in here) for pattern in LOCAL), here


def test_the_wire_carries_nothing_that_can_be_read(seen: Seen) -> None:
    """The one time that it was said over a plain socket is found; of all that the run said, nothing."""
    marker = MARKER.encode()
    assert len(seen.made) == 4
    for host in ("head", "one"):
        assert seen.captured[host].count(marker) == 1
        assert seen.captured[host].count(marker + b" over a plain socket") == 1
    assert marker not in seen.captured["two"]
    for host in HOSTS:
        assert len(seen.captured[host]) > 50_000, "the run's own packets were captured"
        assert b"CURVE" in seen.captured[host], "the greeting of its connections, in which they name the mechanism"
        for word in (b"pypipegraph", b"FileGeneratingJob", b"supervisor", b"cloudpickle", b"/project"):
            assert word not in seen.captured[host], word


def test_nobody_else_may_enter_where_keys_and_sessions_are(seen: Seen) -> None:
    """A file may have any mode in a directory that nobody else can enter; secrets are private by themselves, too."""
    directories = [path for path, entry in seen.entries.items() if stat.S_ISDIR(entry.st_mode)]
    private = [path for path in directories if path.parent not in seen.entries]
    assert {path.name for path in private} == {"keys", "keys-ann", "sockets-head", "sockets-one", "sockets-two"}
    for path in [*private, *(path for path in directories if path.parent in private)]:
        assert mode(seen.entries[path]) == 0o700, path
    secrets = [path for path in seen.entries if path.suffix == ".key_secret"]
    assert len(secrets) == 3
    for path in secrets:
        assert mode(seen.entries[path]) == 0o600, path
    sockets = [path for path, entry in seen.entries.items() if stat.S_ISSOCK(entry.st_mode)]
    assert len(sockets) >= 6, "the master's and the kernel's"
