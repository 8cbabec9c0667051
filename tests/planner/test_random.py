"""Random projects over several runs: edits, injections, generated jobs, failures and crashes, against the oracle."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from .drawn import history, play

SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=300)
@given(SEEDS, st.integers(2, 9), st.integers(1, 6))
def test_small_projects_with_long_histories(seed: int, size: int, runs: int) -> None:
    play(history(seed, size, runs))


@settings(max_examples=200)
@given(SEEDS, st.integers(10, 25), st.integers(1, 4))
def test_larger_projects(seed: int, size: int, runs: int) -> None:
    play(history(seed, size, runs))
