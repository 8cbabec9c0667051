"""A cluster's machines: performs what `core` decides, on two links. What the run loop asks of it is in `run.machines`.

    coordinator  <── ClientLink ──  this process  ── ServerLink ──>  supervisors, one per machine

Everything is pickled before the coordinator is told of this run, so that no link is silent for that.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

import zmq

from ppg_cs import machine as this_machine
from ppg_cs.session_directory import discard, session_directory
from ppg_protocol import PROTOCOL_MAJOR, PROTOCOL_MINOR, clock, limits
from ppg_protocol.cluster_messages import CloseSession, OpenSession
from ppg_protocol.codec import Message
from ppg_protocol.curve import CurveClient, CurveServer
from ppg_protocol.errors import CommunicationFailure, JobContractError
from ppg_protocol.keys import KeyDirectory
from ppg_protocol.link import SERVER, ClientLink, Link, ServerLink
from ppg_protocol.messages import Hello
from ppg_protocol.open_files import raise_soft_limit
from ppg_protocol.session import Timing

from ..pieces import base_parts
from ..run.watching import Watching
from ..version import __version__
from .address import bindable, bound
from .core import ClusterCore, Surroundings
from .exchange import Exchange
from .former import former_machines, remember
from .preparing import facts, nonce_beside, prepare

if TYPE_CHECKING:
    from ..graph import Pipegraph
    from ..run.log import RunLog
    from ..run.machines import Report
    from ..store import StatusStore

COORDINATOR_SILENCE_S = 20.0
QUIET_HEARTBEATS = 5
"""After so many that did not come, nothing more is sent to a machine."""
MARGIN = 0.25
"""Of the lease: for killing what runs, and for clocks that run differently."""
MARGIN_MIN_S = 1.0
END_PATIENCE_S = 10.0
DELIVERY_PATIENCE_S = 2.0
LOOK_UP_S = 0.05


class ClusterMachines(Watching):
    """See the module. Raises PyPipeGraphError for keys, addresses or jobs that don't do."""

    def __init__(self, graph: Pipegraph, store: StatusStore, log: RunLog) -> None:
        super().__init__()
        settings = graph.options.cluster
        assert settings is not None
        self.cores = 1
        self.memory_bytes = this_machine.memory_bytes()
        self._log, self._store, self._settings = log, store, settings
        keys = KeyDirectory.load(settings.keys)
        address = settings.address or bindable(settings.coordinator)
        parts = _pickled(graph, log)
        self._margin_s = max(MARGIN_MIN_S, settings.lease_s * MARGIN)
        quiet_s = min(settings.heartbeat_s * QUIET_HEARTBEATS, settings.lease_s)
        timing, curve = Timing(settings.heartbeat_s, quiet_s), CurveServer(keys.user, keys.user.public.__eq__)
        with ExitStack() as ends:
            self.run_directory = session_directory(str(graph.directory), store.session)
            ends.callback(discard, self.run_directory)
            store.set_run_directory(self.run_directory)
            nonce_file, nonce = ends.enter_context(nonce_beside(graph.status_file))
            now = clock.now()
            context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
            ends.callback(context.destroy, linger=0)
            with bound(address):
                self._link = ServerLink(context, address, _hello(store.session, store.epoch), timing, curve)
            ends.callback(self._link.close)
            core = ClusterCore(
                Surroundings(
                    OpenSession(store.session, store.epoch, str(graph.directory), self._link.endpoint),
                    prepare(graph.directory, nonce_file, nonce, raise_soft_limit()),
                    parts,
                    facts(),
                    former_machines(store).machines,
                    settings.lease_s,
                    self._margin_s,
                ),
                now,
            )
            self._coordinator = ClientLink(
                context,
                settings.coordinator,
                _hello("coordinator", 0),
                Timing(settings.heartbeat_s, max(COORDINATOR_SILENCE_S, 2 * settings.heartbeat_s)),
                now,
                CurveClient(keys.user, keys.coordinator_public),
            )
            ends.callback(self._coordinator.close)
            self._ends = ends.pop_all()
        self._exchange = Exchange(core, self._link, self._coordinator, log, self._remember, settings.coordinator)
        self._poller.register(self._link.socket, zmq.POLLIN)
        self._poller.register(self._coordinator.socket, zmq.POLLIN)

    # -------------------------------------------------------------------------------------------- for the run loop

    @property
    def is_clear(self) -> bool:
        """May jobs be started?"""
        return self._exchange.core.is_clear

    @property
    def waits_for(self) -> str:
        """Why there are no machines, or no more of them."""
        if not self._exchange.core.is_introduced:
            words = self._coordinator.trouble  # they name its address
            return "waits for the coordinator" + (f": {words}" if words else f" {self._settings.coordinator}")
        return self._exchange.core.waits_for

    def poll(self, timeout_s: float) -> Sequence[tuple[str, Report]]:
        """See `run.machines`. Raises CommunicationFailure when the coordinator refuses us."""
        deadline = self._exchange.deadline()
        until_s = timeout_s if deadline is None else min(timeout_s, deadline - clock.now())
        ready = dict(self._poller.poll(max(0, int(until_s * 1000 + 0.999))))
        self._exchange.take_in(clock.now())
        self._serve_watched(ready)
        return self._exchange.reports()

    def send(self, machine: str, messages: Sequence[Message]) -> None:
        """See `run.machines`."""
        self._exchange.send(machine, messages, clock.now())

    def define(self, machine: str, attempt: int, jobs: tuple[int, ...], chunk: bytes) -> None:
        """See `run.machines`."""
        self._exchange.define(machine, attempt, jobs, chunk, clock.now())

    def demand(self, counts: Mapping[tuple[int, int, int], int]) -> None:
        """See `run.machines`."""
        self._exchange.demand(counts, clock.now())

    def close(self, busy: set[str], is_urgent: Callable[[], bool]) -> None:
        """See `run.machines`. Machines that do not confirm are remembered: the next run asks for them first.

        Raises StatusStoreError if they can't be, when everything else is done.
        """
        with self._ends:
            try:
                self._poll_until(lambda: not busy - self._exchange.gone, END_PATIENCE_S, is_urgent)
                self._remember(busy - self._exchange.gone)
            finally:
                self._say_goodbye(is_urgent)

    def _say_goodbye(self, is_urgent: Callable[[], bool]) -> None:
        session = self._exchange.core.surroundings.open_session.session
        self._coordinator.send(SERVER, [CloseSession(session)], clock.now())
        self._poll_until(self._is_heard, DELIVERY_PATIENCE_S, is_urgent)

    def _poll_until(self, done: Callable[[], bool], patience_s: float, is_urgent: Callable[[], bool]) -> None:
        give_up = time.monotonic() + patience_s
        while not done() and not is_urgent() and time.monotonic() < give_up:
            try:
                self.poll(LOOK_UP_S)
            except CommunicationFailure as failure:
                self._log.warning(str(failure))
                return

    def _is_heard(self) -> bool:
        """Has everything been acknowledged that was said?"""
        peers: list[tuple[Link, bytes]] = [(self._link, one.peer) for one in self._exchange.core.attached.values()]
        sessions = [link.session(peer) for link, peer in (*peers, (self._coordinator, SERVER))]
        return all(session is None or not session.outbox.messages for session in sessions)

    def _remember(self, machines: set[str]) -> None:
        """Durable before anything is sent there."""
        remember(self._store, machines, self._settings.lease_s + self._margin_s)
        self._store.commit()


def _pickled(graph: Pipegraph, log: RunLog) -> list[bytes]:
    began = time.monotonic()
    for parts in base_parts(graph):
        if parts is not None:
            size = sum(map(len, parts))
            if size > limits.OUTBOX_BYTES // 2:
                raise JobContractError(
                    f"The jobs of this pipegraph hold {size} bytes, too much to send to other machines "
                    f"({limits.OUTBOX_BYTES // 2}). Load large data in DataLoadingJobs instead of capturing it."
                )
            log.info(f"pickled {len(graph.order)} jobs: {size} bytes in {time.monotonic() - began:.1f} s")
            return parts
    raise AssertionError("base_parts gives parts at last")


def _hello(session: str, epoch: int) -> Hello:
    return Hello(
        PROTOCOL_MAJOR,
        PROTOCOL_MINOR,
        __version__,
        platform.python_version(),
        "mcp",
        platform.node(),
        this_machine.boot_id(),
        os.urandom(16),
        session,
        epoch,
    )
