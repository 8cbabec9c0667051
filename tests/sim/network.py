"""The network: sockets as zmq has them, on connections that delay, get stuck, break, and break on one side only.

Rules
- What travels on one connection keeps its order; connections do not wait for each other.
- A connection that breaks loses what is in flight. A side that knows of it can't send (zmq.Again on a DEALER,
  EHOSTUNREACH on a ROUTER), one that does not sends into the void: half open.
- Between partitioned hosts everything is stuck. When they meet again it arrives late, or is lost if one side has given
  the connection up meanwhile. A way may also be cut in one direction only.
- So nothing is doubled or overtaken within a connection, as in TCP; what is sent anew over the next one may be.
- A DEALER dials again and again. Under its identity the new connection takes over from the old one (ROUTER_HANDOVER).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Any

import zmq

from .world import Host, Process, Violation, World

AGAIN, UNREACHABLE = zmq.Again(), zmq.ZMQError(zmq.EHOSTUNREACH)
"""Made once: zmq's exceptions are slow to make."""
DIAL_S = 0.01
DIAL_MAX_S = 1.0
INBOX_MAX = 5000


class Network:
    """`delay_s` is the mean one-way delay."""

    def __init__(self, world: World, delay_s: float, notice_s: float) -> None:
        self.world, self.delay_s, self.notice_s = world, delay_s, notice_s
        self.servers: dict[str, Socket] = {}
        self.connections: list[Connection] = []
        self.cut: set[tuple[str, str]] = set()
        self.identities = 0

    def delay(self) -> float:
        """Of one envelope."""
        return self.world.luck.expovariate(1.0) * self.delay_s + 1e-5

    def is_cut(self, a: Host, b: Host) -> bool:
        """Can nothing get from one to the other?"""
        return (a.name, b.name) in self.cut

    def is_whole(self, a: Host, b: Host) -> bool:
        """Do both ways work?"""
        return not self.is_cut(a, b) and not self.is_cut(b, a)

    def partition(self, a: Host, b: Host, one_way: bool = False) -> None:
        """Nothing gets through any more. Some ends notice it after a while."""
        self.cut |= {(a.name, b.name)} if one_way else {(a.name, b.name), (b.name, a.name)}
        for connection in self.connections:
            if {connection.client.host, connection.server.host} == {a, b}:
                for is_client in (True, False):
                    if self.world.luck.random() < 0.5:
                        notices_s = self.world.luck.uniform(0.1, self.notice_s)
                        self.world.after(notices_s, partial(connection.end_died, is_client))

    def heal(self, a: Host, b: Host) -> None:
        """They can talk again."""
        self.cut -= {(a.name, b.name), (b.name, a.name)}
        for connection in self.connections:
            connection.unstick()

    def break_some(self) -> None:
        """A connection breaks: one end notices at once, the other sooner or later."""
        if self.connections:
            connection = self.world.luck.choice(self.connections)
            ends = [connection.drop_client, connection.drop_server]
            self.world.luck.shuffle(ends)
            ends[0]()
            self.world.after(self.world.luck.uniform(0.0, self.notice_s), ends[1])

    def doom_some(self) -> None:
        """What a connection is given next is lost, and with it the connection: who sends learns nothing of it."""
        if self.connections:
            self.world.luck.choice(self.connections).is_doomed = True


class Context:
    """What links take for a zmq.Context: makes sockets of a process."""

    def __init__(self, network: Network, process: Process) -> None:
        self.network, self.process = network, process

    def socket(self, kind: int) -> Socket:
        """A DEALER or a ROUTER."""
        return Socket(self.network, self.process, kind == zmq.ROUTER)


class Connection:
    """From a DEALER to a ROUTER. `client_up`, `server_up`: what the two ends believe; `is_doomed`: see `doom_some`."""

    def __init__(self, network: Network, client: Socket, server: Socket) -> None:
        self.network = network
        self.client_end, self.server_end = client, server
        self.client, self.server = client.process, server.process
        self.client_up = self.server_up = True
        self.is_doomed = False
        self._last = [0.0, 0.0]
        self._stuck: list[deque[Sequence[bytes]]] = [deque(), deque()]

    @property
    def is_whole(self) -> bool:
        """Do both ends believe in it?"""
        return self.client_up and self.server_up

    def carry(self, to_server: bool, frames: Sequence[bytes]) -> None:
        """Send it on its way."""
        world = self.network.world
        if self.is_doomed:
            world.after(0.0, self.drop_client)
            world.after(0.0, self.drop_server)
            return
        leaves_at = max(world.now, (self.client if to_server else self.server).frozen_until)
        self._last[to_server] = max(self._last[to_server] + 1e-7, leaves_at + self.network.delay())
        world.at(self._last[to_server], lambda: self._arrive(to_server, frames))

    def _arrive(self, to_server: bool, frames: Sequence[bytes]) -> None:
        if not self.is_whole:
            return
        if self._stuck[to_server] or self._is_cut(to_server):
            self._stuck[to_server].append(frames)
        elif to_server:
            self.server_end.arrived([self.client_end.identity, *frames])
        else:
            self.client_end.arrived(list(frames))

    def _is_cut(self, to_server: bool) -> bool:
        ends = (self.client.host, self.server.host) if to_server else (self.server.host, self.client.host)
        return self.network.is_cut(*ends)

    def unstick(self) -> None:
        """The way is free again."""
        if not self.network.is_whole(self.client.host, self.server.host):
            return
        for to_server in (False, True):
            stuck, self._stuck[to_server] = self._stuck[to_server], deque()
            for frames in stuck:
                self.carry(bool(to_server), frames)
        if not self.is_whole:
            self.network.world.after(self.network.delay(), self.drop_client)
            self.network.world.after(self.network.delay(), self.drop_server)

    def drop_client(self) -> None:
        """The client's end is gone."""
        if self.client_up:
            self.client_up = False
            self._forget()
            self.client_end.dropped()

    def drop_server(self) -> None:
        """The server's end is gone."""
        if self.server_up:
            self.server_up = False
            self._forget()
            routes = self.server_end.routes
            if routes.get(self.client_end.identity) is self:
                del routes[self.client_end.identity]

    def _forget(self) -> None:
        if not self.client_up and not self.server_up:
            self.network.connections.remove(self)

    def end_died(self, is_client: bool) -> None:
        """One end is gone, by the death of its process or its own decision: the other one is told, if it can be."""
        mine, other = (self.drop_client, self.drop_server) if is_client else (self.drop_server, self.drop_client)
        mine()
        dead, alive = (self.client, self.server) if is_client else (self.server, self.client)
        world = self.network.world
        if dead.host.is_up and self.network.is_whole(dead.host, alive.host):
            world.after(self.network.delay(), other)
        else:
            world.after(self.network.notice_s, other)


