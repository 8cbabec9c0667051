"""Keys, addresses and coordinators that do not do: what the user is told, and that nothing more is lost than time."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from engine.places.typist import Typist

from ppg_cs.session_directory import runtime_root
from ppg_protocol.keys import make_owner_keys

from .hosts import PATIENCE_S, SCRIPT, Cluster, until

ONE = "ppg.FileGeneratingJob('f', lambda: Path('f').write_text('x'))\nppg.run()"


# ------------------------------------------------------------------------------------------------------- coordinators


def test_a_coordinator_that_comes_late(cluster: Cluster) -> None:
    """Slave and script go on trying, the log says for what, and both go on as soon as it is there."""
    cluster.slave("a")
    script = cluster.start(ONE)
    until(lambda: f"waits for the coordinator: nobody answers at {cluster.endpoint}: " in script.log)
    cluster.coordinator()
    script.good()
    assert (script.directory / "f").read_text() == "x"


def test_ctrl_c_while_there_is_no_coordinator(cluster: Cluster) -> None:
    script = cluster.start(ONE)
    until(lambda: "waits for the coordinator" in script.log)
    script.process.send_signal(signal.SIGINT)
    assert script.wait() != 0
    assert script.err.rstrip().endswith("KeyboardInterrupt")


def test_somebody_at_a_terminal_sees_what_is_waited_for(cluster: Cluster) -> None:
    (cluster.directory / "logs").mkdir()
    (cluster.directory / "pipeline.py").write_text(f"{SCRIPT.replace('quiet=True', '')}\n{ONE}")
    names = ("PPG_COORDINATOR", "PPG_KEYS", "PPG_HEARTBEAT", "PPG_LEASE", "PPG_CONFIG")
    variables = {name: cluster.environment[name] for name in names}
    typist = Typist([sys.executable, "pipeline.py"], cluster.directory, TERM="xterm", **variables)
    try:
        typist.expect(f"waits for the coordinator: nobody answers at {cluster.endpoint}")
        typist.type("\x03")
        typist.expect("KeyboardInterrupt")
        assert typist.wait() != 0
    finally:
        typist.end()


@pytest.mark.parametrize("address", ["tcp://no-such-host.invalid:7700", "tcp://:7700"])
def test_a_coordinator_whose_name_is_not_known(cluster: Cluster, address: str) -> None:
    script = cluster.start(ONE, PPG_COORDINATOR=address)
    assert script.wait() != 0
    assert address in script.err
    assert "PPG_COORDINATOR" in script.err


def test_something_else_answers_at_the_address(cluster: Cluster) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"tcp://127.0.0.1:{other.getsockname()[1]}"
        script = cluster.start(ONE, PPG_COORDINATOR=address)
        accepted, _ = other.accept()
        accepted.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 10)
        until(lambda: re.search(f"waits for the coordinator: .*{address} ", script.log))
        until(lambda: "does not speak our protocol" in script.log or "hung up" in script.log)
        accepted.close()


def test_a_range_of_ports_that_are_all_taken(cluster: Cluster) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        address = f"tcp://127.0.0.1:{port}-{port}"
        script = cluster.start(ONE, PPG_ADDRESS=address)
        assert script.wait() != 0
    assert address in script.err
    assert "PPG_ADDRESS" in script.err
    cluster.up("a")
    cluster.run(ONE)


FOREIGN = """
ppg.FileGeneratingJob('f', lambda: Path('f').write_text('x'))

def held():
    return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))

before = held()
try:
    ppg.run()
except ppg.PyPipeGraphError as error:
    print(error)
print(before == held())
"""


def test_after_an_address_of_another_machine_nothing_is_left(cluster: Cluster) -> None:
    address = "tcp://203.0.113.7:*"
    script = cluster.run(FOREIGN, PPG_ADDRESS=address)
    error, is_as_before = script.out.splitlines()
    assert f"can't listen at {address}" in error
    assert is_as_before == "True", "no descriptor and no thread"
    assert sorted(os.listdir(script.directory)) == [".pypipegraph_status_robust", "logs", "pipeline.py"]
    assert not runtime_root(str(script.directory)).exists()


# --------------------------------------------------------------------------------------------------------------- keys


def strangers_keys(cluster: Cluster) -> Path:
    """Keys of somebody who took the right public key of the coordinator, and whom nobody admitted."""
    cluster.user("stranger")
    cluster.command("revoke", "stranger")
    return cluster.keys_of("stranger")


def test_keys_that_the_coordinator_does_not_know(cluster: Cluster) -> None:
    """Script, slave and operator are told to have them authorised; a slave and a script of the owner work meanwhile."""
    cluster.up("a")
    strangers_keys(cluster)
    stranger = cluster.start(ONE, name="stranger", user="stranger")
    cluster.slave("b", user="stranger")
    words = f"{cluster.endpoint} does not admit our key: whoever runs it has to authorise it"
    until(lambda: words in stranger.log)
    until(lambda: words in cluster.log_of("b-stranger"))
    assert words in refused(cluster, "status", PPG_KEYS=str(cluster.keys_of("stranger")))
    cluster.run(ONE)
    cluster.command("authorize", "stranger", str(cluster.keys_of("stranger") / "user.key"))
    stranger.good()


def test_keys_of_another_coordinator(cluster: Cluster) -> None:
    cluster.up("a")
    make_owner_keys(cluster.directory / "keys-other")
    other = cluster.start(ONE, user="other")
    until(lambda: f"waits for the coordinator: {cluster.endpoint} hung up on us" in other.log)
    until(lambda: "is its public key the one that we have" in other.log)


def test_keys_that_are_missing_or_open_to_others(cluster: Cluster) -> None:
    cluster.directory.joinpath("keys-none").mkdir(mode=0o700)
    make_owner_keys(cluster.directory / "keys-open")
    (cluster.directory / "keys-open" / "user.key_secret").chmod(0o640)
    for user, words in (("nowhere", "ppg-coordinator keys"), ("none", "ppg-coordinator keys"), ("open", "chmod")):
        script = cluster.start(ONE, user=user)
        cluster.slave("s", user=user)
        assert script.wait() != 0
        assert cluster.processes[f"s-{user}"].wait() == 2
        told = script.err, cluster.log_of(f"s-{user}"), refused(cluster, "status", PPG_KEYS=str(cluster.keys_of(user)))
        for text in told:
            assert str(cluster.keys_of(user)) in text
            assert words in text
            assert "Traceback" not in text or text is script.err


def test_a_colleague_reaches_no_machines_of_others_and_is_no_operator(cluster: Cluster) -> None:
    cluster.up("a")
    cluster.user("ann")
    script = cluster.start(ONE, name="anns", user="ann")
    until(lambda: "ppg-slave" in script.log)
    text = refused(cluster, "drain", "a", PPG_KEYS=str(cluster.keys_of("ann")))
    assert "ann" in text
    assert "owner" in text
    cluster.slave("b", user="ann")
    script.good()


def refused(cluster: Cluster, *arguments: str, **environment: str) -> str:
    """What `ppg-coordinator …` complains of."""
    command = [sys.executable, "-m", "ppg_coordinator.command", *arguments]
    variables = {**os.environ, **cluster.environment, **environment}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode != 0
    return done.stderr
