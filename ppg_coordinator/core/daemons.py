"""Daemons (ppg-slave): registered, silent, replaced, given up; what runs on their machines.

Rules
- A machine is what daemons with one machine id have in common. A user's sessions get shares of it while that user's
  daemon is heard, does not leave, and is not revoked.
- A silent daemon's sessions keep what they hold for the lease; then it is given up: that is counted no more. If it
  returns, it says so (or we remember it) in the moment in which its machine joins again.
- When a machine is heard (again) after nobody there was, some of its daemons may be late, and what they run is not
  counted. So the first ones name the others that are alive there; nobody gets more of the machine until those are here
  and those that were given up, or until it was heard for the lease: who does not come while nobody there is heard may
  still be there.
- A second daemon of a user for a machine waits until it shows whether the first lives: if that says anything
  (`EVIDENCE` heartbeats later, so that it can't be a last word on its way), the second is turned away; if it is quiet
  for `PATIENCE` heartbeats, it is replaced. One that was leaving and runs nothing any more is replaced at once.
"""

from __future__ import annotations

from collections.abc import Sequence

from ppg_protocol.cluster_messages import HeldShare, Holding, OlderEnded, Register, SessionEnded

from .. import events as arbiter
from ..words import count, gigabytes
from .desk import Desk
from .members import Daemon, Machine, Peer, Rival, Supervisor
from .pipegraphs import UNKNOWN, Pipegraphs

MAX_NEIGHBOURS = 1000
EVIDENCE = 0.5
PATIENCE = 4.0


