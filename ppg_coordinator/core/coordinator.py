"""The coordinator as a pure core: what peers say becomes events of the arbiter, what that decides becomes messages.

    links ─> PeerArrived, PeerSpoke, … ─> Pipegraphs, Daemons, Operators ─(fed)─> Arbiter ─> Shares ─> Tell, …

Rules
- Links are acknowledged and ordered (`ppg_protocol.session`); nothing is said twice for safety.
- What a session holds is believed from the daemons of its user, never from its MCP.
- No message of a peer raises out of `handle`: a peer that talks nonsense is turned away, with the reason.
- A new coordinator knows nothing but which machines are drained. Peers introduce themselves anew; until `grace_s` is
  over nothing is shared out. Numbers of Shares begin at `first_number`, which must be above all that former
  coordinators used: a late Holding then can't be taken for an answer to something newer.
"""

from __future__ import annotations

from collections.abc import Sequence

from ppg_protocol.cluster_messages import (
    Ask,
    CloseSession,
    Demand,
    Exclude,
    Holding,
    Leaving,
    MachineSize,
    OlderEnded,
    OpenSession,
    Register,
    SessionEnded,
)
from ppg_protocol.codec import Message
from ppg_protocol.messages import Heartbeat

from ..arbiter import Arbiter
from ..events import Elapsed
from .daemons import Daemons
from .desk import Desk, Reminder, Settings
from .events import (
    Event,
    Instruction,
    PeerArrived,
    PeerCameBack,
    PeerFellSilent,
    PeerLeft,
    PeerSpoke,
    Ticked,
    UserRevoked,
)
from .members import Peer
from .operators import Operators
from .pipegraphs import Pipegraphs
from .status import why

ROLES = ("mcp", "slave", "operator")
NOTE_PAUSE_S = 5.0


