"""Pipegraphs: opened, superseded, told their shares, closed.

Rules
- A session is closed for the arbiter when no daemon has a supervisor of it any more: each was sent StopSession and said
  SessionEnded, or was given up.
- One session per project: a higher epoch ends those with lower ones; a lower one is turned away.
- An MCP that is silent for the lease loses its session. When it is heard again it gets a new one under the old name.
- A session that slaves hold and no MCP claims (we were restarted) is waited for as long as the lease.
- A supervisor is started when the session first has cores on its machine. One that ended by itself is started again,
  each time after a longer pause (`FIRST_PAUSE_S`, doubled up to `LONGEST_PAUSE_S`).
"""

from __future__ import annotations

from ppg_protocol.cluster_messages import (
    Cleared,
    Demand,
    DemandedShape,
    EndOlder,
    Exclude,
    Limit,
    OpenSession,
    SessionEnded,
    Share,
    StartSession,
    StopSession,
    SupervisorEnded,
)
from ppg_protocol.cluster_messages import Shares as SharesMessage

from .. import events as arbiter
from ..words import count
from .desk import Desk
from .members import Attempts, Daemon, Peer, Pipegraph, Supervisor

FIRST_NOTE_S = 0.3
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
STEADY_S = 60.0
"""A supervisor that ran for so long is no failure."""
MAX_SHAPES = 1024
MAX_EXCLUDED = 10_000
MAX_LOADED = 100_000
NOTHING = (0, 0)
UNKNOWN = (-1, -1)
"""In `Pipegraph.shares`: a supervisor there may go by any limit, so it is told the next one, whatever it is."""


