"""What a machine takes over from the master, and what it says when it can't work for it."""

from __future__ import annotations

import json
import os
import resource
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import cloudpickle
import pytest
from slave_cluster import Cluster, Master, file_task

import ppg_mcp
from ppg_protocol.cluster_messages import ResourceLimit, Unfit, Variable
from ppg_protocol.messages import Define, Finished, Ready, Shutdown
from ppg_protocol.records import Blob, Outcome


def write(path: str) -> None:
    Path(path).write_text("x")


def reason(cluster: Cluster, master: Master) -> str:
    """Why the machine can't work for the master; it leaves when it has said so."""
    unfit = master.expect(Unfit)
    assert "unfit" in cluster.ended(master).reason
    assert unfit.machine_id == cluster.machine_id
    assert socket.gethostname() in unfit.reason
    assert master.find(Ready) == []
    return unfit.reason


def start(cluster: Cluster, master: Master) -> None:
    """With a share."""
    cluster.coordinator.send(master.start())
    cluster.limit(master, 2)


@pytest.mark.parametrize("content", [None, b"another"])
def test_a_directory_that_is_not_shared(tmp_path: Path, content: bytes | None) -> None:
    nonce = tmp_path / "theirs"
    if content is not None:
        nonce.write_bytes(content)
    with Cluster(tmp_path) as cluster:
        master = Master(cluster, "m", nonce_file=str(nonce))
        start(cluster, master)
        text = reason(cluster, master)
        assert f"the project directory {tmp_path} of head is not shared" in text
        assert str(nonce) in text


def test_a_nonce_that_a_network_file_system_shows_late(tmp_path: Path) -> None:
    late = tmp_path / "late"
    with Cluster(tmp_path) as cluster:
        master = Master(cluster, "m", nonce_file=str(late))
        start(cluster, master)
        cluster.until(lambda: master.peers)
        master.define(0, file_task(tmp_path / "out", write))
        attempt = master.run(0)
        cluster.until(cluster.later(0.2))
        assert master.find(Ready) == []
        late.write_bytes(b"a nonce")
        master.expect(Ready)
        assert master.result(attempt).outcome == Outcome.OK


def test_a_master_that_ends_before_the_machine_was_found_fit(tmp_path: Path) -> None:
    with Cluster(tmp_path) as cluster:
        master = Master(cluster, "m", nonce_file=str(tmp_path / "never"))
        start(cluster, master)
        cluster.until(lambda: master.peers)
        master.send(Shutdown("over"))
        assert "it was told to leave" in cluster.ended(master).reason
        assert master.find(Unfit) == []


def test_a_directory_that_is_not_here(tmp_path: Path) -> None:
    with Cluster(tmp_path) as cluster:
        master = Master(cluster, "m", cwd=str(tmp_path / "absent"))
        start(cluster, master)
        assert str(tmp_path / "absent") in reason(cluster, master)


def test_an_interpreter_that_is_not_here_is_replaced_by_our_own(tmp_path: Path) -> None:
    with Cluster(tmp_path) as cluster:
        master = Master(cluster, "m", python="/nowhere/bin/python3")
        assert cluster.open(master).python == sys.executable
        master.define(0, file_task(tmp_path / "out", write))
        assert master.finish(0).outcome == Outcome.OK


def test_an_interpreter_that_is_none(tmp_path: Path) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho this is no Python >&2\nexit 3\n")
    broken.chmod(0o755)
    with Cluster(tmp_path) as cluster:
        master = Master(cluster, "m", python=str(broken))
        start(cluster, master)
        text = reason(cluster, master)
        assert str(broken) in text
        assert "this is no Python" in text


ENGINE = [Path(ppg_mcp.__file__).parents[1], Path(ppg_mcp.__file__).parents[1] / "protocol"]
SITE = [Path(path) for path in sys.path if path.endswith("site-packages")]


def packages_of_the_slave(directory: Path) -> Path:
    """Ours, but for another cloudpickle."""
    directory.mkdir()
    shutil.copytree(Path(cloudpickle.__file__).parent, directory / "cloudpickle")
    init = directory / "cloudpickle" / "__init__.py"
    init.write_text(init.read_text().replace(cloudpickle.__version__, "9.9.9"))
    for package in (one for place in (*ENGINE, *SITE) for one in place.iterdir()):
        if not (directory / package.name).exists() and package.suffix != ".pth":
            (directory / package.name).symlink_to(package)
    return directory


def test_the_packages_of_the_script_come_before_those_of_the_slave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = tuple(Variable(*item) for item in os.environ.items())
    monkeypatch.setenv("PYTHONPATH", str(packages_of_the_slave(tmp_path / "slave")))
    with Cluster(tmp_path) as cluster:
        ready = cluster.open(Master(cluster, "m", environment=theirs))
        assert ready.cloudpickle_version == cloudpickle.__version__
        assert ready.cloudpickle_path == str(Path(cloudpickle.__file__).parent)
        assert ready.engine_path == str(Path(ppg_mcp.__file__).parent)


