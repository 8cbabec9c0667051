"""A few seeds of the simulation, and that a seed means the same each time."""

from __future__ import annotations

import time

import pytest

from .options import Options
from .run import simulation
from .simulation import Simulation

FIRST_SEED, SECONDS = 1000, 25.0


@pytest.mark.parametrize("seed", range(5))
def test_a_cluster_without_faults_makes_everything(seed: int) -> None:
    sim = Simulation(seed, Options())
    sim.play()
    assert sim.world.counted["runs"] == 1


REGRESSIONS = {
    "data of a session without a core keeps a wide job of another waiting": 17,
    "a share is too small for data that was loaded since": 21,
    "what was cleared for a job is too small for data that was loaded since": 32,
    "a wide job was sent where the share has not its memory": 45,
}
"""Seeds that showed mistakes. The cores' own tests have the shortest stories of them."""


@pytest.mark.parametrize("seed", REGRESSIONS.values(), ids=REGRESSIONS)
def test_what_failed_once_does_not_fail_again(seed: int) -> None:
    simulation(seed).play()


def test_random_worlds_as_many_as_fit() -> None:
    """The last line of what a failure printed names its seed."""
    give_up = time.process_time() + SECONDS
    seed = FIRST_SEED
    while time.process_time() < give_up:
        print(f"seed {seed}: python -m sim.run --seed {seed} --trace")
        simulation(seed).play()
        seed += 1


def test_a_seed_played_twice_gives_the_same_trace() -> None:
    first, second = simulation(3), simulation(3)
    first.play()
    second.play()
    assert first.world.trace == second.world.trace
