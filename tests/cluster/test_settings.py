"""Where a script learns of its cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from ppg_mcp.cluster.settings import ClusterSettings, cluster_settings
from ppg_protocol.errors import JobContractError

HEAD = "tcp://head:7700"


def test_without_a_word_there_is_no_cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cluster_settings(None, None, {}) is None


def test_arguments_go_before_the_environment_and_that_before_the_file(tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text('[pipegraph]\ncoordinator = "tcp://file:1"\nkeys = "/file"\nlease = 30\naddress = "tcp://me:*"\n')
    environment = {"PPG_CONFIG": str(config), "PPG_KEYS": "/environment", "PPG_HEARTBEAT": "0.5"}
    expected = ClusterSettings(HEAD, Path("/environment"), "tcp://me:*", 0.5, 30.0)
    assert cluster_settings(HEAD, None, environment) == expected


def test_keys_may_be_a_relative_path_or_in_the_home_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ann")
    relative, home = cluster_settings(HEAD, "keys", {}), cluster_settings(HEAD, "~/.ppg", {})
    assert relative is not None
    assert relative.keys == tmp_path / "keys"
    assert home is not None
    assert home.keys == Path("/home/ann/.ppg")


@pytest.mark.parametrize(
    ("coordinator", "keys", "environment", "words"),
    [
        (HEAD, None, {}, "`ppg-coordinator keys DIR` makes one"),
        (None, "keys", {}, "no coordinator"),
        ("head:7700", "keys", {}, "--coordinator is 'head:7700'"),
        ("tcp://head", "keys", {}, "--coordinator is 'tcp://head'"),
        (HEAD, "keys", {"PPG_LEASE": "soon"}, "the environment variable PPG_LEASE is 'soon'"),
        (HEAD, "keys", {"PPG_LEASE": "1"}, "must be longer than two heartbeats"),
        (None, None, {"PPG_CONFIG": "/nowhere.toml"}, "/nowhere.toml does not exist"),
    ],
)
def test_half_of_it_or_nonsense_is_refused(
    coordinator: str | None, keys: str | None, environment: dict[str, str], words: str
) -> None:
    with pytest.raises(JobContractError, match=words.replace("(", r"\(")):
        cluster_settings(coordinator, keys, environment)