class Coordinator:
    """See the module. `sanity_check` is for tests."""

    def __init__(
        self,
        now: float,
        grace_s: float = 0.0,
        settings: Settings = Settings(),  # noqa: B008 (frozen)
        first_number: int = 0,
        drained: Sequence[str] = (),
    ) -> None:
        self._arbiter = Arbiter(now + grace_s)
        self._desk = Desk(self._arbiter, settings, first_number, now)
        self._desk.drained = dict.fromkeys(drained)
        self._pipegraphs = Pipegraphs(self._desk)
        self._daemons = Daemons(self._desk, self._pipegraphs)
        self._operators = Operators(self._desk, self._pipegraphs, self._daemons)

    def handle(self, event: Event, now: float) -> list[Instruction]:
        """Take one event in. Instructions are to be performed in their order."""
        match event:
            case PeerSpoke(peer, message):
                self._spoke(peer, message, now)
            case PeerArrived():
                self._arrived(event)
            case PeerFellSilent(peer, since):
                self._silent(peer, since, now)
            case PeerCameBack(peer):
                self._back(peer, now)
            case PeerLeft(peer, reason):
                self._left(peer, reason, now)
            case UserRevoked(user, asked_by):
                self._operators.revoked(user, asked_by, now)
            case Ticked():
                pass
        for reminder in self._desk.due(now):
            self._remember(reminder, now)
        self._operators.end_revoked(now)
        self._arbitrate(now)
        out, self._desk.out = self._desk.out, []
        return out

    def deadline(self) -> float | None:
        """When to say Ticked, unless something else comes before; None: no need."""
        times = [at for at in (self._arbiter.deadline(), self._desk.next_reminder()) if at is not None]
        return min(times, default=None)

    # --------------------------------------------------------------------------------------------------------- peers

    def _arrived(self, event: PeerArrived) -> None:
        peer = Peer(event.peer, event.user, event.role, event.host, event.is_owner)
        self._desk.peers[event.peer] = peer
        if event.role not in ROLES:
            self._desk.turn_away(peer, f"the coordinator talks to {', '.join(ROLES)}, not to {event.role!r:.40}")
        elif event.role != "operator":
            self._desk.log(f"{event.role} of {event.user} on {event.host} is here")

    def _silent(self, identity: bytes, since: float, now: float) -> None:
        peer = self._desk.peers.get(identity)
        if peer is None:
            return
        peer.silent_since = since
        graph, daemon = self._desk.pipegraph_at(peer), self._desk.daemon_at(peer)
        if peer.role != "operator" and not peer.has_finished:
            self._desk.log(f"{peer.role} of {peer.user} on {peer.host} is not heard", graph is not None)
        if graph is not None:
            self._pipegraphs.silent(graph, since)
            self._desk.remind(now + self._desk.settings.forget_s, "peer lost", identity.hex())
        elif daemon is not None:
            self._daemons.silent(daemon, since, now)
        else:
            self._desk.turn_away(peer, "it was silent; connect anew")

    def _back(self, identity: bytes, now: float) -> None:
        peer = self._desk.peers.get(identity)
        if peer is None:
            return
        peer.silent_since = None
        self._desk.log(f"{peer.role} of {peer.user} on {peer.host} is heard again")
        graph, daemon = self._desk.pipegraph_at(peer), self._desk.daemon_at(peer)
        if graph is not None:
            self._pipegraphs.back(graph)
        elif peer.lapsed is not None:
            self._pipegraphs.open_again(peer, peer.lapsed, now)
        elif daemon is not None:
            self._daemons.back(daemon, now)

    def _left(self, identity: bytes, reason: str, now: float) -> None:
        peer = self._desk.peers.pop(identity, None)
        if peer is None:
            return
        peer.is_gone, peer.silent_since = True, now
        self._desk.log(f"{peer.role} of {peer.user} on {peer.host} is gone: {reason:.1000}", True)
        graph, daemon = self._desk.pipegraph_at(peer), self._desk.daemon_at(peer)
        if graph is not None:
            self._pipegraphs.silent(graph, now)
        if daemon is not None:
            self._daemons.silent(daemon, now, now)

    # ------------------------------------------------------------------------------------------------------ messages

    def _spoke(self, identity: bytes, message: Message, now: float) -> None:
        peer = self._desk.peers.get(identity)
        if peer is None:
            return
        match peer.role:
            case "mcp":
                trouble = self._from_mcp(peer, message, now)
            case "slave":
                trouble = self._from_slave(peer, message, now)
            case _:
                trouble = self._from_operator(peer, message, now)
        if trouble is not None:
            self._desk.turn_away(peer, trouble)
            self._desk.peers[identity] = peer
            self._left(identity, trouble, now)

    def _from_mcp(self, peer: Peer, message: Message, now: float) -> str | None:
        graph = self._desk.pipegraph_at(peer)
        match message:
            case Heartbeat():
                pass
            case OpenSession():
                peer.has_finished = False
                self._pipegraphs.open(peer, message, now)
            case Demand() if graph is not None:
                return self._pipegraphs.demand(graph, message, now)
            case Exclude() if graph is not None:
                self._pipegraphs.exclude(graph, message)
            case CloseSession(session):
                peer.has_finished = True
                if graph is not None and graph.session == session:
                    graph.comes_back = False
                    self._pipegraphs.close(graph, "its run is over", now)
            case Demand() | Exclude():
                pass  # of a session that was ended meanwhile
            case _:
                return _out_of_place(peer, message)
        return None

    def _from_slave(self, peer: Peer, message: Message, now: float) -> str | None:
        daemon = self._desk.daemon_at(peer)
        if daemon is not None:
            self._daemons.heard(daemon, now)
        match message:
            case Heartbeat():
                pass
            case Register():
                return self._daemons.register(peer, message, now)
            case Holding() if daemon is not None:
                return self._daemons.holding(daemon, message)
            case SessionEnded() if daemon is not None:
                self._daemons.session_ended(daemon, message, now)
            case OlderEnded() if daemon is not None:
                self._daemons.older_ended(daemon, message, now)
            case Leaving(reason) if daemon is not None:
                self._daemons.leaving(daemon, reason, now)
            case Holding() | SessionEnded() | OlderEnded() | Leaving():
                pass  # of one that waits to replace another
            case _:
                return _out_of_place(peer, message)
        return None

    def _from_operator(self, peer: Peer, message: Message, now: float) -> str | None:
        if isinstance(message, Ask):
            self._operators.ask(peer, message, now)
        elif not isinstance(message, Heartbeat):
            return _out_of_place(peer, message)
        return None

    # --------------------------------------------------------------------------------------------------------- later

    def _remember(self, reminder: Reminder, now: float) -> None:
        match reminder.what, *reminder.keys:
            case "mcp away", session:
                self._pipegraphs.still_away(session, now)
            case "daemon silent", user, machine_id:
                self._daemons.still_silent(user, machine_id, now)
            case "daemon lost", user, machine_id:
                self._daemons.still_lost(user, machine_id)
            case "neighbours", machine_id:
                self._daemons.neighbours_late(machine_id, now)
            case "rival", user, machine_id:
                self._daemons.decide(user, machine_id, now)
            case "start", session, machine_id:
                graph = self._desk.pipegraphs.get(session)
                if graph is not None:
                    self._pipegraphs.start_if_wanted(graph, machine_id, now)
            case "peer lost", identity:
                peer = self._desk.peers.get(bytes.fromhex(identity))
                if peer is not None and peer.lapsed is not None:
                    self._desk.turn_away(peer, "it was silent for too long; connect anew")
            case "note", session:
                self._note(session, now)

    def _note(self, session: str, now: float) -> None:
        """Tell an MCP why it has no more, and how large machines are, when that has changed."""
        graph = self._desk.pipegraphs.get(session)
        if graph is None or graph.closing is not None or graph.note_at is None or now < graph.note_at:
            return
        before = graph.note, graph.largest
        graph.note = why(self._desk, graph, now)
        graph.largest = tuple(MachineSize(*size) for size in self._arbiter.largest(session))
        if (graph.note, graph.largest) != before:
            self._pipegraphs.tell_shares(graph)
        graph.note_at = None
        if graph.demand.shapes:
            self._pipegraphs.note_later(graph, now + NOTE_PAUSE_S)

    def _arbitrate(self, now: float) -> None:
        while True:
            fed, self._desk.fed = self._desk.fed, []
            for shares in self._arbiter.handle_all(fed or [Elapsed()], now):
                self._pipegraphs.publish(shares, now)
            if not self._desk.fed:
                return

    # --------------------------------------------------------------------------------------------------------- tests

    def sanity_check(self) -> None:
        """Cross-check the whole state."""
        self._arbiter.sanity_check()
        desk = self._desk
        for machine in desk.machines.values():
            assert machine.daemons, machine.machine_id
            for user, daemon in machine.daemons.items():
                assert daemon.peer.user == user, (machine.machine_id, user)
                assert daemon.peer.machine_id == machine.machine_id, (machine.machine_id, user)
                if not daemon.is_given_up:
                    for session in daemon.supervisors:
                        assert session in desk.pipegraphs, (machine.machine_id, session)
        for graph in desk.pipegraphs.values():
            for machine_id, (cores, memory_bytes) in graph.shares.items():
                held = self._arbiter.held(graph.session, machine_id)
                assert cores <= held[0], (graph.session, machine_id, held)
                assert memory_bytes <= held[1], (graph.session, machine_id, held)
        assert not desk.fed, desk.fed
        assert not desk.out, desk.out


def _out_of_place(peer: Peer, message: Message) -> str:
    return f"{type(message).__name__} is nothing that a {peer.role} says to a coordinator"