class Pipegraphs:
    """See the module."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    # ------------------------------------------------------------------------------------------------- what MCPs say

    def open(self, peer: Peer, message: OpenSession, now: float) -> None:
        """A pipegraph is there, for the first time or again."""
        desk = self._desk
        reason = self._refusal(peer, message)
        if reason is not None:
            desk.log(f"turned away {peer.user}'s pipegraph {message.project} on {peer.host}: {reason}", True)
            desk.turn_away(peer, reason)
            return
        self._supersede(peer, message, now)
        graph = desk.pipegraphs.get(message.session)
        if graph is None:
            graph = self.add(message.session, peer.user, message.project, message.epoch, now)
        else:
            desk.feed(arbiter.SessionOpened(graph.session, graph.user))
        if graph.peer is not None and graph.peer is not peer:
            desk.turn_away(graph.peer, "the same pipegraph has connected anew")
        graph.peer, graph.endpoint, graph.away_since, peer.session = peer, message.endpoint, None, graph.session
        graph.project, graph.epoch = message.project, message.epoch
        graph.comes_back = graph.closing is not None
        desk.log(f"{peer.user} opens {graph.project} on {peer.host} (epoch {graph.epoch}, session {graph.session})")
        for daemon in desk.daemons_of(peer.user):
            self.end_older(graph, daemon)

    def demand(self, graph: Pipegraph, message: Demand, now: float) -> str | None:
        """What it wants. Returns what is wrong with it, if anything is."""
        if len(message.shapes) > MAX_SHAPES:
            return f"a demand of {len(message.shapes)} shapes; at most {MAX_SHAPES} are taken"
        try:
            shapes = tuple(_shape(shape, message.resident_bytes) for shape in message.shapes)
        except ValueError as error:
            return str(error)
        graph.demand = message
        if message.shapes and graph.note_at is None:
            self.note_later(graph, now + FIRST_NOTE_S)
        if graph.closing is None:
            loaded = tuple((data.machine_id, data.data_bytes) for data in message.loaded[:MAX_LOADED])
            self._desk.feed(arbiter.Demand(graph.session, shapes, loaded))
        return None

    def note_later(self, graph: Pipegraph, at: float) -> None:
        """Tell its MCP then why it has no more."""
        graph.note_at = at
        self._desk.remind(at, "note", graph.session)

    def exclude(self, graph: Pipegraph, message: Exclude) -> None:
        """It can't work on a machine."""
        if len(graph.excluded) < MAX_EXCLUDED:
            graph.excluded[message.machine_id] = message.reason[:2000]
            self._desk.feed(arbiter.Excluded(graph.session, message.machine_id))
            host = self._desk.host_name(message.machine_id)
            self._desk.log(f"{graph.user}'s {graph.project} can't work on {host}: {message.reason:.500}", True)

    def silent(self, graph: Pipegraph, since: float) -> None:
        """Its MCP is not heard (any more)."""
        graph.away_since = since
        self._desk.remind(since + self._desk.settings.lease_s, "mcp away", graph.session)

    def back(self, graph: Pipegraph) -> None:
        """Its MCP is heard again."""
        graph.away_since = None
        if graph.closing is not None:
            graph.comes_back = True
            self._desk.tell(graph.peer, SharesMessage(graph.number, (), "its session is being ended, then begun anew"))

    def still_away(self, session: str, now: float) -> None:
        """Is its time over?"""
        graph = self._desk.pipegraphs.get(session)
        if graph is None or graph.closing is not None or graph.away_since is None:
            return
        lease_s = self._desk.settings.lease_s
        if now >= graph.away_since + lease_s:
            self.close(graph, f"its pipegraph was not heard of for {now - graph.away_since:.0f} s", now)

    # -------------------------------------------------------------------------------------------- beginning and end

    def add(self, session: str, user: str, project: str, epoch: int, now: float) -> Pipegraph:
        """A session that was not known."""
        desk = self._desk
        graph = Pipegraph(session, user, project, epoch, now, desk.highest_number)
        desk.pipegraphs[session] = graph
        desk.feed(arbiter.SessionOpened(session, user, graph.number))
        return graph

    def close(self, graph: Pipegraph, reason: str, now: float) -> None:
        """End a session everywhere."""
        if graph.closing is not None:
            return
        desk = self._desk
        graph.closing = reason
        desk.feed(arbiter.Demand(graph.session, ()))
        running = 0
        for daemon in desk.daemons_of(graph.user):
            supervisor = daemon.supervisors.get(graph.session)
            if supervisor is not None and not daemon.is_given_up:
                self.stop(daemon, supervisor, reason)
                running += 1
        desk.log(
            f"{graph.user}'s {graph.project} (session {graph.session}) ends on {count(running, 'machine')}: {reason}"
        )
        self.closed_if_ended(graph, now)

    def stop(self, daemon: Daemon, supervisor: Supervisor, reason: str) -> None:
        """End a supervisor."""
        if not supervisor.is_stopping:
            supervisor.is_stopping = True
            self._desk.tell(daemon.peer, StopSession(supervisor.session, reason))

    def closed_if_ended(self, graph: Pipegraph, now: float) -> None:
        """A session that is being closed is closed when nothing of it is left."""
        desk = self._desk
        if graph.closing is None or any(
            graph.session in daemon.supervisors for daemon in desk.daemons_of(graph.user) if not daemon.is_given_up
        ):
            return
        desk.feed(arbiter.SessionClosed(graph.session))
        del desk.pipegraphs[graph.session]
        peer = graph.peer
        if peer is None or peer.is_gone:
            return
        if graph.comes_back:
            self.open_again(peer, graph, now)
        elif graph.away_since is not None:
            peer.lapsed = graph

    def open_again(self, peer: Peer, graph: Pipegraph, now: float) -> None:
        """A session that was ended for the silence of its MCP, which is heard again and knows nothing of that."""
        desk, peer.lapsed = self._desk, None
        self.open(peer, OpenSession(graph.session, graph.epoch, graph.project, graph.endpoint), now)
        if graph.session in desk.pipegraphs:
            new = desk.pipegraphs[graph.session]
            for machine_id, reason in graph.excluded.items():
                self.exclude(new, Exclude(machine_id, reason))
            self.demand(new, graph.demand, now)
            new.is_decided = True  # that it has nothing: what it had was ended
            self.tell_shares(new)

    def _refusal(self, peer: Peer, message: OpenSession) -> str | None:
        desk = self._desk
        known = desk.pipegraphs.get(message.session)
        if known is not None and known.user != peer.user:
            return f"the session {message.session} belongs to another user; start the pipegraph again"
        if peer.session not in (None, message.session):
            return "a link serves one session, and this one has served another; connect anew"
        for graph in desk.pipegraphs.values():
            if (graph.user, graph.project) != (peer.user, message.project) or graph is known:
                continue
            if graph.epoch >= message.epoch and graph.closing is None:
                return (
                    f"a newer run of {graph.project} (epoch {graph.epoch}, on {graph.host}) has taken over from this "
                    f"one (epoch {message.epoch}). If its status store was removed, end that run, or wait "
                    f"{desk.settings.lease_s:.0f} s after it was killed"
                )
        return None

    def _supersede(self, peer: Peer, message: OpenSession, now: float) -> None:
        desk = self._desk
        older = [
            graph
            for graph in desk.pipegraphs.values()
            if (graph.user, graph.project) == (peer.user, message.project) and graph.session != message.session
        ]
        for graph in older:
            reason = f"a newer run of {graph.project} (epoch {message.epoch}, on {peer.host}) has taken over"
            graph.comes_back = False
            if graph.peer is not None:
                desk.turn_away(graph.peer, reason)
            self.close(graph, reason, now)

    # ------------------------------------------------------------------------------------------- machines of a session

    def end_older(self, graph: Pipegraph, daemon: Daemon) -> None:
        """Nothing older of the project may run there: have it ended, or say that it is."""
        if daemon.is_given_up:
            return
        if daemon.cleared.get(graph.project, -1) >= graph.epoch:
            self.cleared(graph, daemon)
        else:
            self._desk.tell(daemon.peer, EndOlder(graph.project, graph.epoch))

    def cleared(self, graph: Pipegraph, daemon: Daemon) -> None:
        """Nothing older of the project runs there."""
        self._desk.tell(graph.peer, Cleared(daemon.machine_id, daemon.peer.host))

    def supervisor_ended(self, graph: Pipegraph, daemon: Daemon, ended: SessionEnded) -> None:
        """Its MCP need not wait for a lease, nor ask again for a machine without hope."""
        where = daemon.machine_id, daemon.peer.host
        self._desk.tell(graph.peer, SupervisorEnded(*where, ended.pid, ended.reason, ended.is_hopeless))

    def publish(self, shares: arbiter.Shares, now: float) -> None:
        """What the arbiter decided, to all whom it concerns."""
        desk, graph = self._desk, self._desk.pipegraphs.get(shares.session)
        if graph is None:
            return
        before, graph.shares = graph.shares, {machine: (cores, memory) for machine, cores, memory in shares.machines}
        graph.number, graph.is_decided = shares.number, True
        desk.highest_number = max(desk.highest_number, shares.number)
        self.tell_shares(graph)
        for machine_id in dict.fromkeys([*before, *graph.shares]):
            share = graph.shares.get(machine_id, NOTHING)
            if share != before.get(machine_id, NOTHING):
                self._limit(graph, machine_id, share, now)

    def tell_shares(self, graph: Pipegraph) -> None:
        """To its MCP, as they are."""
        told: list[Share] = []
        for machine_id, (cores, memory) in graph.shares.items():
            machine = self._desk.machines.get(machine_id)
            daemon = self._desk.daemon(graph.user, machine_id)
            if machine is not None and daemon is not None and (cores, memory) != UNKNOWN:
                host = daemon.peer.host
                told.append(Share(machine_id, host, cores, memory, machine.cores, machine.memory_bytes))
        message = SharesMessage(graph.number, tuple(told), graph.note, graph.is_decided, graph.largest)
        self._desk.tell(graph.peer, message)

    def _limit(self, graph: Pipegraph, machine_id: str, share: tuple[int, int], now: float) -> None:
        daemon = self._desk.daemon(graph.user, machine_id)
        supervisor = daemon.supervisors.get(graph.session) if daemon is not None else None
        if daemon is not None and supervisor is not None:
            if not supervisor.is_stopping:
                self._desk.tell(daemon.peer, Limit(graph.session, graph.number, *share))
            return
        self.holds_nothing(graph, machine_id)
        self.start_if_wanted(graph, machine_id, now)

    def holds_nothing(self, graph: Pipegraph, machine_id: str) -> None:
        """No supervisor is there to say so itself."""
        self._desk.feed(arbiter.Held(graph.session, graph.number, machine_id, 0, 0))

    def start_if_wanted(self, graph: Pipegraph, machine_id: str, now: float) -> None:
        """A supervisor where it has cores and none runs."""
        daemon, share = self._desk.daemon(graph.user, machine_id), graph.shares.get(machine_id, NOTHING)
        if daemon is None or not daemon.is_useful or graph.closing is not None or graph.peer is None:
            return
        if not share[0] or graph.session in daemon.supervisors:
            return
        attempts = graph.attempts.get(machine_id)
        if attempts is not None and now < attempts.not_before:
            self._desk.remind(attempts.not_before, "start", graph.session, machine_id)
            return
        daemon.supervisors[graph.session] = Supervisor(graph.session, graph.epoch, graph.project, now)
        self._desk.tell(daemon.peer, StartSession(graph.session, graph.epoch, graph.project, graph.endpoint))
        self._desk.tell(daemon.peer, Limit(graph.session, graph.number, *share))

    def ended_by_itself(self, graph: Pipegraph, machine_id: str, supervisor: Supervisor, now: float) -> None:
        """Start it again, but not in a tight loop."""
        attempts = graph.attempts.setdefault(machine_id, Attempts())
        attempts.failures = 1 if now - supervisor.started_at > STEADY_S else attempts.failures + 1
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(attempts.failures - 1, 10))
        attempts.not_before = now + pause_s
        self.start_if_wanted(graph, machine_id, now)


def _shape(shape: DemandedShape, resident_bytes: int) -> arbiter.Shape:
    """Raises ValueError."""
    data_bytes = shape.data_bytes if shape.data_bytes >= 0 else resident_bytes
    return arbiter.Shape(shape.cores, shape.memory_bytes, shape.count, max(0, data_bytes))
