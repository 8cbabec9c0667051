"""Shows the log records that running pipegraphs send to port 5005: `python -m ppg_mcp.util.log_listener`."""

from __future__ import annotations

import json
import socket
import sys

LOG_PORT = 5005
DESCRIPTION = "Show the log records that running pipegraphs send to UDP port 5005 of this machine."
EPILOG = "Ctrl-C ends it. Exit codes: 0 ended, 1 the port is taken, 2 wrong usage."


def main() -> int:
    """Print records until Ctrl-C."""
    import argparse  # runs import this module for the port

    argparse.ArgumentParser("python -m ppg_mcp.util.log_listener", description=DESCRIPTION, epilog=EPILOG).parse_args()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        try:
            listener.bind(("127.0.0.1", LOG_PORT))
        except OSError as error:
            print(f"Can't listen on 127.0.0.1:{LOG_PORT} (UDP): {error}. Is another listener running?", file=sys.stderr)
            return 1
        print(f"Listening on 127.0.0.1:{LOG_PORT} (UDP); Ctrl-C ends.", file=sys.stderr)
        while True:
            try:
                datagram, _ = listener.recvfrom(65535)
            except KeyboardInterrupt:
                return 0
            for line in datagram.decode("utf-8", "replace").splitlines():
                print(_formatted(line), flush=True)


def _formatted(line: str) -> str:
    try:
        record = json.loads(line)
        return f"{record['time']} {record['pid']:>7} {record['level']:<7} {record['message']}"
    except (ValueError, KeyError, TypeError):
        return line


if __name__ == "__main__":
    sys.exit(main())
