"""A test suite is the master: pytest captures streams, replaces warnings, runs in workers of xdist."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ..project import Project

SUITE = """
import warnings
from pathlib import Path

import pypipegraph as ppg
import pytest


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def callback(path):
    print("in the job")
    Path(path).write_text("x")


@pytest.mark.parametrize("n", range(4))
def test_a_run(n, request):
    for expected in (True, False):
        ppg.new_pipegraph()
        job = ppg.FileGeneratingJob("a", callback)
        ppg.run()
        assert job.was_run == expected
    assert Path("a").read_text() == "x"


def test_streams(capfd):
    ppg.new_pipegraph()
    job = ppg.FileGeneratingJob("a", callback)
    print("in the test")
    ppg.run()
    assert job.stdout == "in the job\\n"
    out, err = capfd.readouterr()
    assert out == "in the test\\n"
    assert "1 job run" in err


def test_a_failing_assert_in_a_job():
    def check():
        assert [1, 2] == [1, 3]

    ppg.new_pipegraph()
    job = ppg.FileGeneratingJob("a", check)
    with pytest.raises(ppg.RuntimeError):
        ppg.run()
    assert isinstance(job.exception, AssertionError)
    assert "At index 1" in str(job.exception), "pytest's explanation comes along"


def test_pytest_exceptions_in_a_job():
    ppg.new_pipegraph()
    skipping = ppg.FileGeneratingJob("a", lambda: pytest.skip("no"))
    failing = ppg.FileGeneratingJob("b", lambda: pytest.fail("bad"))
    with pytest.raises(ppg.RuntimeError):
        ppg.run()
    assert "no" in skipping.error_reason
    assert "bad" in failing.error_reason


def test_a_warning_in_a_job_does_not_leave_it():
    def warn(path):
        warnings.warn("old", DeprecationWarning)
        callback(path)

    ppg.new_pipegraph()
    job = ppg.FileGeneratingJob("a", warn)
    ppg.run()
    assert job.was_run
"""


@pytest.mark.parametrize(
    "options",
    ["", "-s", "--capture=sys", "-n 2", "-p no:faulthandler -p no:logging -p no:warnings"],
)
def test_a_suite_that_runs_pipegraphs(project: Project, options: str) -> None:
    Path("test_suite.py").write_text(SUITE)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--basetemp=runs", *options.split()]
    done = subprocess.run(
        [*command, "test_suite.py"], capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 passed" in done.stdout
    assert done.stdout.count("in the job") == 0
