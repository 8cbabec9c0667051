"""What never ends, and will not be asked to: Ctrl-C ends it all the same."""

from __future__ import annotations

import os
import signal

import pytest

from ..project import Project
from ..scripts import PATIENCE_S, Scripts, until

SCRIPT = """
import subprocess, threading

def stubborn():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals))
    subprocess.Popen(["sleep", "1000"], start_new_session=True)
    if os.fork() == 0:
        os.setsid()
    tell("reached")
    while True:
        threading.Event().wait(1000)

ppg.new_pipegraph(interactive=False)
first = ppg.FileGeneratingJob("first", write("first"))
KIND = os.environ["KIND"]
if KIND == "job":
    ppg.FileGeneratingJob("bad", stubborn).depends_on(first)
elif KIND == "load":
    ppg.FileGeneratingJob("bad", write()).depends_on(ppg.DataLoadingJob("load", stubborn).depends_on(first))
else:
    ppg.JobGeneratingJob("bad", stubborn).depends_on(first)
ppg.run()
"""


@pytest.mark.parametrize("kind", ["job", "load", "generator"])
def test_ctrl_c_ends_what_ignores_all_signals(project: Project, scripts: Scripts, kind: str) -> None:
    script = scripts.start(SCRIPT, more_env={"KIND": kind})
    until(lambda: "reached" in project.calls(), "the stubborn one")
    os.kill(script.pid, signal.SIGINT)
    _, err = script.communicate(timeout=PATIENCE_S)
    assert "KeyboardInterrupt" in err
    until(lambda: scripts.processes() == [], "the end of all processes")
    assert project.read("first") == "first"
