"""The processes that the supervisor knows: data processes with their channels, and the pids of work.

Numbers and keys are the core's. Pids come from FORKED; a kill that is ordered before that is kept until then.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from ppg_cs import descendants
from ppg_cs.control import Channel


@dataclass(slots=True)
class Member:
    """A data process. `parent`: the member that forked it, 0: we did. `key`: the work that it was forked for, 0 for a
    pristine one. `pid` 0: not known yet."""

    number: int
    parent: int
    key: int
    channel: Channel
    pid: int = 0


class Workforce:
    """Members by number, pid and descriptor; pids and slots of work by key."""

    def __init__(self) -> None:
        self.members: dict[int, Member] = {}
        self.by_pid: dict[int, Member] = {}
        self.by_key: dict[int, Member] = {}
        self.slots: dict[int, int] = {}
        self._pids: dict[int, int] = {}
        self._doomed: set[int] = set()
        self._helpers: set[int] = set()
        """Session ids of successors that took over: what their loads started, and did not daemonise, is spared."""

    def join(self, member: Member) -> None:
        """A data process was made, or ordered."""
        self.members[member.number] = member
        self.by_key[member.key] = member
        if member.pid:
            self.by_pid[member.pid] = member

    def leave(self, member: Member) -> None:
        """A data process is gone."""
        for index, name in ((self.members, member.number), (self.by_pid, member.pid)):
            index.pop(name, None)
        if self.by_key.get(member.key) is member:
            del self.by_key[member.key]

    def forked(self, key: int, pid: int) -> None:
        """The process of this work exists."""
        self._pids[key] = pid
        if key in self.by_key:
            member = self.by_key[key]
            member.pid = pid
            self.by_pid[pid] = member
        if key in self._doomed:
            self.kill(key)

    def over(self, key: int) -> None:
        """The process of this work was reaped."""
        self._pids.pop(key, None)
        self._doomed.discard(key)

    def is_forgotten(self, member: Member) -> bool:
        """Whether it is gone and nobody will say so: its channel has ended, and who forked it died without a word.

        It is not, if it has become our child and waits to be reaped.
        """
        if member.channel.fileno() >= 0 or member.parent == 0 or member.parent in self.members:
            return False
        fields = descendants.stat_fields(member.pid) if member.pid else []
        return not fields or int(fields[1]) != os.getpid()

    def took_over(self, member: Member) -> None:
        """A successor is a data process now."""
        self._helpers.add(member.pid)

    def forget_helpers(self) -> None:
        """What loads started is not spared any more."""
        self._helpers.clear()

    def kill(self, key: int) -> None:
        """SIGKILL for work and its process group. What it leaves behind becomes a stray when it dies."""
        pid = self._pids.get(key)
        if pid is None:
            self._doomed.add(key)
            return
        fields = descendants.stat_fields(pid)
        if fields and (int(fields[1]) in self.by_pid or int(fields[1]) == os.getpid()):
            if int(fields[2]) == pid:
                descendants.kill_group(pid)
            descendants.kill(pid)

    def strays(self) -> list[int]:
        """Children of ours that are none of the data processes: orphans of attempts and loads whose process is gone."""
        return [pid for pid in descendants.children() if pid not in self.by_pid and not self._is_helper(pid)]

    def _is_helper(self, pid: int) -> bool:
        if not self._helpers:
            return False
        fields = descendants.stat_fields(pid)
        return bool(fields) and int(fields[3]) in self._helpers
