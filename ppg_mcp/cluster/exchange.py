"""Between the two links of a run on many machines, its core and the run loop: who is told what, and in which order.

No sockets of its own, no clock and no waiting; see `machines`, which brings them, as a simulation can bring others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from ppg_protocol.codec import Message
from ppg_protocol.errors import CommunicationFailure
from ppg_protocol.link import SERVER, ClientLink, Delivery, ServerLink
from ppg_protocol.messages import Heartbeat, Shutdown
from ppg_protocol.session_events import Deliver, Established, HeartbeatDue, PeerReturned, PeerSilent, Refused

from . import events as on
from .core import ClusterCore
from .loss import Lose

if TYPE_CHECKING:
    from ..run.log import RunLog
    from ..run.machines import Report

HEARTBEAT = Heartbeat((), (), 0)


class Exchange:
    """`used`: machines that were sent something to execute; `gone`: those of them of which nothing runs any more.

    `remember` makes `used` durable, before a new one is sent anything but Shutdown. `wall_ns`: the wall clock.
    """

    def __init__(
        self,
        core: ClusterCore,
        link: ServerLink,
        coordinator: ClientLink,
        log: RunLog,
        remember: Callable[[set[str]], None],
        address: str,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.core, self.link, self.coordinator = core, link, coordinator
        self._log, self._remember, self._address, self._wall_ns = log, remember, address, wall_ns
        self._reports: list[tuple[str, Report]] = []
        self.used: set[str] = set()
        self.gone: set[str] = set()

    def deadline(self) -> float | None:
        """When to call `take_in` at the latest."""
        times = (self.link.deadline(), self.coordinator.deadline(), self.core.deadline())
        return min((at for at in times if at is not None), default=None)

    def take_in(self, now: float) -> None:
        """What has come, and what time has brought. Raises CommunicationFailure when the coordinator refuses us."""
        for delivery in [*self.coordinator.receive(now), *self.coordinator.tick(now)]:
            self._on_coordinator(delivery, now)
        for delivery in [*self.link.receive(now), *self.link.tick(now)]:
            self._on_supervisor(delivery, now)
        deadline = self.core.deadline()
        if deadline is not None and now >= deadline:
            self._handle(on.Elapsed(), now)

    def reports(self) -> Sequence[tuple[str, Report]]:
        """For the run loop, each once."""
        reports, self._reports = self._reports, []
        return reports

    def send(self, machine: str, messages: Sequence[Message], now: float) -> None:
        """See `run.machines`."""
        supervisor = self.core.attached.get(machine)
        if supervisor is None:
            return
        if machine not in self.used and not all(isinstance(message, Shutdown) for message in messages):
            self._remember(self.used | {machine})
            self.used.add(machine)
            self.gone.discard(machine)
        self.link.send(supervisor.peer, messages, now)

    def define(self, machine: str, attempt: int, jobs: tuple[int, ...], chunk: bytes, now: float) -> None:
        """See `run.machines`."""
        self._handle(on.Generated(machine, attempt, jobs, chunk), now)

    def demand(self, counts: Mapping[tuple[int, int, int], int], now: float) -> None:
        """See `run.machines`."""
        if counts != self.core.demanded:
            self._handle(on.Demanded(dict(counts)), now)

    # ------------------------------------------------------------------------------------------------- links -> core

    def _on_coordinator(self, delivery: Delivery, now: float) -> None:
        match delivery.what:
            case Established(peer):
                self._handle(on.CoordinatorCame(peer.host), now)
            case Deliver(messages, _):
                for message in messages:
                    self._handle(on.CoordinatorSaid(message), now)
            case PeerSilent() | PeerReturned():
                self._handle(on.CoordinatorQuiet(isinstance(delivery.what, PeerReturned)), now)
            case HeartbeatDue():
                self.coordinator.send(SERVER, [HEARTBEAT], now)
            case Refused(reason):
                raise CommunicationFailure(f"The coordinator {self._address} refused this run: {reason}")

    def _on_supervisor(self, delivery: Delivery, now: float) -> None:
        peer = delivery.peer
        match delivery.what:
            case Established(hello):
                self._handle(on.PeerCame(peer, hello.host), now)
            case Deliver(messages, _):
                for message in messages:
                    self._handle(on.PeerSaid(peer, message, self._wall_ns()), now)
            case PeerSilent(since):
                self._handle(on.PeerQuiet(peer, since), now)
            case PeerReturned():
                self._handle(on.PeerBack(peer), now)
            case HeartbeatDue():
                self.link.send(peer, [HEARTBEAT], now)
            case Refused(reason):
                self._handle(on.PeerRefused(peer, reason), now)

    # ------------------------------------------------------------------------------------------------- core -> links

    def _handle(self, event: on.Event, now: float) -> None:
        for instruction in self.core.handle(event, now):
            match instruction:
                case on.ToPeer(peer, messages):
                    self.link.send(peer, messages, now)
                case on.ToCoordinator(messages):
                    self.coordinator.send(SERVER, messages, now)
                case on.Dismiss(peer, reason):
                    self.link.dismiss(peer, reason, now)
                case on.Pass(machine, message):
                    self._reports.append((machine, message))
                case on.Grant(share):
                    self._reports.append((share.machine, share))
                case on.Bound(by):
                    self._reports.append(("", by))
                case Lose(machine):
                    self.gone.add(machine)
                    self.used.discard(machine)
                    self._reports.append((machine, instruction))
                case on.Say(text, warning):
                    (self._log.warning if warning else self._log.info)(text)
