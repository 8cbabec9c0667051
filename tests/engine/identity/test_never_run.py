"""A script that makes jobs and does not run them is told so at its end; nobody else is."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ..scripts import Scripts

BUILD = """
ppg.new_pipegraph()
ppg.FileGeneratingJob("f", write())
"""
WORD = "pypipegraph: the script made jobs and ended without run(), so nothing was done.\n"


def test_jobs_that_are_never_run(scripts: Scripts) -> None:
    done = scripts.run(BUILD)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", WORD)


@pytest.mark.parametrize(
    "text",
    [
        "ppg.new_pipegraph()",
        f"{BUILD}ppg.run()",
        f"{BUILD}ppg.run(dry_run=True)",
        f"{BUILD}ppg.util.global_pipegraph.run()",
        f"{BUILD}ppg.destroy_global_pipegraph()",
        f"{BUILD}raise ValueError('something else')",
        f"{BUILD}os.kill(os.getpid(), signal.SIGINT)",
        f"{BUILD}sys.stderr.close()",
        f"{BUILD}import pytest",
        "ppg.new_pipegraph(quiet=True)\nppg.FileGeneratingJob('f', write())",
        f"{BUILD}if os.fork():\n    os.wait()\n    ppg.run()",
    ],
)
def test_nothing_to_say(scripts: Scripts, text: str) -> None:
    assert WORD not in scripts.run(text).stderr


def test_not_in_a_session(scripts: Scripts) -> None:
    script = scripts.write(BUILD)
    command = [sys.executable, "-i", str(script)]
    done = subprocess.run(command, cwd=scripts.path, input="", capture_output=True, text=True)
    assert WORD not in done.stderr