class Socket:
    """What links use of a zmq.Socket."""

    def __init__(self, network: Network, process: Process, is_router: bool) -> None:
        self.network, self.process, self.is_router = network, process, is_router
        network.identities += 1
        self.identity = b"\x01" + network.identities.to_bytes(4, "big")
        self.routes: dict[bytes, Connection] = {}
        self.users: dict[bytes, str] = {}
        self.connection: Connection | None = None
        self.endpoint = ""
        self.is_closed = False
        self._inbox: deque[list[bytes]] = deque()
        self.refused_users: set[str] = set()
        self._dial_s = DIAL_S
        process.sockets.append(self)

    def setsockopt(self, option: int, value: object) -> None:
        """Nothing that matters here."""

    def poll(self, timeout: float, flags: int = 0) -> int:
        """Never waits."""
        return 0

    def bind(self, endpoint: str) -> None:
        """Be found there."""
        self.endpoint = endpoint
        self.network.servers[endpoint] = self

    def connect(self, endpoint: str) -> None:
        """Begin to dial."""
        self.endpoint = endpoint
        self._dial()

    def close(self, linger: int = 0) -> None:
        """The other ends learn of it."""
        if self.is_closed:
            return
        self.is_closed = True
        if self.network.servers.get(self.endpoint) is self:
            del self.network.servers[self.endpoint]
        connections = list(self.routes.values()) + ([self.connection] if self.connection else [])
        for connection in connections:
            connection.end_died(not self.is_router)

    died = close

    def send_multipart(self, frames: Sequence[bytes], flags: int = 0) -> None:
        """As zmq with ROUTER_MANDATORY and IMMEDIATE."""
        if self.is_router:
            connection = self.routes.get(frames[0])
            if connection is None:
                raise UNREACHABLE.with_traceback(None)
            connection.carry(False, list(frames[1:]))
        else:
            if self.connection is None:
                raise AGAIN.with_traceback(None)
            self.connection.carry(True, list(frames))

    def recv_multipart(self, flags: int = 0, copy: bool = True) -> list[Any]:
        """What has arrived first."""
        if not self._inbox:
            raise AGAIN.with_traceback(None)
        return self._inbox.popleft()

    def arrived(self, frames: list[bytes]) -> None:
        """A multipart is there."""
        if not self.is_closed and self.process.alive:
            self._inbox.append(frames)
            if len(self._inbox) > INBOX_MAX:
                raise Violation(f"{len(self._inbox)} envelopes wait for {self.process.name}")
            self.process.wake()

    def dropped(self) -> None:
        """Our only connection is gone: dial again."""
        self.connection = None
        self._dial_s = DIAL_S
        self._dial()

    def _dial(self) -> None:
        if not self.is_closed:
            self.network.world.after(self._dial_s + self.network.delay(), self._answered)

    def _answered(self) -> None:
        if self.is_closed or self.connection is not None:
            return
        server = self.network.servers.get(self.endpoint)
        here = self.process
        if (
            server is None
            or server.process.is_frozen
            or here.is_frozen
            or not self.network.is_whole(here.host, server.process.host)
            or not server.admits(here)
        ):
            self._dial_s = min(2 * self._dial_s, DIAL_MAX_S)
            self._dial()
            return
        self.connection = Connection(self.network, self, server)
        self.network.connections.append(self.connection)
        server.take(self)

    def admits(self, process: Process) -> bool:
        """Is its user's key good for this server?"""
        return process.user not in self.refused_users

    def hang_up(self) -> None:
        """All connections end."""
        for connection in list(self.routes.values()):
            connection.end_died(is_client=False)

    def take(self, client: Socket) -> None:
        """A client has connected."""
        former, connection = self.routes.get(client.identity), client.connection
        assert connection is not None
        self.routes[client.identity] = connection
        self.users[client.identity] = client.process.user
        if former is not None:
            former.drop_server()
