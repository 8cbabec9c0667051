"""Whom the kernel's OOM killer takes: a job, rather than the data that many jobs share.

A child inherits the score of its parent (proc(5), oom_score_adj). So a data process has a higher one while it forks a
job: two writes to a file that is open, instead of opening it in each job. To go back to where it was it needs no
privilege.
"""

from __future__ import annotations

import os

SCORE_OF_JOBS = 500


class OomScore:
    """Of this process; a fork that wants to change its own makes another one."""

    def __init__(self) -> None:
        try:
            self.fd = os.open("/proc/self/oom_score_adj", os.O_RDWR | os.O_CLOEXEC)
            own = int(os.pread(self.fd, 16, 0))
        except OSError:  # not to be changed here; harmless
            self.fd, own = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC), 0
        self._own, self._of_jobs = b"%d" % own, b"%d" % max(own, SCORE_OF_JOBS)

    def prefer_children(self) -> None:
        """Who is forked from now on is taken first."""
        try:
            os.pwrite(self.fd, self._of_jobs, 0)
        except OSError:
            pass

    def restore(self) -> None:
        """As it was."""
        try:
            os.pwrite(self.fd, self._own, 0)
        except OSError:
            pass
