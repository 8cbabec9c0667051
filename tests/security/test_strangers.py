"""At every TCP socket, everybody without a key that it admits: they get nothing, and nobody notices them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq
from cluster.hosts import Cluster, Script, until
from cluster.listening import listening_of

from ppg_coordinator.daemon import hello
from ppg_protocol.cluster_messages import Ask, OpenSession, Register
from ppg_protocol.curve import CurveClient, KeyPair
from ppg_protocol.keys import KeyDirectory
from ppg_protocol.messages import Started

from .strangers import Stranger, shout

WORK = """
def work(i):
    note(f"begun {i} {machine()}")
    wait_for("go")
    Path(f"f{i}").write_text(str(i))
for i in range(6):
    ppg.FileGeneratingJob(f"f{i}", lambda i=i: work(i))
ppg.run()
"""


class Busy:
    """A coordinator, a slave, a script in the middle of its run. `ben` is admitted, `ann` was."""

    def __init__(self, directory: Path) -> None:
        self.cluster = Cluster(directory)
        self.cluster.up("a", cores=3)
        for name in ("ann", "ben"):
            self.cluster.user(name)
        self.cluster.command("revoke", "ann")
        self.script: Script = self.cluster.start(WORK)
        until(lambda: len(self.script.notes) == 3, "three jobs")
        owner = KeyDirectory.load(self.cluster.keys_of("owner"))
        (mcp,) = [s for s in listening_of(self.script.process.pid) if s.kind == "tcp"]
        self.sockets = {
            "coordinator": (self.cluster.endpoint, owner.coordinator_public),
            "script": (f"tcp://{mcp.address}", owner.user.public),
        }

    def keys(self, who: str) -> KeyPair:
        """Of a user; of nobody who was ever heard of."""
        if who == "unknown":
            return KeyPair(*zmq.curve_keypair())
        return KeyDirectory.load(self.cluster.keys_of(who)).user

    def check_and_end(self) -> None:
        """Nothing was noticed by those who are at work."""
        (self.script.directory / "go").touch()
        self.script.good()
        assert len(self.script.notes) == 6, "no job was disturbed"
        for words in ("lost", "not heard of", "waits for the coordinator", "has ended"):
            assert words not in self.script.log.partition("of memory")[2], self.script.log
        for name in ("coordinator", "a"):
            assert "Traceback" not in self.cluster.log_of(name)
            assert "not heard" not in self.cluster.log_of(name).partition("its run is over")[0]


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Busy]:
    busy = Busy.__new__(Busy)
    try:
        busy.__init__(tmp_path_factory.mktemp("busy"))  # type: ignore[misc]
        yield busy
        busy.check_and_end()
    finally:
        busy.cluster.down()


TURNED_AWAY = [
    ("coordinator", "no key"),
    ("coordinator", "unknown"),
    ("coordinator", "ann"),
    ("script", "no key"),
    ("script", "unknown"),
    ("script", "ann"),
    ("script", "ben"),
]


@pytest.mark.parametrize(("where", "who"), TURNED_AWAY)
def test_who_is_not_admitted_gets_nothing(busy: Busy, where: str, who: str) -> None:
    endpoint, public = busy.sockets[where]
    keys = None if who == "no key" else CurveClient(busy.keys(who), public)
    for _ in range(3):
        with Stranger(endpoint, keys) as stranger:
            stranger.say(hello("slave"), Register("a", 64, 1 << 40, ()), Started(1, 1, 1))
            assert not stranger.is_let_in()
            assert stranger.heard() == []


@pytest.mark.parametrize("where", ["coordinator", "script"])
def test_who_takes_it_for_another_server_gets_nothing(busy: Busy, where: str) -> None:
    """An admitted key, and the wrong idea of whom it talks to."""
    endpoint, _ = busy.sockets[where]
    with Stranger(endpoint, CurveClient(busy.keys("owner"), busy.keys("unknown").public)) as stranger:
        stranger.say(hello("slave"))
        assert not stranger.is_let_in()
        assert stranger.heard() == []


@pytest.mark.parametrize("where", ["coordinator", "script"])
def test_noise_gets_nothing(busy: Busy, where: str) -> None:
    host, port = busy.sockets[where][0].removeprefix("tcp://").split(":")
    shout((host, int(port)), seed=7)


@pytest.mark.parametrize(("where", "who"), [("coordinator", "owner"), ("coordinator", "ben"), ("script", "owner")])
def test_these_tests_would_notice_who_gets_in(busy: Busy, where: str, who: str) -> None:
    endpoint, public = busy.sockets[where]
    with Stranger(endpoint, CurveClient(busy.keys(who), public)) as stranger:
        stranger.say(hello("operator"), Ask("status", ()))
        assert stranger.is_let_in()
        assert until(stranger.heard, "an answer")


def test_a_colleague_can_say_what_it_wants_and_changes_nothing_of_others(busy: Busy) -> None:
    """Admitted by the coordinator, it talks of the sessions and machines of somebody else."""
    (before,) = busy.cluster.status()["pipegraphs"]
    endpoint, public = busy.sockets["coordinator"]
    claims = OpenSession(before["session"], before["epoch"] + 1, before["project"], "tcp://127.0.0.1:1")
    with Stranger(endpoint, CurveClient(busy.keys("ben"), public)) as colleague:
        colleague.say(hello("mcp"), claims)
        assert until(colleague.heard, "an answer")
        until(lambda: "turned away ben's pipegraph" in busy.cluster.log_of("coordinator"))
    after = busy.cluster.status()["pipegraphs"]
    assert [graph["user"] for graph in after] == [before["user"]]
    assert after[0]["holds"] == before["holds"]
    assert after[0]["state"] == "running"
