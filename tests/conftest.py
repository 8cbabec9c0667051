"""For all tests: signals as at a prompt, whatever the suite was started by; and no example is timed."""

from __future__ import annotations

import gc
import signal

import hypothesis
import pytest

hypothesis.settings.register_profile("patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("patient")


def pytest_collection_finish() -> None:
    """Runs are forks of this process: what was collected is not to be looked at, and so copied, in each of them."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def ctrl_c_is_not_ignored() -> None:
    """A shell script that starts the suite with `&` lets it ignore SIGINT, nohup SIGHUP; scripts of tests would inherit
    that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
