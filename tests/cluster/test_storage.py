"""Disks that fail on one host, and file systems that show late, or never, what another host has written."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ppg_cs.session_directory import user_root

from .hosts import Cluster, until

pytestmark = pytest.mark.usefixtures("namespaces")

FOUR = """
def work(path):
    note(f"out/{Path(path).name} {machine()}")
    if machine() == "b":
        wait_for("go")
    Path(path).write_bytes(b"x" * 100_000)
for i in range(4):
    ppg.FileGeneratingJob(f"out/f{i}", work)
ppg.run()
"""


@pytest.mark.parametrize(
    ("mount", "words"),
    [
        ("mount --bind {0} {0}; mount -o remount,bind,ro {0}", "Read-only file system"),
        ("mount -t tmpfs -o size=8k none {0}", "No space left on device"),
    ],
)
def test_an_output_directory_that_takes_nothing_on_one_host(cluster: Cluster, mount: str, words: str) -> None:
    """Its jobs fail and say where; the others' files count, and the next run does the rest elsewhere."""
    out = cluster.directory / "project" / "out"
    out.mkdir(parents=True)
    cluster.coordinator()
    cluster.slave("a", inside=f"hostname host-a\n{mount.format(out)}")
    cluster.slave("b", inside="hostname host-b")
    until(lambda: len(cluster.status()["machines"]) == 2)
    script = cluster.start(FOUR)
    until(lambda: "(on host-a)" in script.log, "a failure on host-a")
    (script.directory / "go").touch()
    assert script.wait() != 0
    errors = (script.directory / "logs" / "ppg_errors.txt").read_text()
    failed = [f"out/f{i}" for i in range(4) if f"out/f{i} (on host-a): OSError: [Errno" in errors]
    assert failed
    assert sorted(path.name for path in out.iterdir()) == [f"f{i}" for i in range(4) if f"out/f{i}" not in failed]
    for text in (errors, script.err):
        assert words in text
        assert "host-b" not in text
    cluster.kill("a")
    before = len(script.notes)
    cluster.run(FOUR)
    assert sorted(script.notes[before:]) == [f"{path} b" for path in failed], "only what failed is done again"


def test_a_disk_that_what_jobs_print_fills(cluster: Cluster) -> None:
    """Jobs that print too much for it fail; the host stays, and does what finds room."""
    root = user_root()
    disk = f"mkdir -p -m 700 {root}\nmount -t tmpfs -o mode=0700,size=1m none {root}"
    cluster.coordinator()
    cluster.slave("a", inside=f"hostname host-a\n{disk}")
    until(lambda: len(cluster.status()["machines"]) == 1)
    script = cluster.start("""
def work(i):
    if i == 1:
        for _ in range(2000):
            print("x" * 1000)
    Path(f"f{i}").write_text("x")
for i in range(4):
    ppg.FileGeneratingJob(f"f{i}", lambda i=i: work(i))
ppg.run()
""")
    assert script.wait() != 0
    assert "f1 (on host-a): OSError: [Errno 28] No space left on device" in script.err
    assert sorted(path.name for path in script.directory.glob("f?")) == ["f0", "f2", "f3"]
    assert "lost" not in script.log


@pytest.fixture
def view(cluster: Cluster) -> Iterator[Path]:
    """The project as a network file system shows it: attributes and names come from a cache for some seconds.

    Rejected: kernel_cache. With it contents stay when nothing but the time changes, which NFS, for one, does not do.
    """
    if not Path("/dev/fuse").exists():
        pytest.skip("there is no /dev/fuse")
    if shutil.which("bindfs") is None:
        pytest.skip("there is no bindfs (`make programs` installs it)")
    project, view = cluster.directory / "project", cluster.directory / "view"
    project.mkdir()
    view.mkdir()
    options = "attr_timeout=10,entry_timeout=10,negative_timeout=10"
    with subprocess.Popen(["bindfs", "-f", "-o", options, project, view]) as bindfs:
        until(view.is_mount, "bindfs")
        yield view
        subprocess.run(["umount", "--lazy", view], check=True)
        bindfs.kill()  # namespaces that were made meanwhile, by whomever, have a copy of the mount


APPEARS = """
def first():
    (meet / "begun").touch()
    wait_for(meet / "looked")
    Path("first").write_text("x")
"""
CHANGES = """
def first():
    Path("first").write_text("old")
    wait_for(meet / "looked")
    Path("first").write_text("{new}")
"""
READERS = """
meet = Path(sys.argv[0]).resolve().parent.parent / "meet"

def read(i):
    (meet / f"started{i}").touch()
    for other in range(6):
        wait_for(meet / f"started{other}")
    seen = os.stat("first")
    Path(f"f{i}").write_text(f"{machine()}: {Path('first').read_text()} {seen.st_size} {seen.st_mtime_ns}")

one = ppg.FileGeneratingJob("first", first).use_cores(4)
for i in range(6):
    ppg.FileGeneratingJob(f"f{i}", lambda i=i: read(i)).depends_on(one)
ppg.run()
"""


