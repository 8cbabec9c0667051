"""The process of one session on this machine, started by the daemon: `python -m ppg_cs.slave.session FD`.

FD is its end of the channel to the daemon; the first packet says what to do. It becomes a supervisor and stays one.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import traceback
import warnings
from typing import NoReturn

from ppg_cs import hygiene
from ppg_cs.control import Channel
from ppg_cs.slave import session_setup
from ppg_cs.slave.cluster_supervisor import ClusterSupervisor
from ppg_cs.slave.session_setup import SessionSetup


def main() -> NoReturn:
    """The process's whole life."""
    code = 1
    try:
        end = socket.socket(fileno=int(sys.argv[1]))
        os.set_inheritable(end.fileno(), False)
        channel = Channel(end)
        packet = channel.receive()
        if packet is not None:
            end.setblocking(False)
            kind, *fields = packet[0]
            assert kind == session_setup.SETUP, kind
            code = _supervise(SessionSetup.unpack(fields), channel)
    except BaseException:
        traceback.print_exc()
    finally:
        hygiene.leave(code, sys.stderr)


def _supervise(setup: SessionSetup, channel: Channel) -> int:
    os.setsid()
    hygiene.reset_signals()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    hygiene.adopt_orphans()
    warnings.filterwarnings("ignore", ".*use of fork.*", DeprecationWarning)
    return ClusterSupervisor(setup, channel).serve()


if __name__ == "__main__":
    main()
