"""What operators ask: `status` for every user, the rest for the owner of the coordinator alone."""

from __future__ import annotations

import json

from ppg_protocol.cluster_messages import Answer, Ask
from ppg_protocol.records import Blob

from ..words import count, listing
from .daemons import Daemons
from .desk import Desk
from .events import AuthorizeKey, KeepDrained, RevokeKey, ShutOut
from .members import Peer
from .pipegraphs import Pipegraphs
from .status import document

FAREWELL_S = 0.5
ARGUMENTS = {"status": 0, "authorize": 2, "revoke": 1, "drain": 1, "undrain": 1}


class Operators:
    """See the module."""

    def __init__(self, desk: Desk, pipegraphs: Pipegraphs, daemons: Daemons) -> None:
        self._desk = desk
        self._pipegraphs = pipegraphs
        self._daemons = daemons
        self._ending: dict[str, float] = {}
        """Revoked users, and until when they may end what they run."""
        self._told: dict[str, float] = {}
        """Those of whom nothing runs, and when their connections end: what was told them needs a moment to arrive."""

    def ask(self, peer: Peer, message: Ask, now: float) -> None:
        """Every question has its answer, if not at once."""
        if len(message.arguments) != ARGUMENTS.get(message.what, -1):
            self._answer(peer, False, f"{message.what!r:.80} with {len(message.arguments)} arguments is not understood")
        elif message.what == "status":
            text = json.dumps(document(self._desk, peer, now), ensure_ascii=True)
            self._desk.tell(peer, Answer(True, "", Blob(text.encode())))
        elif not peer.is_owner:
            reason = f"only the owner of the coordinator may {message.what}; this key is that of user {peer.user}"
            self._answer(peer, False, reason)
        else:
            self._desk.log(f"{peer.user} on {peer.host} asks: {message.what} {message.arguments[0]:.200}")
            self._obey(peer, message)

    def _obey(self, peer: Peer, message: Ask) -> None:
        name = message.arguments[0]
        match message.what:
            case "authorize":
                self._desk.out.append(AuthorizeKey(peer.identity, name, message.arguments[1]))
            case "revoke":
                self._desk.out.append(RevokeKey(peer.identity, name))
            case "drain":
                self._drain(peer, name)
            case "undrain":
                self._undrain(peer, name)

    # --------------------------------------------------------------------------------------------------------- drain

    def _drain(self, peer: Peer, name: str) -> None:
        machines = self._named(name)
        if not machines:
            self._answer(peer, False, f"no machine {name!r:.200}; {self._known()}")
            return
        for machine_id in machines:
            self._daemons.drain(machine_id, True)
        self._keep_drained()
        busy = sum(use.held_cores for use in self._desk.arbiter.uses() if use.machine in machines)
        self._answer(peer, True, f"{name} takes no new jobs; {count(busy, 'core')} still in use there")

    def _undrain(self, peer: Peer, name: str) -> None:
        machines = [machine_id for machine_id in self._named(name) if machine_id in self._desk.drained]
        if not machines and name in self._desk.drained:
            machines = [name]
        if not machines:
            drained = listing([self._desk.host_name(machine_id) for machine_id in self._desk.drained])
            self._answer(peer, False, f"no drained machine {name!r:.200}; drained: {drained or 'none'}")
            return
        for machine_id in machines:
            self._daemons.drain(machine_id, False)
        self._keep_drained()
        self._answer(peer, True, f"{name} takes jobs again")

    def _named(self, name: str) -> list[str]:
        return [
            machine.machine_id
            for machine in self._desk.machines.values()
            if name == machine.machine_id or any(name == daemon.peer.host for daemon in machine.daemons.values())
        ]

    def _known(self) -> str:
        names = [f"{machine.host} ({machine.machine_id})" for machine in self._desk.machines.values()]
        return f"known are {listing(names, 20)}" if names else "no ppg-slave is registered"

    def _keep_drained(self) -> None:
        self._desk.out.append(KeepDrained(tuple(self._desk.drained)))

    # -------------------------------------------------------------------------------------------------------- revoke

    def revoked(self, user: str, asked_by: bytes, now: float) -> None:
        """End all that this user runs; cut the user off when that is done, or has had its time."""
        desk = self._desk
        graphs = [graph for graph in desk.pipegraphs.values() if graph.user == user]
        daemons = [daemon for daemon in desk.daemons_of(user) if not daemon.is_given_up]
        for graph in graphs:
            graph.comes_back = False
            self._pipegraphs.close(graph, f"user {user} was revoked", now)
        for daemon in daemons:
            daemon.is_revoked = True
            self._daemons.rejoin(daemon)
        for peer in [peer for peer in desk.peers.values() if peer.user == user and peer.role != "slave"]:
            desk.turn_away(peer, f"user {user} was revoked by the owner of the coordinator")
        self._ending[user] = now + desk.settings.revocation_s
        desk.remind(self._ending[user], "revoked", user)
        asker = desk.peers.get(asked_by)
        if asker is not None:
            what = f"{count(len(graphs), 'pipegraph')} on {count(len(daemons), 'machine')}"
            self._answer(asker, True, f"{user} is revoked; {what} are being ended")

    def end_revoked(self, now: float) -> None:
        """Cut off those of whom nothing runs any more, or whose time is over."""
        for user, until in list(self._ending.items()):
            daemons = self._desk.daemons_of(user)
            if now < until and any(daemon.supervisors for daemon in daemons if not daemon.is_given_up):
                continue
            del self._ending[user]
            for daemon in daemons:
                self._daemons.cut_off(daemon, now)
            for peer in [peer for peer in self._desk.peers.values() if peer.user == user]:
                self._desk.turn_away(peer, f"user {user} was revoked by the owner of the coordinator")
            self._told[user] = now + FAREWELL_S
            self._desk.remind(self._told[user], "revoked", user)
        for user, at in list(self._told.items()):
            if now >= at:
                del self._told[user]
                self._desk.out.append(ShutOut(user))

    def _answer(self, peer: Peer, ok: bool, text: str) -> None:
        self._desk.tell(peer, Answer(ok, text, Blob(b"")))
