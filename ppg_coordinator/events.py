"""What the arbiter is told and what it says. Cores and bytes are those of semantics §6; every number is absolute.

The contract with a session, which is a master and its supervisors: the master demands, the supervisors obey and say
what is held.
- `Shares` replaces what the former one said; a machine that is absent from it may not be used any more. The
  session obeys at once: it starts nothing that exceeds the share, and kills nothing that does.
- After a `Shares` that lowers its share of a machine it says `Held` for that machine, at the latest when it holds
  no more than the share (at once, if that is so already), earlier with values in between if it likes. `Held`
  promises: I hold at most this, and shall not take more until a `Shares` with a number above `number` allows it.
  What is not acknowledged is handed to nobody else.
- To a coordinator that does not know it (restarted, or the session came back after it was closed) it says
  SessionOpened, then `Held` with number 0 for each machine it holds something on, then Demand.
- A share of a whole machine is what its wide jobs (cores -1, -2) wait for: they start before anything else there
  (see `turns`).
- A session gets shares of machines that are open to its user, and that it did not exclude. What it holds where it
  may not be any more stays counted until it says Held, or somebody says that it is gone.
"""

from __future__ import annotations

from dataclasses import dataclass

ALL_CORES = -1
WHOLE_MACHINE = -2


@dataclass(frozen=True, slots=True)
class Shape:
    """`count` jobs that need this much each: cores > 0, ALL_CORES or WHOLE_MACHINE; `memory_bytes` 0 when
    undeclared. `data_bytes`: what the data takes that must be loaded where they run, once for all of them."""

    cores: int
    memory_bytes: int
    count: int
    data_bytes: int = 0

    def __post_init__(self) -> None:
        if self.cores == 0 or self.cores < WHOLE_MACHINE or self.count < 0:
            raise ValueError(
                f"{self} can't be demanded: cores are positive, -1 (all of a machine) or -2 (a machine alone), "
                "the count is not negative. Whoever made this demand should be corrected."
            )


@dataclass(frozen=True, slots=True)
class MachineJoined:
    """A machine is there, or has other resources or users than before. `users`: whose sessions may use it (None:
    everybody's). `withheld`: it is not known yet what is in use there, so nobody gets more than they hold."""

    machine: str
    cores: int
    memory_bytes: int
    drained: bool = False
    users: frozenset[str] | None = None
    withheld: bool = False

    def __post_init__(self) -> None:
        if self.cores < 1 or self.memory_bytes < 1:
            raise ValueError(
                f"{self} can't join: it needs at least one core and some memory. Check its --cores, --memory."
            )


@dataclass(frozen=True, slots=True)
class MachineLeft:
    """A machine is gone, and with it all that ran there."""

    machine: str


@dataclass(frozen=True, slots=True)
class Vacated:
    """Nothing that a user's sessions held on a machine runs there any more."""

    machine: str
    user: str


@dataclass(frozen=True, slots=True)
class MachineDrained:
    """Nothing new may start on a machine; what runs there ends by itself."""

    machine: str


@dataclass(frozen=True, slots=True)
class MachineUndrained:
    """A drained machine is in use again."""

    machine: str


@dataclass(frozen=True, slots=True)
class SessionOpened:
    """A pipegraph of a user is there; one that is known already is told its shares again. Numbers of its Shares begin
    after `number`: above all that may still be on their way from an earlier time. If there was one (it is not 0), the
    session is told its shares even if it has none: it may still go by others."""

    session: str
    user: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class SessionClosed:
    """A session is over and nothing of it runs any more, on no machine (confirmed, or its leases ran out)."""

    session: str


@dataclass(frozen=True, slots=True)
class Excluded:
    """A session can't work on a machine (or can again: `excluded` is false)."""

    session: str
    machine: str
    excluded: bool = True


@dataclass(frozen=True, slots=True)
class Demand:
    """All jobs of a session that run or could run now. `loaded`: what its data takes on machines where some is loaded,
    needed or not."""

    session: str
    shapes: tuple[Shape, ...]
    loaded: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """What a session holds of a machine, at most, as of the Shares with this number (0: none yet)."""

    session: str
    number: int
    machine: str
    cores: int
    memory_bytes: int

    def __post_init__(self) -> None:
        if self.cores < 0 or self.memory_bytes < 0 or self.number < 0:
            raise ValueError(f"{self} can't be: nobody holds less than nothing. Whoever said this should be corrected.")


@dataclass(frozen=True, slots=True)
class Elapsed:
    """The deadline has come."""


Event = (
    MachineJoined
    | MachineLeft
    | Vacated
    | MachineDrained
    | MachineUndrained
    | SessionOpened
    | SessionClosed
    | Excluded
    | Demand
    | Held
    | Elapsed
)


@dataclass(frozen=True, slots=True)
class Shares:
    """What a session may use from now on: (machine, cores, memory_bytes) each. Numbers of a session rise by one."""

    session: str
    number: int
    machines: tuple[tuple[str, int, int], ...]


Instruction = Shares


@dataclass(frozen=True, slots=True)
class Use:
    """What a session may use of a machine now (granted), and what it may be using, as far as is known (held)."""

    machine: str
    session: str
    granted_cores: int
    granted_bytes: int
    held_cores: int
    held_bytes: int
