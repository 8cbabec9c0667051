"""A setting comes from the command line, else the environment, else a file, else its default; errors say from where."""

from __future__ import annotations

import argparse
import pathlib
from typing import Any

import pytest

from ppg_protocol.options import Option, OptionError, add_options, read_settings
from ppg_protocol.quantities import parse_count, parse_seconds, parse_size, positive_seconds

LEASE = Option("--lease", "PPG_LEASE", positive_seconds, "60", "SECONDS", "how long a silent master is waited for")
MEMORY = Option(
    "--memory", "PPG_MEMORY", parse_size, None, "SIZE", "memory to be used, 100% of the machine if not given"
)
KEYS = Option("--keys", "PPG_KEYS", str, None, "DIR", "key directory", required=True)
DRAIN = Option("--drain-timeout", "PPG_DRAIN_TIMEOUT", parse_seconds, "300", "SECONDS", "time for jobs to end")
OPTIONS = [LEASE, MEMORY, KEYS, DRAIN]


@pytest.fixture(autouse=True)
def home(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".config").mkdir()
    return tmp_path


def settings(*words: str, options: list[Option] = OPTIONS, **environment: str) -> dict[str, Any]:
    parser = argparse.ArgumentParser("ppg-slave")
    add_options(parser, options)
    return read_settings(vars(parser.parse_args(words)), "ppg-slave", OPTIONS, environment)


def write(path: pathlib.Path, text: str) -> pathlib.Path:
    path.write_text(text)
    return path


def test_each_place_yields_to_the_ones_before(home: pathlib.Path) -> None:
    assert settings("--keys", "k") == {"lease": 60.0, "memory": None, "keys": "k", "drain-timeout": 300.0}
    write(
        home / ".config/pypipegraph.toml", '[ppg-slave]\nkeys = "file"\nlease = 4\nmemory = "2G"\ndrain-timeout = 0.5\n'
    )
    assert settings() == {"lease": 4.0, "memory": 2 << 30, "keys": "file", "drain-timeout": 0.5}
    assert settings(PPG_LEASE="3", PPG_KEYS="") == {
        "lease": 3.0,
        "memory": 2 << 30,
        "keys": "file",
        "drain-timeout": 0.5,
    }
    assert settings("--lease", "2", PPG_LEASE="3")["lease"] == 2.0


def test_the_file_can_be_named_on_the_command_line_or_in_the_environment(home: pathlib.Path) -> None:
    write(home / ".config/pypipegraph.toml", '[ppg-slave]\nkeys = "default"\n')
    one, two = write(home / "1.toml", '[ppg-slave]\nkeys = "1"\n'), write(home / "2.toml", '[ppg-slave]\nkeys = "2"\n')
    assert settings(PPG_CONFIG=str(one))["keys"] == "1"
    assert settings("--config", str(two), PPG_CONFIG=str(one))["keys"] == "2"
    assert settings("--config", "~/1.toml")["keys"] == "1"


def test_tables_of_other_programs_do_not_count(home: pathlib.Path) -> None:
    write(home / ".config/pypipegraph.toml", '[ppg-coordinator]\nlisten = 1\n[ppg-slave]\nkeys = "k"\n')
    assert settings()["keys"] == "k"


def test_a_subcommand_gets_its_own_options_alone() -> None:
    assert settings(options=[DRAIN]) == {"drain-timeout": 300.0}


@pytest.mark.parametrize(
    ("words", "environment", "content", "facts"),
    [
        (["--lease", "soon"], {}, "", ["--lease is 'soon'", "seconds"]),
        ([], {"PPG_LEASE": "-1"}, "", ["environment variable PPG_LEASE is '-1'"]),
        ([], {}, "lease = 'x'", ["lease in [ppg-slave] of HOME/.config/pypipegraph.toml is 'x'"]),
        ([], {}, "lease = true", ["lease in [ppg-slave] of HOME/.config/pypipegraph.toml is True", "a number"]),
        ([], {}, "lease = [1]", ["lease in [ppg-slave]", "[1]"]),
        ([], {}, "leese = 1", ["HOME/.config/pypipegraph.toml has 'leese'", "drain-timeout, keys, lease, memory"]),
        ([], {}, "lease = ", ["HOME/.config/pypipegraph.toml is not TOML"]),
        ([], {}, "", ["--keys is needed", "PPG_KEYS", "keys in [ppg-slave] of HOME/.config/pypipegraph.toml"]),
        (["--config", "/missing.toml"], {}, "", ["/missing.toml does not exist", "--config"]),
        ([], {"PPG_CONFIG": "/missing.toml"}, "", ["/missing.toml does not exist", "PPG_CONFIG"]),
        (["--config", "/"], {}, "", ["can't read the file /"]),
    ],
)
def test_errors_name_the_place(
    words: list[str], environment: dict[str, str], content: str, facts: list[str], home: pathlib.Path
) -> None:
    write(home / ".config/pypipegraph.toml", f"[ppg-slave]\n{content}\n")
    with pytest.raises(OptionError) as caught:
        settings(*words, **environment)
    for fact in facts:
        assert fact.replace("HOME", str(home)) in str(caught.value)


def test_a_table_must_be_one(home: pathlib.Path) -> None:
    write(home / ".config/pypipegraph.toml", "ppg-slave = 1\n")
    with pytest.raises(OptionError, match="not a table"):
        settings()


def test_help_names_variable_and_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        settings("--help")
    shown = " ".join(capsys.readouterr().out.split())
    assert "how long a silent master is waited for (PPG_LEASE; default: 60)" in shown
    assert "100% of the machine if not given (PPG_MEMORY; default: none)" in shown
    assert "key directory (PPG_KEYS; required)" in shown
    assert "PPG_CONFIG; ~/.config/pypipegraph.toml" in shown


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("4096B", 4096),
        ("500M", 500 << 20),
        ("64G", 64 << 30),
        ("64g", 64 << 30),
        ("1.5GiB", 3 << 29),
        ("1.5 GiB", 3 << 29),
        ("2GB", 2_000_000_000),
        ("1T", 1 << 40),
        (".5k", 512),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "G", "-1G", "1X", "0", "0.1", "nan", "inf", "1e9", "1GG", "9E", "9999999999P"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="size"):
        parse_size(text)


@pytest.mark.parametrize("text", ["", "x", "-1", "nan", "inf", "1 s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="seconds"):
        parse_seconds(text)


def test_durations_and_counts() -> None:
    assert (parse_seconds("0"), parse_seconds(" 1.5 "), positive_seconds("1e1")) == (0.0, 1.5, 10.0)
    assert (parse_count("1"), parse_count(" 032 ")) == (1, 32)
    with pytest.raises(ValueError, match="above 0"):
        positive_seconds("0")


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "x", "٣", "1_0", "12345678901"])
def test_what_is_no_count(text: str) -> None:
    with pytest.raises(ValueError, match="whole number"):
        parse_count(text)