def holds_packages(path: str) -> bool:
    return any(Path(path, name).exists() for name in ("ppg_cs", "ppg_protocol", "cloudpickle"))


def write_where_the_engine_is(path: str) -> None:
    import pypipegraph

    Path(path).write_text(str(Path(pypipegraph.__file__).parents[1]))


@pytest.mark.parametrize("is_visible", [True, False], ids=["visible", "not visible"])
def test_an_interpreter_without_packages_finds_those_of_the_script_or_else_of_the_slave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_visible: bool
) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    monkeypatch.setenv("PYTHONPATH", str(packages_of_the_slave(tmp_path / "slave")))
    with Cluster(tmp_path) as cluster:
        python = str(tmp_path / "bare" / "bin" / "python")
        path = tuple(path for path in sys.path if is_visible or not holds_packages(path))
        master = Master(cluster, "m", environment=(), python=python, sys_path=path)
        ready = cluster.open(master)
        assert ready.python == python
        place = Path(ppg_mcp.__file__).parents[1] if is_visible else tmp_path / "slave"
        assert ready.engine_path == str(place / "ppg_mcp")
        assert ready.cloudpickle_version == (cloudpickle.__version__ if is_visible else "9.9.9")
        master.define(0, file_task(tmp_path / "out", write_where_the_engine_is))
        assert master.finish(0).outcome == Outcome.OK
        assert (tmp_path / "out").read_text() == str(place)


def test_a_module_that_is_not_here(tmp_path: Path) -> None:
    with Cluster(tmp_path) as cluster:
        master = Master(cluster, "m")
        cluster.open(master)
        master.said.clear()
        missing = b"cno_such_module\nfunction\n."
        master.send(Define(0, (), Blob(b"B" + missing), 0))
        text = reason(cluster, master)
        assert "no module 'no_such_module'" in text
        assert sys.executable in text


def test_a_part_that_raises_when_it_is_loaded(tmp_path: Path) -> None:
    with Cluster(tmp_path) as cluster:
        master = Master(cluster, "m")
        cluster.open(master)
        master.said.clear()
        master.send(Define(0, (), Blob(b"Bgarbage"), 0))
        master.run(0)
        assert "can't be loaded" in reason(cluster, master)
        assert {done.outcome for done in master.find(Finished)} <= {Outcome.LOST, Outcome.CANCELLED}


def tell_surroundings(path: str) -> None:
    mask = os.umask(0)
    names = ("LIKE_THE_MASTER", "HOSTNAME", "PYTHONPATH", "GLIBC_TUNABLES", "PPG_ATTEMPT", "SLURM_JOB_ID")
    facts = {
        "cwd": os.getcwd(),
        "umask": mask,
        "files": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        "path": sys.path,
        "argv": sys.argv,
        "main": sys.modules["__main__"].__file__,
        "environment": {name: os.environ.get(name) for name in names},
    }
    Path(path).write_text(json.dumps(facts))


def test_jobs_find_the_surroundings_of_the_master(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTNAME", "this-machine")
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    below = tmp_path / "below"
    below.mkdir()
    theirs = {**os.environ, "LIKE_THE_MASTER": "yes", "HOSTNAME": "head", "SLURM_JOB_ID": "7", "PYTHONPATH": "/theirs"}
    with Cluster(tmp_path) as cluster:
        master = Master(
            cluster,
            "m",
            cwd=str(below),
            umask=0o027,
            main_file="/project/script.py",
            sys_path=(*sys.path, "/theirs"),
            environment=tuple(Variable(*item) for item in theirs.items()),
            limits=(ResourceLimit(resource.RLIMIT_NOFILE, 123, 123), ResourceLimit(resource.RLIMIT_CORE, -1, -1)),
        )
        cluster.open(master)
        master.define(0, file_task(tmp_path / "out", tell_surroundings))
        done = master.finish(0)
        assert done.outcome == Outcome.OK, done.failure
        found = json.loads((tmp_path / "out").read_text())
        environment = found.pop("environment")
        assert environment.pop("PPG_ATTEMPT") == str(done.attempt)
        assert environment == {
            "LIKE_THE_MASTER": "yes",
            "HOSTNAME": "this-machine",
            "PYTHONPATH": "/theirs",
            "GLIBC_TUNABLES": None,
            "SLURM_JOB_ID": None,
        }
        assert found == {
            "cwd": str(below),
            "umask": 0o027,
            "files": 123,
            "path": [*sys.path, "/theirs"],
            "argv": ["/project/script.py"],
            "main": "/project/script.py",
        }
