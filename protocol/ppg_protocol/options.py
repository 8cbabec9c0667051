"""Settings of the programs: from the command line, else the environment, else a TOML file, else the default.

    options = [Option("--heartbeat", "PPG_HEARTBEAT", positive_seconds, "2", "SECONDS", "how often …"), …]
    add_options(parser, options)
    settings = read_settings(vars(parser.parse_args()), "ppg-slave", options, os.environ)
    settings["heartbeat"]

Rules
- The file is that of `--config`, else of PPG_CONFIG, else ~/.config/pypipegraph.toml, which may be missing. In it each
  program has a table of its own, `[ppg-slave]`; a key is the name of the option without its dashes.
- Every value, the default too, is a text that goes through the option's `parse`: a value means the same wherever it
  stands. What is wrong is reported with the place that it came from.
- A key that no option has is an error: it is most likely misspelt. So `options` are those of the whole program, also
  where its subcommands add only some of them to their parsers.
- A variable that is set to nothing counts as not set.
"""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ppg_protocol.errors import PyPipeGraphError

CONFIG_VARIABLE = "PPG_CONFIG"
DEFAULT_CONFIG = "~/.config/pypipegraph.toml"


class OptionError(PyPipeGraphError, ValueError):
    """A setting is wrong or missing; the message says which, where it stands and what it may be."""


@dataclass(frozen=True, slots=True)
class Option:
    """`parse` raises ValueError with a text that says what it wants. `default` None: there is none, the value is None
    or, if it is `required`, an error."""

    flag: str
    variable: str
    parse: Callable[[str], Any]
    default: str | None
    metavar: str
    help: str
    required: bool = False
    fallback: str = ""
    """What --help says in place of the default."""

    @property
    def name(self) -> str:
        """The key in the file."""
        return self.flag.removeprefix("--")

    @property
    def full_help(self) -> str:
        """What --help shows."""
        fallback = self.fallback or ("required" if self.required else f"default: {self.default or 'none'}")
        return f"{self.help} ({self.variable}; {fallback})".replace("%", "%%")


def add_options(parser: argparse.ArgumentParser, options: Iterable[Option]) -> None:
    """Add these and --config to a parser or a subcommand's parser."""
    for option in options:
        parser.add_argument(option.flag, dest=option.name, metavar=option.metavar, help=option.full_help)
    parser.add_argument(
        "--config", metavar="FILE", help=f"TOML file with a table per program ({CONFIG_VARIABLE}; {DEFAULT_CONFIG})"
    )


def read_settings(
    given: Mapping[str, Any], table: str, options: Iterable[Option], environment: Mapping[str, str]
) -> dict[str, Any]:
    """The value of each option that `given` has as a key, by its name; `given` is what the command line or a caller
    said, None for nothing. Raises OptionError."""
    known = list(options)
    file, where = _read_file(given.get("config"), table, environment)
    unknown = sorted(set(file) - {option.name for option in known})
    if unknown:
        names = ", ".join(sorted(option.name for option in known))
        raise OptionError(f"{where} has {unknown[0]!r}, which is no option; options are {names}")
    return {option.name: _value(option, given, environment, file, where) for option in known if option.name in given}


def _value(
    option: Option, given: Mapping[str, Any], environment: Mapping[str, str], file: Mapping[str, Any], where: str
) -> Any:
    text, place = option.default, f"the default of {option.flag}"
    if given[option.name] is not None:
        text, place = str(given[option.name]), option.flag
    elif environment.get(option.variable):
        text, place = environment[option.variable], f"the environment variable {option.variable}"
    elif option.name in file:
        text, place = _text(file[option.name], f"{option.name} in {where}"), f"{option.name} in {where}"
    if text is None:
        if option.required:
            raise OptionError(
                f"{option.flag} is needed: give it, or set {option.variable}, or {option.name} in {where}"
            )
        return None
    try:
        return option.parse(text)
    except ValueError as error:
        raise OptionError(f"{place} is {text!r:.200}, which can't be: {error}") from None


def _text(value: Any, place: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise OptionError(f"{place} is {value!r:.200}, which can't be: a text or a number is wanted")
    return str(value)


def _read_file(given: str | None, table: str, environment: Mapping[str, str]) -> tuple[dict[str, Any], str]:
    """The program's table, and how to call it in messages."""
    named = given or environment.get(CONFIG_VARIABLE)
    path = Path(named or DEFAULT_CONFIG)
    try:
        path = path.expanduser()
        content = tomllib.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError, RuntimeError):
        if named:
            raise OptionError(f"the file {path} does not exist; {_named_by(given)} asks for it") from None
        content = {}
    except OSError as error:
        raise OptionError(f"can't read the file {path}: {error.strerror}; {_named_by(given)} asks for it") from None
    except ValueError as error:
        raise OptionError(f"{path} is not TOML in UTF-8: {error}") from None
    where = f"[{table}] of {path}"
    settings = content.get(table, {})
    if not isinstance(settings, dict):
        raise OptionError(f"{where} is not a table: begin it with a line [{table}]")
    return settings, where


def _named_by(given: str | None) -> str:
    return "--config" if given else f"{CONFIG_VARIABLE}, or the default,"