def two_hosts(cluster: Cluster, inside_b: str, await_s: str) -> None:
    """Only host a has the four cores that the first job wants; six readers at once take both."""
    (cluster.directory / "project").mkdir(exist_ok=True)
    (cluster.directory / "meet").mkdir()
    cluster.coordinator()
    cluster.slave("a", 4, inside="hostname host-a")
    cluster.slave("b", 2, "--await-files", await_s, inside=f"hostname host-b\n{inside_b}")
    until(lambda: len(cluster.status()["machines"]) == 2)


def test_a_host_that_sees_late_what_another_has_made_waits_for_it(cluster: Cluster, view: Path) -> None:
    project = cluster.directory / "project"
    two_hosts(cluster, f"mount --bind {view} {project}", "60")
    script = cluster.start(APPEARS + READERS)
    until((cluster.directory / "meet" / "begun").exists, "the job on a")
    assert seen_by(cluster, "b", project / "first") is None
    (cluster.directory / "meet" / "looked").touch()
    until(lambda: (project / "first").exists(), "what a makes")
    assert seen_by(cluster, "b", project / "first") is None, "the cache tells of former times"
    script.good()
    assert_all_read(project, "x")


@pytest.mark.parametrize("new", ["renewed", "new"])
def test_a_host_that_sees_what_another_has_rewritten_as_it_was_waits_for_it(
    cluster: Cluster, view: Path, new: str
) -> None:
    """Whether the size tells the new file from the old one, or the time alone."""
    project = cluster.directory / "project"
    two_hosts(cluster, f"mount --bind {view} {project}", "60")
    script = cluster.start(CHANGES.format(new=new) + READERS)
    until(lambda: (project / "first").exists() and (project / "first").read_text() == "old")
    old = (project / "first").stat()
    assert seen_by(cluster, "b", project / "first") == (old.st_size, old.st_mtime_ns)
    (cluster.directory / "meet" / "looked").touch()
    until(lambda: (project / "first").read_text() == new, "what a makes of it")
    assert (project / "first").stat().st_mtime_ns != old.st_mtime_ns
    assert seen_by(cluster, "b", project / "first") == (old.st_size, old.st_mtime_ns), "the cache tells of former times"
    script.good()
    assert_all_read(project, new)


def seen_by(cluster: Cluster, host: str, path: Path) -> tuple[int, int] | None:
    """Size and mtime (ns) of a file, asked for on that host; None when it is missing. The answer stays in the cache
    there."""
    stat = ["stat", "--format", "%s %.9Y", str(path)]
    command = ["nsenter", "--mount", "--target", str(cluster.processes[host].pid), *stat]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return None
    size, mtime = done.stdout.split()
    return int(size), int(mtime.replace(".", ""))


def assert_all_read(project: Path, text: str) -> None:
    """All readers saw the file as it is, by content, size and time."""
    is_now = (project / "first").stat()
    seen = f"{text} {is_now.st_size} {is_now.st_mtime_ns}"
    assert sorted((project / f"f{i}").read_text() for i in range(6)) == [f"a: {seen}"] * 4 + [f"b: {seen}"] * 2


def test_a_file_that_never_comes_fails_who_waits_and_names_both_hosts(cluster: Cluster) -> None:
    project = cluster.directory / "project"
    (project / "out").mkdir(parents=True)
    two_hosts(cluster, f"mount -t tmpfs none {project}/out", "2")
    script = cluster.start("""
def read(i):
    if machine() == "a":
        wait_for("go")
    Path(f"f{i}").touch()
one = ppg.FileGeneratingJob("out/first", lambda: Path("out/first").write_text("x")).use_cores(4)
for i in range(6):
    ppg.FileGeneratingJob(f"f{i}", lambda i=i: read(i), empty_ok=True).depends_on(one)
ppg.run()
""")
    until(lambda: "AwaitedFileError" in script.log, "a failure on host-b")
    (project / "go").touch()
    assert script.wait() != 0
    errors = (project / "logs" / "ppg_errors.txt").read_text()
    assert "(on host-b): AwaitedFileError" in errors
    assert "(on host-a)" not in errors
    assert f"{project}/out/first: made on host-a with 1 bytes" in errors
    assert "on host-b it is missing after 2 s" in errors
    assert len(list(project.glob("f?"))) >= 4, "host-a does its jobs"
