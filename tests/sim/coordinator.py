"""The coordinator: the real core and link. Turns are those of `ppg_coordinator.daemon`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ppg_coordinator.core import Coordinator as Core
from ppg_coordinator.core.desk import Settings
from ppg_coordinator.core.events import (
    Event,
    Instruction,
    KeepDrained,
    Log,
    PeerArrived,
    PeerCameBack,
    PeerFellSilent,
    PeerLeft,
    PeerSpoke,
    ShutOut,
    Tell,
    Ticked,
    TurnAway,
    UserRevoked,
)
from ppg_protocol.cluster_messages import Ask
from ppg_protocol.link import Delivery
from ppg_protocol.messages import Heartbeat, Hello
from ppg_protocol.session import Timing
from ppg_protocol.session_events import Deliver, Established, HeartbeatDue, PeerReturned, PeerSilent, Refused

from . import links
from .world import Host, Process

if TYPE_CHECKING:
    from .simulation import Simulation


OPERATOR = b"operator"
"""Who asks without a link."""


class Coordinator(Process):
    """See the module. `kept`: machines that are drained, on its disk."""

    def __init__(self, sim: Simulation, host: Host, kept: tuple[str, ...] = ()) -> None:
        super().__init__(sim.world, host, "owner", "coordinator")
        options = sim.options
        self.sim, self.kept, self.began_at = sim, kept, sim.world.now
        settings = Settings(lease_s=options.lease_s, heartbeat_s=options.heartbeat_s)
        number = int(1000 * sim.world.now) * 1000
        self.core = Core(self.now, options.grace_s, settings, number, kept)
        timing = Timing(options.heartbeat_s, options.silence_s)
        greeting = links.hello(self, links.COORDINATOR, links.COORDINATOR, 0)
        self.link = links.server(sim.network, self, "coordinator", greeting, timing)
        links.refuse(self.link, sim.revoked)
        self._known: dict[bytes, None] = {}
        self._has_decided = False
        self.wake()

    def deadline(self) -> float | None:
        """See Process."""
        times = [self.link.deadline(), self.core.deadline()]
        return min((at for at in times if at is not None), default=None)

    def play(self) -> None:
        """See Process."""
        for delivery in [*self.link.receive(self.now), *self.link.tick(self.now)]:
            self._on_delivery(delivery)
        self.take_posted()
        due = self.core.deadline()
        if due is not None and due <= self.now:
            self._feed(Ticked())
        if self._has_decided:
            self._has_decided = False
            self.core.sanity_check()
            self.sim.judge.bounded(self, map(self.link.session, self._known))

    def drain(self, machine: str, drained: bool) -> None:
        """What an operator asks for, without the operator."""
        self.post(lambda: self._drain(machine, drained))

    def _drain(self, machine: str, drained: bool) -> None:
        self._feed(PeerArrived(OPERATOR, "owner", "operator", "here", True))
        self._feed(PeerSpoke(OPERATOR, Ask("drain" if drained else "undrain", (machine,))))
        self._feed(PeerLeft(OPERATOR, "done"))

    def revoke(self, user: str) -> None:
        """The user's key counts for nothing, from now on."""
        self.sim.revoked.add(user)
        self.post(lambda: self._feed(UserRevoked(user, OPERATOR)))

    def _shut_out(self, user: str) -> None:
        """As ServerLink.shut_out, which knows keys."""
        for peer in [peer for peer in self._known if links.user_of(self.link, peer) == user]:
            self.link.dismiss(peer, f"user {user} was revoked", self.now)
        links.hang_up(self.link)

    def _on_delivery(self, delivery: Delivery) -> None:
        peer = delivery.peer
        match delivery.what:
            case Established(theirs):
                self._arrived(peer, theirs)
            case Deliver(messages):
                for message in messages:
                    if peer in self._known:
                        self._feed(PeerSpoke(peer, message))
            case HeartbeatDue():
                self.link.send(peer, [Heartbeat((), (), 0)], self.now)
            case PeerSilent(since):
                self._feed(PeerFellSilent(peer, since))
            case PeerReturned():
                self._feed(PeerCameBack(peer))
            case Refused(reason):
                links.refused(self, reason)
                self._gone(peer, reason)

    def _arrived(self, peer: bytes, theirs: Hello) -> None:
        self._gone(peer, "another process has taken its place")
        if links.user_of(self.link, peer) in self.sim.revoked:
            self.link.dismiss(peer, "this key is not authorised any more", self.now)
            return
        self._known[peer] = None
        self._feed(PeerArrived(peer, links.user_of(self.link, peer), theirs.role, theirs.host, False))

    def _gone(self, peer: bytes, reason: str) -> None:
        if peer in self._known:
            self._known.pop(peer, None)
            self._feed(PeerLeft(peer, reason))

    def _feed(self, event: Event) -> None:
        self._has_decided = True
        for instruction in self.core.handle(event, self.now):
            self._perform(instruction)

    def _perform(self, instruction: Instruction) -> None:
        match instruction:
            case Tell(peer, message):
                if peer != OPERATOR:
                    self.link.send(peer, [message], self.now)
            case TurnAway(peer, reason):
                self._known.pop(peer, None)
                self.link.dismiss(peer, reason, self.now)
            case Log(text, _):
                self.note(text)
            case KeepDrained(machines):
                self.kept = machines
            case ShutOut(user):
                self._shut_out(user)
            case _:
                raise AssertionError(instruction)

    def on_death(self) -> None:
        """See Process."""
        self.sim.coordinator_died(self)