class Daemons:
    """See the module."""

    def __init__(self, desk: Desk, pipegraphs: Pipegraphs) -> None:
        self._desk = desk
        self._pipegraphs = pipegraphs

    # ----------------------------------------------------------------------------------------------- what slaves say

    def register(self, peer: Peer, message: Register, now: float) -> str | None:
        """A daemon is there. Returns what is wrong with it, if anything is."""
        reason = _nonsense(message)
        if reason is not None:
            return reason
        if peer.machine_id not in (None, message.machine_id):
            return f"this daemon was registered as {peer.machine_id}; one for {message.machine_id} must connect anew"
        known = self._desk.daemon(peer.user, message.machine_id)
        if known is None or known.peer is peer or _has_ended(known):
            self._install(peer, message, now)
        elif known.rival is not None:
            return _taken(known, "another one waits already")
        else:
            known.rival = Rival(peer, message, now)
            self._desk.remind(now + PATIENCE * self._desk.settings.heartbeat_s, "rival", peer.user, message.machine_id)
        return None

    def heard(self, daemon: Daemon, now: float) -> None:
        """It lives, and so is not to be replaced."""
        rival = daemon.rival
        if rival is not None and now >= rival.since + EVIDENCE * self._desk.settings.heartbeat_s:
            daemon.rival = None
            reason = _taken(daemon, "it is connected and alive")
            self._desk.log(f"turned away a second ppg-slave of {rival.peer.user} on {rival.peer.host}: {reason}", True)
            self._desk.turn_away(rival.peer, reason)

    def decide(self, user: str, machine_id: str, now: float) -> None:
        """The first daemon has had its time to show that it lives."""
        daemon = self._desk.daemon(user, machine_id)
        if daemon is not None and daemon.rival is not None:
            self._install(daemon.rival.peer, daemon.rival.register, now)

    def holding(self, daemon: Daemon, message: Holding) -> str | None:
        """What a session holds there. Returns what is wrong with it, if anything is."""
        if min(message.number, message.cores, message.memory_bytes) < 0:
            return f"{message} can't be: nobody holds less than nothing"
        graph, supervisor = self._desk.pipegraphs.get(message.session), daemon.supervisors.get(message.session)
        if graph is not None and supervisor is not None and not daemon.is_given_up:
            number = min(message.number, graph.number)
            held = arbiter.Held(graph.session, number, daemon.machine_id, message.cores, message.memory_bytes)
            self._desk.feed(held)
        return None

    def session_ended(self, daemon: Daemon, message: SessionEnded, now: float) -> None:
        """A supervisor is gone. Not the one that was started after the stop which found none."""
        supervisor = daemon.supervisors.get(message.session)
        if supervisor is None or (message.is_absent and not supervisor.is_stopping):
            return
        del daemon.supervisors[message.session]
        graph = self._desk.pipegraphs.get(message.session)
        if graph is None or graph.user != daemon.peer.user:
            return
        self._pipegraphs.holds_nothing(graph, daemon.machine_id)
        if message.pid or message.is_hopeless:
            self._pipegraphs.supervisor_ended(graph, daemon, message)
        if graph.closing is not None:
            self._pipegraphs.closed_if_ended(graph, now)
        elif not supervisor.is_stopping:
            self._desk.log(
                f"{graph.user}'s {graph.project}: its supervisor on {daemon.peer.host} ended: {message.reason:.500}",
                True,
            )
            self._pipegraphs.ended_by_itself(graph, daemon.machine_id, supervisor, now)
        else:
            self._pipegraphs.start_if_wanted(graph, daemon.machine_id, now)

    def older_ended(self, daemon: Daemon, message: OlderEnded, now: float) -> None:
        """Nothing of lower epochs of a project runs there."""
        daemon.cleared[message.project] = max(message.epoch, daemon.cleared.get(message.project, -1))
        older = [
            supervisor
            for supervisor in daemon.supervisors.values()
            if supervisor.project == message.project and supervisor.epoch < message.epoch
        ]
        for supervisor in older:
            self.session_ended(daemon, SessionEnded(supervisor.session, 0, "a newer run has taken over"), now)
        for graph in list(self._desk.pipegraphs.values()):
            if (graph.user, graph.project, graph.epoch) == (daemon.peer.user, message.project, message.epoch):
                self._pipegraphs.cleared(graph, daemon)

    def leaving(self, daemon: Daemon, reason: str, now: float) -> None:
        """It takes no new work."""
        daemon.leaving = reason
        self._desk.log(f"{daemon.peer.user}'s ppg-slave on {daemon.peer.host} is leaving: {reason:.500}")
        self._rejoin(self._desk.machines[daemon.machine_id])

    # ------------------------------------------------------------------------------------------------- come and gone

    def silent(self, daemon: Daemon, since: float, now: float) -> None:
        """It is not heard any more."""
        desk = self._desk
        if daemon.rival is not None:
            self._install(daemon.rival.peer, daemon.rival.register, now)
            return
        self._rejoin(desk.machines[daemon.machine_id])
        if daemon.leaving is not None and not daemon.supervisors:
            self._give_up(daemon, now)
        else:
            desk.remind(since + desk.settings.lease_s, "daemon silent", daemon.peer.user, daemon.machine_id)

    def back(self, daemon: Daemon, now: float) -> None:
        """It is heard again, and runs what it ran."""
        machine = self._desk.machines[daemon.machine_id]
        was_given_up, daemon.is_given_up = daemon.is_given_up, False
        self._expect(machine, daemon, (), now)
        self._rejoin(machine)
        if was_given_up:
            for supervisor in list(daemon.supervisors.values()):
                held = HeldShare(supervisor.session, supervisor.epoch, supervisor.project, 0, *supervisor.held)
                self._take_up(daemon, supervisor, held, now, is_known=True)
            self._clear_older(daemon)
        for graph in self._desk.pipegraphs.values():
            if graph.user == daemon.peer.user:
                self._pipegraphs.start_if_wanted(graph, daemon.machine_id, now)

    def still_silent(self, user: str, machine_id: str, now: float) -> None:
        """Is its time over?"""
        daemon = self._desk.daemon(user, machine_id)
        if daemon is None or daemon.is_given_up or daemon.peer.silent_since is None:
            return
        if now >= daemon.peer.silent_since + self._desk.settings.lease_s:
            self._give_up(daemon, now)

    def still_lost(self, user: str, machine_id: str) -> None:
        """It does not return."""
        daemon = self._desk.daemon(user, machine_id)
        if daemon is not None and daemon.is_given_up:
            self._forget(daemon)
            self._desk.turn_away(daemon.peer, "it was silent for too long; connect anew")

    def cut_off(self, daemon: Daemon, now: float) -> None:
        """Its user was revoked, and its time to end what it runs is over."""
        self._give_up(daemon, now, "its user was revoked")
        if daemon.machine_id in self._desk.machines:
            self._forget(daemon)

    def rejoin(self, daemon: Daemon) -> None:
        """Something about it has changed."""
        self._rejoin(self._desk.machines[daemon.machine_id])

    def drain(self, machine_id: str, drained: bool) -> None:
        """Nothing new may start there, or may again."""
        if drained:
            self._desk.drained[machine_id] = None
        else:
            self._desk.drained.pop(machine_id, None)
        change = arbiter.MachineDrained(machine_id) if drained else arbiter.MachineUndrained(machine_id)
        self._desk.feed(change)

    # ---------------------------------------------------------------------------------------------------------- inside

    def _install(self, peer: Peer, message: Register, now: float) -> None:
        desk = self._desk
        machine = desk.machines.setdefault(message.machine_id, Machine(message.machine_id))
        former = machine.daemons.get(peer.user)
        if former is not None:
            former.rival = None
            if former.peer is not peer:
                desk.turn_away(former.peer, f"another ppg-slave of this user serves {message.machine_id} now")
            if not former.is_given_up:
                desk.feed(arbiter.Vacated(message.machine_id, peer.user))
        for graph in desk.pipegraphs.values():
            if graph.user == peer.user:
                graph.shares.pop(message.machine_id, None)
        daemon = Daemon(peer, message.machine_id, message.cores, message.memory_bytes, now, presence=message.presence)
        machine.daemons[peer.user] = daemon
        peer.machine_id = message.machine_id
        self._expect(machine, daemon, message.neighbours, now)
        self._rejoin(machine)
        for held in message.held:
            supervisor = Supervisor(held.session, held.epoch, held.project, now)
            daemon.supervisors[held.session] = supervisor
            self._take_up(daemon, supervisor, held, now)
        self._clear_older(daemon)
        for graph in list(desk.pipegraphs.values()):
            self._pipegraphs.closed_if_ended(graph, now)
        desk.log(
            f"{peer.user}'s ppg-slave on {peer.host} registers {message.machine_id}: {count(message.cores, 'core')}, "
            f"{gigabytes(message.memory_bytes)} of memory, {count(len(message.held), 'session')} running"
        )

    def _expect(self, machine: Machine, daemon: Daemon, neighbours: Sequence[str], now: float) -> None:
        """A daemon is heard (again); which others have to be, before what is free there is known?"""
        others = [other for other in machine.daemons.values() if other is not daemon]
        if not any(other.is_heard for other in others):
            machine.awaited |= dict.fromkeys(other.presence for other in others if other.is_missing)
            machine.awaited_until = now + self._desk.settings.lease_s
            self._desk.remind(machine.awaited_until, "neighbours", machine.machine_id)
        if now < machine.awaited_until:
            here = {other.presence for other in machine.present}
            machine.awaited |= dict.fromkeys(name for name in neighbours[:MAX_NEIGHBOURS] if name not in here)
        machine.awaited.pop(daemon.presence, None)

    def neighbours_late(self, machine_id: str, now: float) -> None:
        """They had their time to register, if the machine was heard meanwhile; if not, they get it when it is."""
        machine = self._desk.machines.get(machine_id)
        if machine is not None and machine.awaited and machine.is_heard and now >= machine.awaited_until:
            self._desk.log(f"{count(len(machine.awaited), 'other ppg-slave')} on {machine.host} did not register", True)
            machine.awaited.clear()
            self._rejoin(machine)

    def _take_up(
        self, daemon: Daemon, supervisor: Supervisor, held: HeldShare, now: float, is_known: bool = False
    ) -> None:
        """A supervisor that was found on a machine: of a session that we know, or shall know, or that is to end.
        `is_known`: its session was known once, and is over if it is not known now."""
        desk, user = self._desk, daemon.peer.user
        graph = desk.pipegraphs.get(held.session)
        if graph is None:
            graph = self._pipegraphs.add(held.session, user, held.project, held.epoch, now)
            self._pipegraphs.silent(graph, now)
            if is_known or self._is_old(user, held):
                graph.closing = "its run is over"
        if graph.user != user:
            self._pipegraphs.stop(daemon, supervisor, "this session belongs to another user")
            return
        graph.shares[daemon.machine_id] = UNKNOWN
        desk.feed(arbiter.Held(graph.session, 0, daemon.machine_id, held.cores, held.memory_bytes))
        if graph.closing is not None:
            self._pipegraphs.stop(daemon, supervisor, graph.closing)

    def _is_old(self, user: str, held: HeldShare) -> bool:
        runs = [
            graph for graph in self._desk.pipegraphs.values() if (graph.user, graph.project) == (user, held.project)
        ]
        return any(graph.epoch > held.epoch for graph in runs)

    def _clear_older(self, daemon: Daemon) -> None:
        for graph in self._desk.pipegraphs.values():
            if graph.user == daemon.peer.user and graph.closing is None and graph.peer is not None:
                self._pipegraphs.end_older(graph, daemon)

    def _rejoin(self, machine: Machine) -> None:
        """Its resources or users may be others than before."""
        if machine.present:
            drained, withheld = machine.machine_id in self._desk.drained, bool(machine.awaited)
            facts = machine.machine_id, machine.cores, machine.memory_bytes
            self._desk.feed(arbiter.MachineJoined(*facts, drained, machine.users, withheld))

    def _give_up(self, daemon: Daemon, now: float, reason: str = "not heard of for too long") -> None:
        desk, machine, user = self._desk, self._desk.machines[daemon.machine_id], daemon.peer.user
        if daemon.is_given_up:
            return
        daemon.is_given_up = True
        if daemon.is_missing and now < machine.awaited_until:
            machine.awaited[daemon.presence] = None
        for supervisor in daemon.supervisors.values():
            supervisor.held = desk.arbiter.held(supervisor.session, machine.machine_id)
        desk.log(f"{user}'s ppg-slave on {daemon.peer.host} is given up: {reason}", True)
        desk.feed(arbiter.Vacated(machine.machine_id, user))
        if machine.present:
            self._rejoin(machine)
        else:
            desk.feed(arbiter.MachineLeft(machine.machine_id))
        for graph in list(desk.pipegraphs.values()):
            if graph.user == user:
                graph.attempts.pop(machine.machine_id, None)
                if machine.machine_id in graph.shares:
                    graph.shares[machine.machine_id] = UNKNOWN
                self._pipegraphs.closed_if_ended(graph, now)
        if daemon.peer.is_gone:
            self._forget(daemon)
        else:
            desk.remind(now + desk.settings.forget_s, "daemon lost", user, machine.machine_id)

    def _forget(self, daemon: Daemon) -> None:
        machine = self._desk.machines[daemon.machine_id]
        if machine.daemons.get(daemon.peer.user) is daemon:
            del machine.daemons[daemon.peer.user]
        if not machine.daemons:
            del self._desk.machines[daemon.machine_id]


def _nonsense(message: Register) -> str | None:
    if not 0 < len(message.machine_id) <= 256 or not message.machine_id.isprintable():
        return f"the machine id {message.machine_id!r:.300} has not 1 to 256 printable characters; see --machine-id"
    if message.cores < 1 or message.memory_bytes < 1:
        return (
            f"a machine of {message.cores} cores and {message.memory_bytes} bytes is of no use; see --cores, --memory"
        )
    if any(min(held.cores, held.memory_bytes, held.number, held.epoch) < 0 for held in message.held):
        return "nobody holds less than nothing"
    return None


def _has_ended(daemon: Daemon) -> bool:
    """It is not heard, or has said goodbye and runs nothing any more."""
    return not daemon.is_heard or (daemon.leaving is not None and not daemon.supervisors)


def _taken(daemon: Daemon, why: str) -> str:
    return (
        f"the machine {daemon.machine_id} is served by another ppg-slave of user {daemon.peer.user}, on host "
        f"{daemon.peer.host}: {why}. Stop that one first, or give this one another --machine-id"
    )
