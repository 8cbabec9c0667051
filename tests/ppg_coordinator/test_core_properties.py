"""Whatever comes in whatever order: no machine is overcommitted, nothing raises, and once it is quiet everybody agrees.

In two phases: random events over late links (safety), then all come back, all messages are read, all that exceeds a
limit ends (agreement).
"""

from __future__ import annotations

from core_world import Mcp, Slave, World
from hypothesis import given, settings
from hypothesis import strategies as st

from ppg_coordinator.core import Coordinator
from ppg_coordinator.core.events import Ticked
from ppg_protocol.cluster_messages import Leaving, SessionEnded

USERS = "abc"
MACHINES = ["m0", "m1"]
SLAVES = [(machine, user) for machine in MACHINES for user in USERS]
SESSIONS = [("a1", "a"), ("a2", "a"), ("b1", "b"), ("c1", "c")]
CORES = {"m0": 8, "m1": 4}
LEASE_S = 20.0
SILENCE_S = 8.0
LATE_S = 12.0
"""Later no daemon finds a new coordinator. Less than the lease, more than the grace period."""

KINDS = (
    ["slave", "kill", "silence", "back", "open", "close", "mcp silence", "mcp back", "drain", "exclude", "fail"]
    + ["leave", "newer", "restart"]
    + ["demand", "read", "say", "start", "finish", "wait"] * 4
)
steps = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 11), st.integers(0, 12)), max_size=80)


class Story(World):
    """A world in which steps are taken by number."""

    def __init__(self) -> None:
        super().__init__(lease_s=LEASE_S)
        self.restarts = 0
        self.silent_since: dict[bytes, float] = {}
        self.late: dict[str, float] = {}
        """Daemons that have not found the new coordinator, and since when."""
        self.old: list[tuple[float, Slave]] = []
        """Killed then, and not yet known to be."""

    def act(self, what: str, which: int, much: int) -> None:
        """One step of whatever kind, if it is possible now."""
        machine, user = SLAVES[which % len(SLAVES)]
        slave = self.slaves.get(machine + user)
        session, owner = SESSIONS[which % len(SESSIONS)]
        mcp = self.mcps.get(session)
        if what in ("slave", "kill", "silence", "back", "fail", "leave", "start", "finish"):
            self.act_on_slave(what, machine, user, slave, much)
        elif what == "open":
            if mcp is None or mcp.turned_away:
                self.mcp(session, owner, f"/{session[0]}")
        elif what == "wait":
            self.wait(much)
        elif what == "drain":
            self.ask("drain" if much % 3 == 0 else "undrain", machine)
        elif what == "restart":
            self.restart(much)
        elif what == "cut off":
            self.cut_off(much)
        elif what in ("read", "say"):
            talkers = self.living()
            if talkers:
                talker = talkers[which % len(talkers)]
                if what == "read" and talker.inbox:
                    talker.read()
                elif what == "say" and talker.outbox:
                    self.say(talker, talker.outbox.popleft())
        elif mcp is not None:
            self.act_on_mcp(what, mcp, much)
        self.check()

    def act_on_mcp(self, what: str, mcp: Mcp, much: int) -> None:
        if what == "close":
            self.close(mcp)
        elif what == "mcp silence":
            self.fall_silent(mcp)
        elif what == "mcp back":
            self.come_back(mcp)
        elif what == "exclude":
            self.exclude(mcp, MACHINES[much % 2])
        elif what == "demand":
            shapes = [(1, 0, 50), (1, 0, much), (2, 0, much), (-2, 0, 1)]
            self.demand(mcp, shapes[much % 4])
        elif what == "newer":
            (slot,) = [slot for slot, known in self.mcps.items() if known is mcp]
            newer = self.mcp(f"{mcp.user}-newer{self._identities}", mcp.user, mcp.project, mcp.epoch + 1)
            self.mcps[slot] = self.mcps.pop(newer.session)

    def act_on_slave(self, what: str, machine: str, user: str, slave: Slave | None, much: int) -> None:
        if machine + user in self.late and what in ("slave", "silence", "leave"):
            self.come_late(machine + user)
        elif what == "slave":
            if slave is None:
                self.slave(machine + user, user, machine, CORES[machine])
            elif slave.turned_away:
                slave.supervisors.clear()
                self.reconnect(slave)
        elif slave is None:
            return
        elif what == "kill":
            self.kill(machine + user)
            self.old.append((self.silent_since.get(slave.identity, self.now), slave))
        elif what == "silence":
            if slave.identity not in self.silent:
                self.silent_since[slave.identity] = self.now
            self.fall_silent(slave)
        elif what == "back":
            self.come_back(slave)
        elif what == "leave":
            if much % 4 == 0:
                self.say(slave, Leaving("told to"))
        else:
            for session in list(slave.supervisors):
                if what == "fail":
                    slave.fail(session)
                elif what == "start":
                    slave.start(session, much)
                else:
                    slave.finish(session, much)

    def wait(self, much: int) -> None:
        """What a daemon ran that was silent for the lease has ended by then: its supervisors have leases, too."""
        self.now += much / 2
        for name, since in list(self.late.items()):
            if self.now >= since + LATE_S:
                self.come_late(name)
        for slave in self.slaves.values():
            since = self.silent_since.get(slave.identity, self.now)
            if slave.identity in self.silent and self.now >= since + LEASE_S:
                for session in list(slave.supervisors):
                    del slave.supervisors[session]
                    slave.outbox.append(SessionEnded(session, 7, "lease"))
        self.notice_killed(SILENCE_S)
        self.send(Ticked())

    def notice_killed(self, after_s: float) -> None:
        """Their links report silence."""
        for since, slave in list(self.old):
            if self.now >= since + after_s:
                self.old.remove((since, slave))
                self.fall_silent(slave)

    def restart(self, late: int) -> None:
        """Another coordinator on the same address; all find it at once, but for some daemons: `late` has their bits."""
        self.restarts += 1
        self.silent.clear()
        self.old.clear()
        self.core = Coordinator(self.now, 5.0, self.settings, self.restarts * 10**6)
        self.late = {name: self.now for number, name in enumerate(self.slaves) if late >> number & 1}
        for name, slave in self.slaves.items():
            slave.turned_away = "not connected" if name in self.late else None
            if name not in self.late:
                self.reconnect(slave)
        for mcp in self.mcps.values():
            if not mcp.turned_away:
                self.reconnect(mcp)

    def cut_off(self, times: int) -> None:
        """All machines at once. Who is late does not get through either."""
        late, self.late = list(self.late), {}
        heard = [slave for name, slave in self.slaves.items() if name not in late and slave.identity not in self.silent]
        for slave in heard:
            self.silent_since[slave.identity] = self.now
            self.fall_silent(slave)
        for _ in range(times):
            self.wait(4)  # two seconds
        self.late = dict.fromkeys(late, self.now)
        for slave in heard:
            self.come_back(slave)

    def come_late(self, name: str) -> None:
        """A daemon finds the new coordinator."""
        if self.late.pop(name, None) is not None and name in self.slaves:
            self.reconnect(self.slaves[name])

    def come_to_rest(self) -> None:
        """Everybody is back, nothing starts any more."""
        for name in list(self.late):
            self.come_late(name)
        for talker in [*self.slaves.values(), *self.mcps.values()]:
            self.come_back(talker)
        self.notice_killed(0.0)
        for slave in self.slaves.values():
            for session in slave.supervisors:
                slave.finish(session)
        self.advance(3 * LEASE_S)
        self.settle()
        self.advance(3 * LEASE_S)


