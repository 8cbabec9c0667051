"""What is broken for the simulation to find, and within how many seeds it must. Rules as in `rows`."""

from __future__ import annotations

from typing import NamedTuple


class Simulated(NamedTuple):
    """`seeds`: played from 0 on, two or three times as many as it took when the row was written."""

    name: str
    file: str
    old: str
    new: str
    seeds: int


SIMULATED = [
    # --------------------------------------------------------------------------------------------- store and attempts
    Simulated(
        "no tombstone before Run", "ppg_mcp/run/turn.py",
        "            run.store.tombstone(run.planner.ids[job], dispatch.attempt)\n", "            pass\n",
        10,
    ),
    Simulated(
        "Run leaves before its tombstone is written", "ppg_mcp/run/turn.py",
        "        self._commit(durable=self._rests or bool(self._performer.removable) or not run.outbox)\n", "",
        10,
    ),
    Simulated(
        "Run leaves though a power cut would bring its record back", "ppg_mcp/run/turn.py",
        "durable=self._rests or ", "durable=",
        10,
    ),
    Simulated(
        "Ack before its record is durable", "ppg_mcp/run/turn.py",
        "        if durable:\n            self._run.outbox", "        if True:\n            self._run.outbox",
        10,
    ),
    Simulated(
        "a lowered limit is never reached while short jobs wait", "ppg_cs/supervisor_core.py",
        "        while not self.admission.is_above_limit and ", "        while ",
        300,
    ),
    Simulated(
        "Ack before commit", "ppg_mcp/run/reception.py",
        "        run.outbox.acknowledge(machine, attempt)\n",
        "        from ppg_protocol.messages import Ack; run.machines.send(machine, [Ack((attempt,))])\n",
        30,
    ),
    Simulated(
        "attempt ids are used again", "ppg_mcp/dispatcher/core.py",
        "        self._attempts += 1\n", "        self._attempts = self._attempts % 3 + 1\n",
        30,
    ),
    Simulated(
        "records are not what was made", "ppg_mcp/planner/facts.py",
        "        return self._digest(inputs, self.strict, own), self._digest(inputs, self.content, own)",
        "        return self._digest(inputs, self.content, own), self._digest(inputs, self.content, own)",
        30,
    ),
    # -------------------------------------------------------------------------------------------- epochs and leases
    Simulated(
        "cleared for an older epoch counts for a newer one", "ppg_coordinator/core/pipegraphs.py",
        "        if daemon.cleared.get(graph.project, -1) >= graph.epoch:",
        "        if daemon.cleared.get(graph.project, -1) >= 0:",
        800,
    ),
    Simulated(
        "a session starts before older ones are gone", "ppg_cs/slave/core.py",
        "        if not any(order.project == project and order.epoch < newest for order in at_work):",
        "        if True:",
        600,
    ),
    Simulated(
        "a run does not wait for the machines of an older one", "ppg_mcp/cluster/core.py",
        "        return not self.awaited\n", "        return True\n",
        500,
    ),
    Simulated(
        "machines in use are not remembered", "ppg_mcp/cluster/exchange.py",
        "            self._remember(self.used | {machine})\n", "",
        600,
    ),
    Simulated(
        "no margin after the lease", "ppg_mcp/cluster/core.py",
        "        return self.surroundings.lease_s + self.surroundings.margin_s",
        "        return self.surroundings.lease_s",
        8000,
    ),
    Simulated(
        "a third of the lease, and no margin", "ppg_mcp/cluster/core.py",
        "        return self.surroundings.lease_s + self.surroundings.margin_s",
        "        return self.surroundings.lease_s / 3",
        300,
    ),
    Simulated(
        "a supervisor takes its lease for twice as long", "ppg_cs/slave/cluster_core.py",
        "max(self.lease_until, sent_at + self._lease_s)", "max(self.lease_until, sent_at + 2 * self._lease_s)",
        100,
    ),
    Simulated(
        "whoever may lose the link soon removes files", "ppg_cs/slave/cluster_core.py",
        "        self._make_way()\n",
        "        if self.is_lost(now + self._lease_s / 2):\n"
        "            out.append(do.RemoveOutputs(tuple(f'/p0/{job:03}' for job in range(9)), False))\n"
        "        self._make_way()\n",
        30,
    ),
    Simulated(
        "a lost machine's jobs go elsewhere while it is only quiet", "ppg_mcp/cluster/core.py",
        "            supervisor.quiet_since = since\n",
        "            supervisor.quiet_since = since - 1000\n",
        300,
    ),
    # ------------------------------------------------------------------------------------------ coordinator and shares
    Simulated(
        "a coordinator grants at once after a restart", "ppg_coordinator/core/coordinator.py",
        "        self._arbiter = Arbiter(now + grace_s)", "        self._arbiter = Arbiter(now)",
        400,
    ),
    Simulated(
        "daemons of a machine that are late are not waited for", "ppg_coordinator/core/daemons.py",
        "machine.machine_id in self._desk.drained, bool(machine.awaited)",
        "machine.machine_id in self._desk.drained, False",
        500,
    ),
    Simulated(
        "what a silent daemon's sessions hold is forgotten at once", "ppg_coordinator/core/daemons.py",
        '            desk.remind(since + desk.settings.lease_s, "daemon silent", daemon.peer.user, daemon.machine_id)',
        "            self._give_up(daemon, now)",
        250,
    ),
    Simulated(
        "loaded data is held, but not reported", "ppg_cs/slave/cluster_core.py",
        "        return self.admission.memory_taken + self.lineage.loaded_bytes\n",
        "        return self.admission.memory_taken\n",
        600,
    ),
    Simulated(
        "data is kept where its session has no core any more", "ppg_cs/slave/cluster_core.py",
        "        if not self.lineage.resident or not idle", "        if True or not self.lineage.resident or not idle",
        300,
    ),
    Simulated(
        "limits are not kept", "ppg_cs/slave/cluster_core.py",
        "else (limit.cores, limit.memory_bytes)))", "else (self.admission.cores, self.admission.memory_bytes)))",
        100,
    ),
    Simulated(
        "data in the way stays", "ppg_cs/crowding.py",
        "    if loaded_bytes == own_bytes or not", "    if True or",
        50,
    ),
    Simulated(
        "daemons that are late have no time while their machine is cut off", "ppg_coordinator/core/daemons.py",
        "machine.awaited and machine.is_heard and now", "machine.awaited and now",
        6000,
    ),
    # ----------------------------------------------------------------------------------- temporaries and final jobs
    Simulated(
        "a temporary goes when the last job that needs it starts", "ppg_mcp/planner/core.py",
        "                self.started += 1\n",
        "                self.started += 1\n                self.demand.close(job)\n",
        30,
    ),
    Simulated(
        "a temporary goes before the record of who needed it is durable", "ppg_mcp/run/turn.py",
        "        self._run.store.commit(durable)\n",
        "        self._performer.remove()\n        self._run.store.commit(durable)\n",
        30,
    ),
    Simulated(
        "temporaries are not removed", "ppg_mcp/run/performing.py",
        "                    self.removable.append(job)\n", "                    pass\n",
        30,
    ),
    Simulated(
        "a temporary that is gone is waited for", "ppg_mcp/run/performing.py",
        "                    run.origins.forget(job)\n", "",
        400,
    ),
    Simulated(
        "final jobs start beside the last other job", "ppg_mcp/planner/core.py",
        "        if not self.started and not self.unsettled and not self._finals_released:",
        "        if self.unsettled <= 1 and not self._finals_released:",
        30,
    ),
    Simulated(
        "final jobs run though something failed", "ppg_mcp/planner/core.py",
        "            if self.failed:\n", "            if False:\n",
        300,
    ),
    # ------------------------------------------------------------------------------------------------ links and tasks
    Simulated(
        "nothing is resent when a link is up again", "protocol/ppg_protocol/session.py",
        "        resend = [Transmit(frames) for frames in self.outbox.resend()]\n", "        resend = []\n",
        30,
    ),
    Simulated(
        "a gap in the numbers is not noticed", "protocol/ppg_protocol/session.py",
        "        if envelope.first > self.processed + 1:", "        if envelope.first < 0:",
        2000,
    ),
    Simulated(
        "what comes twice is taken in twice", "protocol/ppg_protocol/session.py",
        "envelope.messages[self.processed + 1 - envelope.first :]", "envelope.messages[:]",
        30,
    ),
    Simulated(
        "a data process made anew has no generated tasks", "ppg_cs/slave/cluster_core.py",
        "            self._catch_up(self.lineage.pristine)\n        else:", "            pass\n        else:",
        100,
    ),
    Simulated(
        "machines that come later get no generated tasks", "ppg_mcp/cluster/core.py",
        "        self._generated.append(made)\n", "",
        30,
    ),
]  # fmt: skip
