"""Shows the log records that running pipegraphs send to port 5005: `python -m ppg_mcp.util.log_listener`."""

from __future__ import annotations

import json
import socket
import sys

LOG_PORT = 5005


def main() -> int:
    """Print records until Ctrl-C."""
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