RESTARTS = ["restart", "cut off", "slave", "demand", "read", "fill", "wait"]
restarts = st.lists(st.tuples(st.sampled_from(RESTARTS), st.integers(0, 5), st.integers(0, 12)), max_size=12)


@settings(max_examples=150)
@given(restarts)
def test_after_restarts_late_daemons_find_room_for_what_they_run(story: list[tuple[str, int, int]]) -> None:
    world = Story()
    for user in USERS:
        world.slave(f"m0{user}", user, "m0", 8)
        world.demand(world.mcp(f"{user}1", user, f"/{user}"), (1, 0, 50))
    world.settle()
    for what, which, much in story:
        if what == "read":
            world.settle(much)
        elif what == "fill":
            world.fill()
        else:
            world.act(what, which, much)
        world.wait(0)
    world.wait(12)
    world.wait(12)
    world.settle()
    world.fill()


@settings(max_examples=200)
@given(steps)
def test_what_runs_always_fits_and_all_agree_in_the_end(story: list[tuple[str, int, int]]) -> None:
    world = Story()
    world.slave("m0a", "a", "m0", 8)
    world.slave("m0b", "b", "m0", 8)
    for session, user in (("a1", "a"), ("b1", "b")):
        world.demand(world.mcp(session, user, f"/{session[0]}"), (1, 0, 50))
    for step in story:
        world.act(*step)
    world.come_to_rest()
    open_ = {mcp.session: mcp for mcp in world.mcps.values() if not mcp.turned_away}
    known = {graph["session"]: graph for graph in world.status()["pipegraphs"]}
    assert set(known) <= set(open_)
    for slave in world.slaves.values():
        if slave.turned_away:
            continue
        for session, running in slave.supervisors.items():
            assert session in known, "nothing of a session that is over goes on"
            assert running.limit[0] == open_[session].shares.get(slave.machine_id, 0), session
    for session, graph in known.items():
        may_use = {part["machine_id"]: part["cores"] for part in graph["may_use"]}
        assert may_use == open_[session].shares
        for machine in may_use:
            user = open_[session].user
            assert session in world.slaves[machine + user].supervisors, "a share is of use"
