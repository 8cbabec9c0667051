"""The real daemon over loopback TCP: two users share, are told why, are revoked; machines drain; it is restarted, and
shouted at."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import Client, Net

from ppg_protocol.cluster_messages import Exclude, SessionEnded
from ppg_protocol.curve import KeyPair
from ppg_protocol.keys import make_owner_keys
from ppg_protocol.messages import Retract


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Net]:
    net = Net(tmp_path)
    yield net
    net.close()


def test_two_users_share_and_status_tells_of_both(net: Net) -> None:
    net.admit("ann")
    owners, anns = net.slave("owner", "m"), net.slave("ann", "m")
    first = net.mcp("owner", "first")
    net.until(lambda: first.shares == {"m": 8} and owners.held == {"first": 8})
    second = net.mcp("ann", "second")
    net.until(lambda: first.shares == {"m": 4} and second.shares == {"m": 4} and second.cleared == ["m"])
    net.until(lambda: owners.held == {"first": 4} and anns.held == {"second": 4})
    net.until(lambda: "all 8 cores of 1 machine are in use by" in second.note)
    text = net.command("status").stdout
    for part in ("8 of 8 cores", "slaves of", "ann", "/projects/first", "/projects/second", "waits: all 8 cores"):
        assert part in text, text
    assert net.command("status", keys=net.path / "ann").stdout.count("epoch 1") == 2
    (machine,) = net.status()["machines"]
    assert (machine["machine_id"], machine["cores"], machine["cores_used"]) == ("m", 8, 8)
    first.end()
    net.until(lambda: second.shares == {"m": 8})
    assert [graph["session"] for graph in net.status()["pipegraphs"]] == ["second"]


def test_an_unknown_key_is_let_in_when_it_is_authorised(net: Net) -> None:
    key = net.make_keys("ann")
    mcp = net.mcp("ann", "s")
    refused = net.command("status", keys=net.path / "ann")
    assert refused.returncode == 1, "not when its time is over, which is another code"
    assert "does not admit our key" in refused.stderr
    assert f"ppg-coordinator authorize ann {key}" in refused.stderr
    assert not mcp.established
    assert net.command("authorize", "ann", str(key)).stdout == "ann is authorised\n"
    net.until(lambda: mcp.established)
    again = net.command("authorize", "ben", str(key))
    assert again.returncode == 1
    assert "already" in again.stderr
    secret = net.command("authorize", "ben", str(key) + "_secret")
    assert secret.returncode == 1
    assert "secret" in secret.stderr


def test_a_revoked_user_is_ended_and_out_while_others_go_on(net: Net) -> None:
    net.admit("ann")
    owners, anns = net.slave("owner", "m"), net.slave("ann", "m")
    first, second = net.mcp("owner", "first"), net.mcp("ann", "second")
    net.until(lambda: owners.held == {"first": 4} and anns.held == {"second": 4})
    assert net.command("revoke", "ann", keys=net.path / "ann").returncode == 1
    done = net.command("revoke", "ann")
    assert (done.returncode, done.stdout) == (0, "ann is revoked; 1 pipegraph on 1 machine are being ended\n")
    net.until(lambda: anns.ended == [("second", "user ann was revoked")])
    net.until(lambda: anns.refused and second.refused and owners.held == {"first": 8})
    assert "revoked" in str(second.refused)
    assert first.established == 1, "the connection was renewed, the session went on"
    late = net.mcp("ann", "late")
    net.until(lambda: late.link.trouble and "admit" in late.link.trouble)
    assert not late.established
    assert "authorised: nobody" in net.command("revoke", "ann").stderr
    assert net.command("revoke", "root").returncode == 1


def test_drained_machines_stay_so_over_a_restart(net: Net) -> None:
    slave, mcp = net.slave("owner", "m"), net.mcp("owner", "s")
    net.until(lambda: slave.held == {"s": 8})
    assert "no machine 'nowhere'" in net.command("drain", "nowhere").stderr
    assert net.command("drain", os.uname().nodename).returncode == 0
    net.until(lambda: mcp.shares == {})
    net.restart(grace_s=0)
    net.until(lambda: mcp.established == 2)
    net.until(lambda: "is drained" in mcp.note)
    assert net.status()["machines"][0]["drained"]
    assert net.command("undrain", "m").stdout == "m takes jobs again\n"
    net.until(lambda: mcp.shares == {"m": 8} and slave.held == {"s": 8})
    assert net.command("undrain", "m").returncode == 1


def test_a_killed_coordinator_is_replaced_and_goes_on_from_what_is_held(net: Net) -> None:
    net.admit("ann")
    owners, anns = net.slave("owner", "m"), net.slave("ann", "m")
    first, second = net.mcp("owner", "first"), net.mcp("ann", "second")
    net.until(lambda: owners.held == {"first": 4} and anns.held == {"second": 4})
    net.restart(grace_s=2)
    assert net.command("status").returncode == 0
    third = net.mcp("owner", "third")
    net.until(lambda: third.shares and first.established == second.established == 2)
    net.until(lambda: owners.held == {"first": 2, "third": 2} and anns.held == {"second": 4})
    assert owners.ended == anns.ended == []
    assert net.daemon.end() == 0


def test_a_vanished_mcp_loses_its_session_a_vanished_slave_its_machine(net: Net) -> None:
    slave, other = net.slave("owner", "m"), net.slave("owner", "n")
    mcp, going = net.mcp("owner", "s"), net.mcp("owner", "going")
    net.until(lambda: sum(mcp.shares.values()) == sum(going.shares.values()) == 8)
    net.vanish(going)
    net.until(lambda: slave.held == {"s": 8} and other.held == {"s": 8})
    assert any("was not heard of" in reason for _, reason in slave.ended + other.ended)
    net.until(lambda: mcp.shares == {"m": 8, "n": 8})  # they come one after the other
    net.vanish(other)
    net.until(lambda: mcp.shares == {"m": 8})
    states = {machine["machine_id"]: machine["daemons"][0]["state"] for machine in net.status()["machines"]}
    assert states["n"] in ("silent", "lost")
    assert states["m"] != "lost"


def test_a_restarted_slave_replaces_the_killed_one_and_a_second_is_refused(net: Net) -> None:
    slave, mcp = net.slave("owner", "m"), net.mcp("owner", "s")
    net.until(lambda: slave.held == {"s": 8})
    second = net.slave("owner", "m")
    net.until(lambda: second.refused)
    assert "--machine-id" in str(second.refused)
    net.vanish(second)
    net.vanish(slave)
    again = net.slave("owner", "m", cores=6)
    net.until(lambda: again.held == {"s": 6} and mcp.shares == {"m": 6})


def test_an_unfit_machine_and_supervisors_that_end(net: Net) -> None:
    slave, mcp = net.slave("owner", "m"), net.mcp("owner", "s")
    net.until(lambda: slave.held == {"s": 8})
    slave.opened.pop("s")
    slave.limits.pop("s")
    slave.say(SessionEnded("s", 7, "lease"))
    net.until(lambda: slave.held == {"s": 8})
    mcp.say(Exclude("m", "no module named x"))
    net.until(lambda: mcp.shares == {} and "can't work for this pipegraph" in mcp.note)
    assert "no module named x" in net.command("status").stdout
    assert "no module named x" in net.daemon.log()


def test_garbage_harms_only_who_sends_it(net: Net) -> None:
    slave, mcp = net.slave("owner", "m"), net.mcp("owner", "s")
    net.until(lambda: slave.held == {"s": 8})
    host, _, port = net.daemon.endpoint.removeprefix("tcp://").rpartition(":")
    strangers = [socket.create_connection((host, int(port))) for _ in range(50)]
    for index, stranger in enumerate(strangers):
        if index % 2:
            stranger.sendall(os.urandom(1000))
    wrong = net.slave("owner", "elsewhere")
    wrong.say(Retract((1,)))
    net.until(lambda: wrong.refused)
    assert "is nothing that a slave says to a coordinator" in str(wrong.refused)
    nonsense = net.slave("owner", "nonsense", cores=0)
    net.until(lambda: nonsense.refused)
    raw = net.mcp("owner", "raw")
    net.until(lambda: raw.established)
    raw.link.socket.send_multipart([b"\xc1 no msgpack", b"x" * 100_000])
    net.until(lambda: raw.refused)
    net.until(lambda: mcp.shares == {"m": 8} and slave.established == 1)
    for stranger in strangers:
        stranger.close()
    assert net.command("status").returncode == 0


def test_who_is_neither_mcp_nor_slave_nor_operator_is_turned_away(net: Net) -> None:
    class Stranger(Client):
        role = "stranger"

    stranger = Stranger(net.context, net.daemon.endpoint, net.keys["owner"])
    net.clients.append(stranger)
    net.until(lambda: stranger.refused)
    assert "talks to mcp, slave, operator, not to 'stranger'" in str(stranger.refused)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_orderly_also_with_peers_that_do_not_answer(net: Net, number: int) -> None:
    slave = net.slave("owner", "m")
    mcp = net.mcp("owner", "s")
    net.until(lambda: slave.held == {"s": 8})
    assert net.daemon.end(number) == 0
    assert mcp.refused is None, "it waits for the next coordinator"


def test_a_server_with_another_key_is_not_believed(net: Net, tmp_path: Path) -> None:
    make_owner_keys(tmp_path / "other")
    done = net.command("status", keys=tmp_path / "other", timeout_s=1)
    assert done.returncode == 3
    assert "no answer from the coordinator" in done.stderr
    assert isinstance(net.keys["owner"].user, KeyPair)
