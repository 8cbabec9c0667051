"""Daemons see each other on their machine, for as long as they live."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from ppg_cs.slave.presence import Presence

KEY = b"k" * 40
OTHER = f"""
import sys, time
from ppg_cs.slave.presence import Presence
presence = Presence(sys.argv[1], {KEY!r})
print(presence.name, flush=True)
time.sleep(600)
"""


def test_daemons_of_a_machine_see_each_other_until_they_end() -> None:
    machine = f"m {os.getpid()} ü"
    other = subprocess.Popen([sys.executable, "-c", OTHER, machine], stdout=subprocess.PIPE, text=True)
    with other:
        assert other.stdout is not None
        name = other.stdout.readline().strip()
        ours = Presence(machine, KEY)
        third = Presence(machine, KEY)
        assert ours.neighbours() == tuple(sorted((name, third.name)))
        assert third.neighbours() == tuple(sorted((name, ours.name)))
        third.close()
        assert ours.neighbours() == (name,)
        other.send_signal(signal.SIGKILL)
        other.wait()
        assert ours.neighbours() == ()
    ours.close()


def test_those_of_other_machines_and_coordinators_are_not_neighbours() -> None:
    machine = f"m {os.getpid()}"
    places = [Presence(machine, KEY), Presence(f"{machine}0", KEY), Presence(machine, b"other")]
    assert [place.neighbours() for place in places] == [(), (), ()]
    for place in places:
        place.close()
