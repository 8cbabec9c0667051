"""Running a story as a user without privileges, for whom permissions count: root sees through them.

The child is forked, not exec'ed, because the interpreter itself may lie where only its owner may read. For the same
reason everything that a run imports on its way has to be there before: a run, with a failure in it, sees to that.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

from .project import Project, fail, write

NOBODY = 65534
PR_SET_DUMPABLE = 4
Story = Callable[[Project], None]


class Unprivileged:
    """Call it with a story; it gets a project directory of its own, outside of those that only root may enter."""

    def __init__(self, project: Project, user: int = NOBODY) -> None:
        """`user`: as whom."""
        import pypipegraph as ppg

        project.run(lambda: [ppg.FileGeneratingJob("good", write()), ppg.FileGeneratingJob("bad", fail)])
        ppg.destroy_global_pipegraph()
        self.path, self._user = Path(tempfile.mkdtemp(dir="/tmp")), user
        if os.geteuid() == 0:
            os.chown(self.path, user, user)

    def __call__(self, story: Story) -> None:
        """Tell the story in a child; what it raises is raised here, as text."""
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            _be(self._user, self.path, story, writer)
        os.close(writer)
        with os.fdopen(reader) as said:
            complaint = said.read()
        _, status = os.waitpid(pid, 0)
        assert status == 0, complaint or f"the story ended with wait status {status}"

    def end(self) -> None:
        """Remove the directory, whatever modes the story left."""
        for directory, _, _ in os.walk(self.path):
            os.chmod(directory, 0o700)
        shutil.rmtree(self.path)


def _be(user: int, path: Path, story: Story, writer: int) -> None:
    code = 1
    try:
        if os.geteuid() == 0:
            os.setgroups(())
            os.setgid(user)
            os.setuid(user)
            ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # else /proc/self belongs to root
        os.chdir(path)
        story(Project(path))
        code = 0
    except BaseException:
        os.write(writer, traceback.format_exc().encode(errors="backslashreplace")[:60_000])
    finally:
        os._exit(code)
