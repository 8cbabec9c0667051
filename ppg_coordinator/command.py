"""`ppg-coordinator`: keys, the daemon, and the questions to a running one.

Exit codes, also in --help: 0 done; 1 failed or refused, also a key that is not admitted; 2 wrong usage, as argparse has
it; 3 no answer from the coordinator in time.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import zmq

from ppg_protocol.endpoints import parse_endpoint
from ppg_protocol.errors import CommunicationFailure, PyPipeGraphError
from ppg_protocol.keys import KeyDirectory, make_owner_keys, make_user_keys, read_public
from ppg_protocol.open_files import raise_soft_limit
from ppg_protocol.options import Option, OptionError, add_options, read_settings
from ppg_protocol.quantities import parse_seconds, positive_seconds

from .daemon import CoordinatorDaemon, DaemonSettings
from .inquiry import inquire
from .rendering import render

PROGRAM = "ppg-coordinator"
DONE, FAILED, USAGE, NO_ANSWER = 0, 1, 2, 3
EPILOG = """\
exit codes: 0 done; 1 failed or refused, also your key, the reason is on standard error; 2 wrong usage; 3 no answer
from the coordinator within --timeout.

Options may also stand in the environment or in a TOML file, in a table [ppg-coordinator]; see each command's --help.
"""

KEYS = Option(
    "--keys", "PPG_KEYS", os.path.expanduser, None, "DIR", "directory with your keys, see `keys`", required=True
)
COORDINATOR = Option(
    "--coordinator", "PPG_COORDINATOR", str, None, "ADDRESS", "of the coordinator, tcp://HOST:PORT", required=True
)
TIMEOUT = Option("--timeout", "PPG_TIMEOUT", positive_seconds, "10", "SECONDS", "how long to wait for an answer")
LISTEN = Option(
    "--listen", "PPG_LISTEN", str, "tcp://*:7700", "ADDRESS", "where to listen, tcp://ADDRESS:PORT; * is any"
)
GRACE = Option(
    "--grace", "PPG_GRACE", parse_seconds, "10", "SECONDS", "how long to learn what runs before sharing out anything"
)
HEARTBEAT = Option("--heartbeat", "PPG_HEARTBEAT", positive_seconds, "2", "SECONDS", "between two signs of life")
SILENCE = Option(
    "--silence",
    "PPG_SILENCE",
    positive_seconds,
    None,
    "SECONDS",
    "after which a peer counts as silent; if not given, a third of the lease",
)
LEASE = Option(
    "--lease",
    "PPG_LEASE",
    positive_seconds,
    "60",
    "SECONDS",
    "how long a silent slave keeps what it holds, and a silent pipegraph its session",
)
SERVING = [LISTEN, KEYS, GRACE, HEARTBEAT, SILENCE, LEASE]
ASKING = [COORDINATOR, KEYS, TIMEOUT]
ALL = [*SERVING, COORDINATOR, TIMEOUT]

log = logging.getLogger(PROGRAM)


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    parser = _parser()
    given = vars(parser.parse_args(arguments))
    action: Callable[[dict[str, Any]], int] = given["action"]
    try:
        return action(given)
    except OptionError as error:
        return _complain(str(error), USAGE)
    except CommunicationFailure as error:
        return _complain(str(error), NO_ANSWER)
    except PyPipeGraphError as error:
        return _complain(str(error), FAILED)
    except zmq.ZMQError as error:
        return _complain(f"the network: {error}", FAILED)
    except KeyboardInterrupt:
        return _complain("interrupted", FAILED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _complain(text: str, code: int) -> int:
    print(f"{PROGRAM}: {text}", file=sys.stderr)
    return code


# -------------------------------------------------------------------------------------------------------------- actions


def _keys(given: dict[str, Any]) -> int:
    directory, user, coordinator_key = given["directory"], given["user"], given["coordinator_key"]
    if (user is None) != (coordinator_key is None):
        raise OptionError("--user and --coordinator-key go together: a colleague gives both, an owner neither")
    if user is None:
        keys = make_owner_keys(directory)
        print(f"{keys.path}: keys of a coordinator and of its owner, user {keys.user_name}")
        print(f"give colleagues {keys.path / 'coordinator.key'}; they make keys with --user and --coordinator-key")
    else:
        keys = make_user_keys(directory, user, coordinator_key)
        print(f"{keys.path}: keys of user {keys.user_name}")
        print(f"the owner of the coordinator admits them by: {PROGRAM} authorize {user} {keys.path / 'user.key'}")
    return DONE


def _serve(given: dict[str, Any]) -> int:
    settings = read_settings(given, PROGRAM, ALL, os.environ)
    silence_s = settings["silence"] or settings["lease"] / 3
    if silence_s <= settings["heartbeat"]:
        raise OptionError(
            f"--silence ({silence_s:g} s) must be longer than --heartbeat ({settings['heartbeat']:g} s), best ten "
            "times as long; if not given, it is a third of --lease"
        )
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s", force=True
    )
    _check_address(settings["listen"], serving=True)
    keys = KeyDirectory.load(settings["keys"], serving=True)
    raise_soft_limit()
    try:
        daemon = CoordinatorDaemon(
            keys,
            DaemonSettings(
                settings["listen"],
                settings["grace"],
                settings["heartbeat"],
                silence_s,
                settings["lease"],
            ),
        )
    except zmq.ZMQError as error:
        raise PyPipeGraphError(f"can't listen at {settings['listen']}: {os.strerror(error.errno or 0)}") from None
    log.info("listens at %s, keys in %s, user %s is the owner", daemon.link.endpoint, keys.path, keys.user_name)
    daemon.serve()
    return DONE


def _ask(what: str, given: dict[str, Any], *arguments: str) -> int:
    settings = read_settings(given, PROGRAM, ALL, os.environ)
    _check_address(settings["coordinator"], serving=False)
    keys = KeyDirectory.load(settings["keys"])
    answer = inquire(settings["coordinator"], keys, what, arguments, settings["timeout"])
    if what != "status":
        print(answer.text)
        return DONE
    document = json.loads(answer.document)
    print(json.dumps(document, indent=2) if given["json"] else render(document))
    return DONE


def _check_address(endpoint: str, serving: bool) -> None:
    try:
        address = parse_endpoint(endpoint, serving)
    except PyPipeGraphError as error:
        raise OptionError(str(error)) from None
    if address is None:
        raise OptionError(f"{endpoint} is no address between machines: write tcp://HOST:PORT")


def _status(given: dict[str, Any]) -> int:
    return _ask("status", given)


def _authorize(given: dict[str, Any]) -> int:
    return _ask("authorize", given, given["name"], read_public(Path(given["file"])).decode())


def _revoke(given: dict[str, Any]) -> int:
    return _ask("revoke", given, given["name"])


def _drain(given: dict[str, Any]) -> int:
    return _ask("drain", given, given["host"])


def _undrain(given: dict[str, Any]) -> int:
    return _ask("undrain", given, given["host"])


# --------------------------------------------------------------------------------------------------------------- parser


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        PROGRAM,
        description="Divides machines among pipegraphs and users.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(required=True)

    def command(name: str, action: Callable[[dict[str, Any]], int], text: str, options: list[Option]) -> Any:
        added = commands.add_parser(
            name,
            help=text,
            description=text,
            epilog=EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        added.set_defaults(action=action)
        if options:
            add_options(added, options)
        return added

    keys = command("keys", _keys, "make a directory with new keys", [])
    keys.add_argument("directory", metavar="DIR", help="which must be new or empty")
    keys.add_argument("--user", metavar="NAME", help="keys for a colleague, who is to be called this")
    keys.add_argument("--coordinator-key", metavar="FILE", help="coordinator.key, from the owner of the coordinator")
    command("serve", _serve, "be the coordinator, in the foreground; logs go to standard error", SERVING)
    status = command("status", _status, "show machines, pipegraphs, who holds what and waits for what", ASKING)
    status.add_argument("--json", action="store_true", help="as JSON, for programs")
    authorize = command("authorize", _authorize, "admit a user (owner only)", ASKING)
    authorize.add_argument("name", metavar="NAME", help="of the user, in status and logs")
    authorize.add_argument("file", metavar="FILE.key", help="user.key, from that user's key directory")
    revoke = command("revoke", _revoke, "admit a user no more, and end all that this user runs (owner only)", ASKING)
    revoke.add_argument("name", metavar="NAME")
    drain = command("drain", _drain, "let a machine take no new jobs (owner only)", ASKING)
    drain.add_argument("host", metavar="HOST", help="host name or machine id, see status")
    undrain = command("undrain", _undrain, "let a drained machine take jobs again (owner only)", ASKING)
    undrain.add_argument("host", metavar="HOST", help="host name or machine id, see status")
    return parser


if __name__ == "__main__":
    sys.exit(main())
