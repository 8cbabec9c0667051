"""What is broken, how, and which tests must notice: one row per mistake that would cost somebody a result.

Rules: a row's old text occurs exactly once in its file, as short as that allows, so that rows outlive what is around
them; the new text compiles; the tests are as few as will do. Rows that stop fitting are mended along with the code
(`test_rows` tells).
"""

from __future__ import annotations

from typing import NamedTuple


class Mutation(NamedTuple):
    """`tests`: what pytest is called with."""

    name: str
    file: str
    old: str
    new: str
    tests: str


ENGINE = "tests/engine"
FAILURE = f"{ENGINE}/failure"
WRITES = f"{FAILURE}/test_order_of_writes.py"
PLANNER = "tests/planner/test_stories.py tests/planner/test_regressions.py tests/planner/test_random.py"
JOBS = "tests/ppg_cs/test_cs_jobs.py"
HUGE_PAGES = "tests/ppg_cs/test_hugepages.py"
CORE = "tests/ppg_cs/test_cs_core.py"
RELIEFS = "tests/ppg_cs/test_cs_reliefs.py"
HOLDING = "tests/store/test_store_holding.py tests/store/test_store_parts.py"

MUTATIONS = [
    # ------------------------------------------------------------------------------ tombstones, records, the store
    Mutation(
        "no tombstone before Run", "ppg_mcp/run/turn.py",
        "            run.store.tombstone(", "            str(",
        WRITES,
    ),
    Mutation(
        "Run leaves before its tombstone is written", "ppg_mcp/run/turn.py",
        "        self._commit(durable=self._rests or bool(self._performer.removable) or not run.outbox)\n", "",
        WRITES,
    ),
    Mutation(
        "Run leaves though a power cut would bring its record back", "ppg_mcp/run/turn.py",
        "durable=self._rests or ", "durable=",
        WRITES,
    ),
    Mutation(
        "no fsync after the first commit without one", "ppg_mcp/store/status_store.py",
        "        if self._is_full != is_full:", "        if self._is_full and not is_full:",
        "tests/crash/test_power_loss.py",
    ),
    Mutation(
        "a number is given out twice after a crash", "ppg_mcp/store/status_store.py",
        "            sequence = max(sequence, recorded)", "            pass",
        "tests/store/test_store_durability.py",
    ),
    Mutation(
        "a temporary goes before the record of who needed it is durable", "ppg_mcp/run/turn.py",
        "        self._run.store.commit(durable)\n",
        "        self._performer.remove()\n        self._run.store.commit(durable)\n",
        WRITES,
    ),
    Mutation(
        "Run leaves though a power cut would make its files adoptable", "ppg_mcp/planner/facts.py",
        "or node.adopt or self._has_no_invariant(job)\n\n", "\n\n",
        WRITES,
    ),
    Mutation(
        "Ack before its record is durable", "ppg_mcp/run/turn.py",
        "        if durable:\n            self._run.outbox", "        if True:\n            self._run.outbox",
        WRITES,
    ),
    Mutation(
        "what is sent may still find a temporary that is gone in a moment", "ppg_mcp/run/turn.py",
        "bool(self._performer.removable) or ", "",
        WRITES,
    ),
    Mutation(
        "Ack waits for the next Run", "ppg_mcp/run/turn.py",
        " or self._run.outbox.acknowledges", "",
        WRITES,
    ),
    Mutation(
        "what a killed run left counts as synced", "ppg_mcp/run/sync.py",
        "            os.sync()\n", "",
        WRITES,
    ),
    Mutation(
        "an answer to a stop ends what was started since", "ppg_coordinator/core/daemons.py",
        " or (message.is_absent and not supervisor.is_stopping)", "",
        "tests/ppg_coordinator/test_core_stories.py",
    ),
    Mutation(
        "what no machine of a cluster can give is waited for", "ppg_mcp/dispatcher/core.py",
        "                self.largest = sizes\n                return self._refuse_unmeetable()\n",
        "                self.largest = sizes\n",
        "tests/dispatcher/test_stories.py",
    ),
    Mutation(
        "code arrives without its file name", "ppg_cs/task_stream.py",
        ".replace(co_filename=file_name)", "",
        "tests/engine/test_task_stream.py",
    ),
    Mutation(
        "Ack before commit", "ppg_mcp/run/reception.py",
        "        run.outbox.acknowledge(machine, attempt)\n",
        "        from ppg_protocol.messages import Ack; run.machines.send(machine, [Ack((attempt,))])\n",
        WRITES,
    ),
    Mutation(
        "sync marker before syncfs", "ppg_mcp/run/loop.py",
        "            if run.sync.finish():\n                run.store.mark_synced()",
        "            run.store.mark_synced()\n            run.sync.finish()",
        WRITES,
    ),
    Mutation(
        "a sync that failed counts at the end", "ppg_mcp/run/front.py",
        "clean and not loop.context.sync.has_failed", "clean",
        WRITES,
    ),
    Mutation(
        "a sync that still runs counts", "ppg_mcp/run/sync.py",
        "if self._thread is None or self._thread.is_alive():", "if self._thread is None:",
        WRITES,
    ),
    Mutation(
        "outputs of before a reboot trusted", "ppg_mcp/run/survey.py",
        "        if same and not suspect:", "        if same:",
        f"{ENGINE}/equation/test_reboots.py",
    ),
    Mutation(
        "a started attempt gets its record back", "ppg_mcp/store/writes.py",
        "CASE WHEN tombstone IN ('', excluded.tombstone) THEN former ELSE tombstone END", "''",
        "tests/store/test_store_tombstones.py",
    ),
    Mutation(
        "commits without fsync", "ppg_mcp/store/opening.py",
        "PRAGMA synchronous = FULL", "PRAGMA synchronous = OFF",
        "tests/store/test_store_durability.py",
    ),
    Mutation(
        "the lock of the store not kept", "ppg_mcp/store/opening.py",
        '        connection.execute("PRAGMA locking_mode = EXCLUSIVE")\n', "",
        HOLDING,
    ),
    Mutation(
        "a live holder passed over", "ppg_mcp/store/opening.py",
        "    if holder.lives(facts):", "    if False:",
        HOLDING,
    ),
    # ------------------------------------------------------------------------------------------ attempts and processes
    Mutation(
        "survivors of an earlier session left alone", "ppg_mcp/run/front.py",
        "in sweep(runtime_root(str(graph.directory))):", "in ():",
        f"{FAILURE}/test_kills.py",
    ),
    Mutation(
        "survivors that never exec'ed are not found", "ppg_cs/survivors.py",
        "or _has_open(pid, below)", "",
        "tests/ppg_cs/test_cs_survivors.py",
    ),
    Mutation(
        "a result of another attempt accepted", "ppg_cs/board.py",
        "if found != key or", "if",
        "tests/ppg_cs/test_cs_parts.py",
    ),
    Mutation(
        "a Run that was resent starts once more", "ppg_cs/supervisor_core.py",
        "        if attempt in self.finished:", "        if False:",
        CORE,
    ),
    Mutation(
        "a failure waits for company", "ppg_cs/outbox.py",
        "if not self._urgent and (plenty or not self._success):", "if plenty or not self._success:",
        "tests/ppg_cs/test_cs_outbox.py",
    ),
    Mutation(
        "reports wait though little is queued", "ppg_cs/outbox.py",
        "if not self._urgent and (plenty or not self._success):", "if not self._urgent:",
        "tests/ppg_cs/test_cs_outbox.py",
    ),
    Mutation(
        "reports wait though a core is free", "ppg_cs/supervisor_core.py",
        "        if not self.admission.is_full:\n            return False\n", "",
        CORE,
    ),
    Mutation(
        "outputs not unlinked before the callback", "ppg_cs/job_process.py",
        "        if standing:\n            outputs.clear(standing)\n", "",
        JOBS,
    ),
    Mutation(
        "descendants alive when outputs are looked at", "ppg_cs/job_process.py",
        "if descendants.has_children() and not", "if False and not",
        JOBS,
    ),
    Mutation(
        "descendants of a failed job alive when it is reported", "ppg_cs/job_process.py",
        "clean = descendants.end_all(time.monotonic() + DESCENDANTS_S) and", "clean =",
        JOBS,
    ),
    Mutation(
        "what a failed job wrote is kept", "ppg_cs/job_process.py",
        "        outputs.discard(task.paths, task.rename_broken)\n", "        pass\n",
        JOBS,
    ),
    Mutation(
        "what a killed job wrote is kept", "ppg_cs/endings.py",
        "if report.reached is not None and report.reached.paths and outcome != Outcome.OK:", "if False:",
        f"{CORE} {JOBS}",
    ),
    Mutation(
        "a job that waited in vain loses its old files", "ppg_cs/job_process.py",
        "        if awaited:\n", "        task = found\n        if awaited:\n",
        JOBS,
    ),
    Mutation(
        "an empty output is a result", "ppg_cs/outputs.py",
        "if facts.st_size == 0 and not empty_ok:", "if False:",
        JOBS,
    ),
    Mutation(
        "os._exit(0) is a success", "ppg_cs/verdict.py",
        "    code = os.waitstatus_to_exitcode(status)\n",
        "    code = os.waitstatus_to_exitcode(status)\n    if code == 0:\n        return Outcome.OK, None\n",
        JOBS,
    ),
    Mutation(
        "lost data believed to be there", "ppg_cs/lineage.py",
        "        self.resident.clear()\n", "",
        CORE,
    ),
    Mutation(
        "memory admission off", "ppg_cs/admission.py",
        "(not memory_bytes or self._has_room(memory_bytes, loaded_bytes))", "True",
        CORE,
    ),
    Mutation(
        "core admission off", "ppg_cs/admission.py",
        "return cores if cores <= free else 0", "return cores",
        CORE,
    ),
    Mutation(
        "what finds no process is lost at once", "ppg_cs/endings.py",
        "        if hopeless or work.cancelled:", "        if True:",
        CORE,
    ),
    Mutation(
        "a relief takes a core that nobody passed on", "ppg_cs/endings.py",
        ".cores = work.passed_on = 1", ".cores = 1",
        RELIEFS,
    ),
    Mutation(
        "a relief starts when its data is gone", "ppg_cs/supervisor_core.py",
        "            self._take_back(self.lineage.current)\n            for job in", "            for job in",
        RELIEFS,
    ),
    Mutation(
        "a relief waits where a successor has taken over", "ppg_cs/endings.py",
        "        self._take_back(self.lineage.current)  # where", "        # where",
        RELIEFS,
    ),
    Mutation(
        "a relief waits for one whose fork was refused", "ppg_cs/endings.py",
        "            self._take_back(work.process)\n", "",
        RELIEFS,
    ),
    Mutation(
        "a relief waits beside a free core", "ppg_cs/supervisor_core.py",
        "        if not self.admission.is_full:\n            self._take_back(self.lineage.current)\n", "",
        RELIEFS,
    ),
    Mutation(
        "a retracted relief that could not start is queued again", "ppg_cs/endings.py",
        "        elif work.retracted:\n            self._withdraw(work)\n", "",
        RELIEFS,
    ),
    Mutation(
        "a lowered limit is never reached while short jobs wait", "ppg_cs/supervisor_core.py",
        "        while not self.admission.is_above_limit and ", "        while ",
        "tests/ppg_cs/slave/test_cluster_core.py",
    ),
    Mutation(
        "an order that comes after its end waits for another", "ppg_cs/data_process.py",
        "            if after > self._ends:", "            if after:",
        JOBS,
    ),
    Mutation(
        "what grew without a load stays on small pages", "ppg_cs/data_process.py",
        "hugepages.FORKS_UNTIL_WORTHWHILE:", "64 and self.rss_bytes < hugepages.AT_ONCE_BYTES:",
        HUGE_PAGES,
    ),
    Mutation(
        "what a script holds is copied before its first job", "ppg_cs/data_process.py",
        "    gc.disable()\n    gc.freeze()\n", "    gc.disable()\n    gc.freeze()\n    hugepages.collapse()\n",
        HUGE_PAGES,
    ),
    Mutation(
        "what a script holds is copied after a load", "ppg_cs/successor.py",
        "hugepages.collapse(only_own=True)", "hugepages.collapse()",
        HUGE_PAGES,
    ),
    Mutation(
        "what a script holds is copied until memory runs out", "ppg_cs/hugepages.py",
        "    if 2 * taken_bytes >", "    if 0 >",
        HUGE_PAGES,
    ),
    Mutation(
        "memory that a load gave back is taken again", "ppg_cs/hugepages.py",
        "        if 2 * (own if only_own else own + shared) >= _PAGES:", "        if own + shared:",
        HUGE_PAGES,
    ),
    Mutation(
        "jobs inherit the status store", "ppg_mcp/run/machine.py",
        "            close_fds=store.descriptors(),\n", "",
        f"{ENGINE}/misuse/test_mischief.py",
    ),
    Mutation(
        "a suspect is not tried alone", "ppg_mcp/dispatcher/core.py",
        "        self._enqueue(job, suspect=True)", "        self._enqueue(job)",
        "tests/dispatcher/test_stories.py",
    ),
    # --------------------------------------------------------------------------------------------------- the equation
    Mutation(
        "stat compared without mtime", "ppg_mcp/run/survey.py",
        "then.mtime_ns == now.st_mtime_ns and ", "",
        f"{ENGINE}/equation/test_edits.py",
    ),
    Mutation(
        "stat compared without mtime, the short way", "ppg_mcp/run/current.py",
        "found.st_mtime_ns != mtime_ns or ", "",
        f"{ENGINE}/equation/test_edits.py",
    ),
    Mutation(
        "an implicit function does not count", "ppg_mcp/planner/facts.py",
        "        if own is not None:\n            at = bisect(", "        if False:\n            at = bisect(",
        PLANNER,
    ),
    Mutation(
        "the files that a temporary keeps do not count", "ppg_mcp/planner/facts.py",
        "node.files if node.kept is None else node.kept", "node.files if node.kept is None else Files.FINE",
        PLANNER,
    ),
    Mutation(
        "checksum kept whatever the ctime", "ppg_mcp/run/still_file.py",
        "facts.st_ctime_ns)", "0)",
        f"{ENGINE}/equation/test_file_invariants.py",
    ),
    Mutation(
        "a checksum of a file that changed meanwhile", "ppg_mcp/run/still_file.py",
        "_moment(path, facts) == _moment(path, after):", "_moment(path, facts):",
        f"{ENGINE}/equation/test_odd_input_files.py",
    ),
    Mutation(
        "an edited output is overwritten", "ppg_mcp/run/survey.py",
        "        return Files.FINE, xxh3_128_digest(", "        return Files.DIFFERENT, xxh3_128_digest(",
        f"{ENGINE}/equation/test_edits.py",
    ),
    Mutation(
        "an edited output does not count for its dependants", "ppg_mcp/planner/core.py",
        "self.strict[job] = node.edited or former.build_id", "self.strict[job] = former.build_id",
        PLANNER,
    ),
    Mutation(
        "a removed input not noticed where the code is masked", "ppg_mcp/planner/facts.py",
        "        return then == (now if", "        return then.items() >= (now.items() if",
        PLANNER,
    ),
    Mutation(
        "which input is which not noticed", "ppg_mcp/planner/digest.py",
        "len(fingerprint)), name, fingerprint)", "len(fingerprint)), fingerprint)",
        f"{PLANNER} {ENGINE}/equation/test_inputs.py",
    ),
    Mutation(
        "early cutoff for everybody", "ppg_mcp/planner/facts.py",
        "fingerprints = self.content if node.by_content else self.strict", "fingerprints = self.content",
        PLANNER,
    ),
    Mutation(
        "outputs with invariants adopted", "ppg_mcp/planner/facts.py",
        "        return node.adopt or self._has_no_invariant(job)\n\n", "        return True\n\n",
        PLANNER,
    ),
    Mutation(
        "a tombstone is as good as a record", "ppg_mcp/planner/facts.py",
        "if node.former is not None and not node.former.valid:", "if False:",
        PLANNER,
    ),
    Mutation(
        "the record of whoever is next in the order", "ppg_mcp/run/former_records.py",
        "job is None or job.job_id != job_id:", "job is None:",
        f"{ENGINE}/equation/test_former_records.py",
    ),
    Mutation(
        "a tombstone taken for a record", "ppg_mcp/store/status_store.py",
        "CASE tombstone WHEN '' THEN {_PACKED} ELSE tombstone END", "{_PACKED}",
        "tests/store/test_store_contents.py",
    ),
    Mutation(
        "jobs let go that still run", "ppg_mcp/graph.py",
        "if self.phase in (Phase.BUILDING, Phase.OVER):", "if True:",
        f"{ENGINE}/identity/test_lifecycle.py",
    ),
    Mutation(
        "fingerprints that follow self, the quick way", "ppg_mcp/fingerprints/function_encoding.py",
        "if entry.captures_self:", "if False:",
        "tests/fingerprints/test_fingerprint_callables.py",
    ),
    Mutation(
        "fingerprints without defaults", "ppg_mcp/fingerprints/function_fingerprint.py",
        "FunctionFingerprint(digest(code + defaults + closure)", "FunctionFingerprint(digest(code + closure)",
        "tests/fingerprints/test_fingerprint_pairs.py",
    ),
    Mutation(
        "fingerprints without closures", "ppg_mcp/fingerprints/function_fingerprint.py",
        "FunctionFingerprint(digest(code + defaults + closure)", "FunctionFingerprint(digest(code + defaults)",
        "tests/fingerprints/test_fingerprint_pairs.py",
    ),
    Mutation(
        "the source believed whatever runs", "ppg_mcp/fingerprints/bytecode.py",
        "    form = encode_value(head, []) +", "    form = b'' and",
        "tests/fingerprints/test_fingerprint_sources.py",
    ),
    Mutation(
        "sets encoded as they come", "ppg_mcp/fingerprints/values.py",
        'b"$%b." % b"".join(sorted(self._each(value)))', 'b"$%b." % b"".join(self._each(value))',
        "tests/fingerprints/test_fingerprint_interpreters.py tests/fingerprints/test_fingerprint_values.py",
    ),
    # ---------------------------------------------------------------------------------------------------------- demand
    Mutation(
        "a temporary removed too early", "ppg_mcp/planner/demand.py",
        "if self.open_dependants[job] or", "if self.open_dependants[job] > 1 or",
        PLANNER,
    ),
    Mutation(
        "a temporary never removed", "ppg_mcp/planner/demand.py",
        "given = Remove(job) if facts.kind[job] == TEMPORARY else Unload(job)",
        "given = None if facts.kind[job] == TEMPORARY else Unload(job)",
        PLANNER,
    ),
    Mutation(
        "leftovers that are not ours removed", "ppg_mcp/planner/demand.py",
        "return node.former is not None and node.files != Files.MISSING", "return node.files != Files.MISSING",
        PLANNER,
    ),
    Mutation(
        "loads in reverse order", "ppg_mcp/planner/facts.py",
        "        return tuple(order)", "        return tuple(reversed(order))",
        f"{PLANNER} {ENGINE}/demand/test_loading.py",
    ),
    Mutation(
        "final jobs after a failure", "ppg_mcp/planner/core.py",
        "            if self.failed:", "            if False:",
        PLANNER,
    ),
    # ---------------------------------------------------------------------------------------------- identity and growth
    Mutation(
        "cycle check off", "ppg_mcp/run/order.py",
        "            if p.index == ON_PATH:", "            if False:",
        f"{ENGINE}/identity/test_cycles.py",
    ),
    Mutation(
        "an output watched as an input file", "ppg_mcp/graph.py",
        "        if path in self._watchers:", "        if False:",
        f"{ENGINE}/identity/test_duplicates.py",
    ),
    Mutation(
        "two jobs for one file", "ppg_mcp/graph.py",
        "        if writer is not None and writer is not job:", "        if False:",
        f"{ENGINE}/identity/test_duplicates.py",
    ),
    Mutation(
        "a generated id that exists accepted", "ppg_mcp/run/merge.py",
        "        if known is not None:", "        if False:",
        f"{ENGINE}/growth/test_merge.py",
    ),
    Mutation(
        "a generated writer of a file that another writes", "ppg_mcp/run/merge.py",
        "            if writer is not None:", "            if False:",
        f"{ENGINE}/growth/test_merge.py",
    ),
    Mutation(
        "an injected circle", "ppg_mcp/run/merge.py",
        "        self._check_circles()\n", "",
        f"{ENGINE}/growth/test_generating.py",
    ),
    Mutation(
        "orphans removed", "ppg_mcp/run/orphans.py",
        "    if orphans:\n", "    for path in orphans:\n        os.remove(graph.absolute(path))\n    if orphans:\n",
        f"{ENGINE}/growth/test_orphans.py",
    ),
    # ---------------------------------------------------------------------------------------- machines that are shared
    Mutation(
        "neighbours of a late daemon are not waited for", "ppg_coordinator/core/daemons.py",
        "            machine.awaited |= dict.fromkeys(name", "            dict.fromkeys(name",
        "tests/ppg_coordinator/test_core_stories.py tests/ppg_coordinator/test_core_properties.py",
    ),
    Mutation(
        "daemons that were given up with their machine are not waited for", "ppg_coordinator/core/daemons.py",
        "            machine.awaited |= dict.fromkeys(other", "            dict.fromkeys(other",
        "tests/ppg_coordinator/test_core_stories.py",
    ),
    Mutation(
        "daemons that are late have no time while their machine is cut off", "ppg_coordinator/core/daemons.py",
        "machine.awaited and machine.is_heard and now", "machine.awaited and now",
        "tests/ppg_coordinator/test_core_stories.py",
    ),
    Mutation(
        "who is given up soon after its machine is heard again is not waited for", "ppg_coordinator/core/daemons.py",
        "        if daemon.is_missing and now", "        if False and now",
        "tests/ppg_coordinator/test_core_stories.py",
    ),
    Mutation(
        "a turn does not notice that what is in its way is its own data", "ppg_coordinator/arbiter.py",
        "            self._ledger.load(claimant, loaded)", "            claimant.loaded = loaded",
        "tests/ppg_coordinator/test_arbiter_stories.py",
    ),
    Mutation(
        "a session that waits to start is not said to a new coordinator", "ppg_cs/slave/core.py",
        "for seat in self.seats.values())\n        facts",
        "for seat in self.seats.values() if seat.at_work)\n        facts",
        "tests/ppg_cs/slave/test_slave_core.py",
    ),
    Mutation(
        "data counts as if every job needed it", "ppg_coordinator/fitting.py",
        "    return min(max(data, claimant.loaded.get(host.name, 0)), max(0, host.memory_bytes - memory))",
        "    return max(data, *claimant.loaded.values(), *(shape[2] for shape in claimant.shapes))",
        "tests/ppg_coordinator/test_arbiter_stories.py",
    ),
    Mutation(
        "data in the way stays", "ppg_cs/crowding.py",
        "    if loaded_bytes == own_bytes or not", "    if True or",
        CORE,
    ),
    Mutation(
        "what a data process holds is free", "ppg_cs/lineage.py",
        "        if size and holders:", "        if False:",
        CORE,
    ),
    # ---------------------------------------------------------------------------------------------------------- misuse
    Mutation(
        "inputs that changed in mid-run are not told", "ppg_mcp/run/moved_inputs.py",
        "    if not run.executed:", "    if True:",
        "tests/engine/equation/test_moved_inputs.py",
    ),
    Mutation(
        "a job may return jobs for nothing", "ppg_cs/job_process.py",
        "        refuse_jobs(task.job_id, returned)", "        pass",
        "tests/engine/misuse/test_returned_jobs.py",
    ),
    Mutation(
        "a job may write the engine's own files", "ppg_mcp/graph.py",
        "                or path in own\n", "",
        "tests/engine/misuse/test_own_files.py",
    ),
    # -------------------------------------------------------------------------------------------------------- the wire
    Mutation(
        "a message that comes twice is handled twice", "protocol/ppg_protocol/session.py",
        "fresh = envelope.messages[self.processed + 1 - envelope.first :]", "fresh = envelope.messages",
        "tests/protocol/test_wire_session.py",
    ),
]  # fmt: skip
