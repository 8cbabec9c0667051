"""Random histories of offers, ends, losses, retractions, withdrawals and shares, against the naive model."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from .world import GB, World

CORES = st.sampled_from([1, 1, 1, 2, 4, 9, -1, -2])
MEMORY = st.sampled_from([0, 0, 0, GB, 3 * GB, 9 * GB])


class Histories(RuleBasedStateMachine):
    """Ends by letting everything run dry: who is ready gets its turn, however the history was."""

    @initialize(cores=st.sampled_from([1, 2, 4, 8]))
    def begin(self, cores: int) -> None:
        self.world = World()
        self.next = 0
        self.world.machine("a", cores=cores, gb=8)

    @rule(name=st.sampled_from("bc"), cores=st.sampled_from([1, 2, 8]), gb=st.sampled_from([1, 4, 16]))
    def another_machine(self, name: str, cores: int, gb: int) -> None:
        if name not in self.world.shares:
            self.world.machine(name, cores=cores, gb=gb)

    @rule(name=st.sampled_from("abc"), cores=st.integers(0, 8), gb=st.integers(0, 16))
    def another_share(self, name: str, cores: int, gb: int) -> None:
        if name in self.world.shares:
            self.world.share(name, cores, gb)

    @rule(name=st.sampled_from("bc"))
    def a_machine_vanishes(self, name: str) -> None:
        if name in self.world.shares:
            self.world.vanish(name)

    @rule(name=st.sampled_from("abc"), gb=st.integers(0, 8))
    def data_grows_or_shrinks(self, name: str, gb: int) -> None:
        if name in self.world.shares:
            self.world.data_size(name, gb)

    @rule(cores=CORES, memory=MEMORY, loads=st.sampled_from([(), (), (1,), (1, 2)]), priority=st.integers(0, 3))
    def offer(self, cores: int, memory: int, loads: tuple[int, ...], priority: int) -> None:
        self.next += 1
        self.world.offer(self.next, cores, memory, loads, priority)

    @rule()
    def dispatch(self) -> None:
        self.world.dispatch()

    @precondition(lambda self: self.world.out)
    @rule(data=st.data(), runtime_s=st.sampled_from([0.0, 0.001, 0.1, 100.0]))
    def end(self, data: st.DataObject, runtime_s: float) -> None:
        self.world.end(data.draw(st.sampled_from(sorted(self.world.out))), runtime_s)

    @precondition(lambda self: self.world.out)
    @rule(data=st.data())
    def retract(self, data: st.DataObject) -> None:
        self.world.retract(data.draw(st.sampled_from(sorted(self.world.out))))

    @precondition(lambda self: self.world.out)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        self.world.lose(data.draw(st.sampled_from(sorted(self.world.out))))

    @precondition(lambda self: self.world.out)
    @rule(data=st.data())
    def lose_a_machine(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted({sent.machine for sent in self.world.out.values()})))
        for attempt in [a for a, sent in self.world.out.items() if sent.machine == name]:
            self.world.lose(attempt)

    @precondition(lambda self: self.world.ready or self.world.out)
    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        jobs = sorted({*self.world.ready, *(sent.job for sent in self.world.out.values())})
        self.world.withdraw(data.draw(st.sampled_from(jobs)))

    @rule(data=st.data())
    def steal(self, data: st.DataObject) -> None:
        started = data.draw(st.sets(st.sampled_from(sorted(self.world.out)))) if self.world.out else set()
        self.world.dispatch()
        self.world.steal(started)

    @rule(name=st.sampled_from("abc"), load=st.integers(1, 2), here=st.booleans())
    def data_comes_and_goes(self, name: str, load: int, here: bool) -> None:
        if name in self.world.shares:
            (self.world.resident if here else self.world.gone)(name, load)

    @invariant()
    def books_agree(self) -> None:
        self.world.check()

    def teardown(self) -> None:
        if hasattr(self, "world"):
            for name in self.world.shares:
                self.world.share(name, 64)
            self.world.run_dry()
            assert set(self.world.over) == set(range(1, self.next + 1)), "every job came to an end"


Histories.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
TestHistories = Histories.TestCase
