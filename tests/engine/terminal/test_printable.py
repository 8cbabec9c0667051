"""Texts for people."""

from __future__ import annotations

import pytest

from ppg_mcp.run.printable import duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-0.3, "0s"), (0.0, "0s"), (59.4, "59s"), (61.0, "1m01s"), (3_599.9, "59m59s"), (7_260.0, "2h01m")],
)
def test_durations(seconds: float, text: str) -> None:
    """A job that was started after the moment that is shown is no younger than that: it was "-0s" old."""
    assert duration(seconds) == text
