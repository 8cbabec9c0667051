"""Full disks: a clear error, nothing half-done looks done, and with space again the next run resumes."""

from __future__ import annotations

from pathlib import Path

import pytest

from .mounts import play


def test_while_an_output_is_written(tmp_path: Path) -> None:
    """The job fails and its file goes; what doesn't depend on it is done, and only the rest is done later."""
    story = """
import time
mount("out")
def large(path):
    tell("large")
    with open(path, "wb") as file:
        Path("begun").touch()
        for _ in range(32):
            file.write(bytes(65536))

def small(path):
    while not os.path.exists("begun") or os.path.exists("out/large") or not os.statvfs("out").f_bavail:
        time.sleep(0.01)  # the name of a file goes before its blocks are free
    write("small")(path)

def build():
    made = ppg.FileGeneratingJob("out/large", large)
    ppg.FileGeneratingJob("after", write("after")).depends_on(made)
    ppg.FileGeneratingJob("out/small", small)

error = run(build)
assert [type(f.exception) for f in error.failures] == [OSError] and "No space left" in str(error), error
assert told() == ["large", "small"]
assert not os.path.exists("out/large") and not os.path.exists("after")
resize("out", "8m")
assert run(build) is None
assert told() == ["after", "large"]
assert Path("out/large").stat().st_size == 32 * 65536
"""
    play(story, tmp_path)


def test_an_output_that_is_only_flushed_at_the_end(tmp_path: Path) -> None:
    """Left open in a global: the buffered rest does not fit any more, which nobody but the engine can notice."""
    story = """
mount("out")
KEPT = []
def unflushed(path):
    fill("out", leave_bytes=4096)
    file = open(path, "wb", buffering=1 << 20)
    file.write(b"x" * 100_000)
    KEPT.append(file)

error = run(lambda: ppg.FileGeneratingJob("out/unflushed", unflushed))
assert "No space left" in str(error), error
assert not os.path.exists("out/unflushed")
os.unlink("out/filler")
assert run(lambda: ppg.FileGeneratingJob("out/unflushed", write("y"))) is None
"""
    play(story, tmp_path)


@pytest.mark.parametrize("leave_bytes", [0, 4096, 20_000])
def test_while_the_store_is_written(tmp_path: Path, leave_bytes: int) -> None:
    """The run ends with the store's error. What was not recorded is redone, what was recorded is not."""
    story = """
mount("store", "size=2m")
outputs = Path.cwd() / "outputs"
outputs.mkdir()
os.chdir("store")

def filling(path):
    tell("filling")
    if not os.path.exists(calls.parent / "freed"):
        fill(".", leave_bytes=LEAVE_BYTES)
    Path(path).write_text("filling")

def build():
    first = ppg.FileGeneratingJob(outputs / "first", write("first"))
    second = ppg.FileGeneratingJob(outputs / "second", filling).depends_on(first)
    for n in range(40):
        ppg.FileGeneratingJob(outputs / f"later{n}", write("x" * n + "y")).depends_on(second)

error = run(build)
assert "full disk" in str(error) and ".pypipegraph_status_robust" in str(error), repr(error)
before = told()
assert before[:1] == ["filling"] or "filling" in before
os.unlink("filler")
(calls.parent / "freed").touch()
assert run(build) is None
after = told()
assert "first" not in after, "it had its record before the disk was full"
assert len(before) + len(after) < 42 + 42
assert run(build) is None and told() == []
for n in range(40):
    assert (outputs / f"later{n}").read_text() == "x" * n + "y"
""".replace("LEAVE_BYTES", str(leave_bytes))
    play(story, tmp_path)


def test_what_runs_when_the_store_is_full_is_ended_at_once(tmp_path: Path) -> None:
    """The supervisor is told, though nothing can be committed: its death is not waited for, and nothing runs on."""
    story = """
import time
import ppg_mcp.run.machine
ppg_mcp.run.machine.END_PATIENCE_S = 60.0
mount("store", "size=2m")
outputs = Path.cwd() / "outputs"
outputs.mkdir()
os.chdir("store")

def endless(path):
    tell("endless")
    while True:
        time.sleep(1.0)

def filling(path):
    while not calls.exists():
        time.sleep(0.002)
    fill(".")
    Path(path).write_text("filling")

def build():
    ppg.FileGeneratingJob(outputs / "endless", endless)
    ppg.FileGeneratingJob(outputs / "filling", filling)

began = time.monotonic()
error = run(build, resource_coordinator=ppg.resource_coordinators.LocalSystem(max_cores_to_use=2))
assert "full disk" in str(error), repr(error)
assert told() == ["endless"]
assert time.monotonic() - began < 50.0
"""
    play(story, tmp_path)


def test_before_the_store_is_there(tmp_path: Path) -> None:
    story = """
mount("store")
os.chdir("store")
fill(".")
build = lambda: ppg.FileGeneratingJob(calls.parent / "out", write("x"))
error = run(build)
assert "full disk" in str(error) and ".pypipegraph_status_robust" in str(error), repr(error)
assert os.listdir(".") == ["filler"] and told() == []
os.unlink("filler")
assert run(build) is None and told() == ["out"]
"""
    play(story, tmp_path)


def test_logs_that_cannot_be_written_stop_nothing(tmp_path: Path) -> None:
    story = """
mount("logs")
fill("logs")

def fail():
    raise ValueError("as told")

def build():
    ppg.FileGeneratingJob("out", write("x"))
    ppg.FileGeneratingJob("bad", fail)

error = run(build)
assert [f.job_id for f in error.failures] == ["bad"] and "as told" in str(error)
assert told() == ["out"] and Path("out").read_text() == "x"
os.unlink("logs/filler")
assert run(build) is not None and told() == []
assert "as told" in Path("logs/ppg_errors.txt").read_text()
"""
    play(story, tmp_path)


@pytest.mark.parametrize("lacks", ["space", "inodes"])
def test_where_sockets_and_captured_output_live(tmp_path: Path, lacks: str) -> None:
    """It is full before the run starts: it says so, and where."""
    story = """
mount(place, "mode=700,size=64k,nr_inodes=" + ("1" if LACKS == "inodes" else "1000"))
if LACKS == "space":
    fill(place)
build = lambda: ppg.FileGeneratingJob("out", write("x"))
error = run(build)
assert place in str(error) and "o space left" in str(error), repr(error)
assert told() == [] and not os.path.exists("out")
subprocess.run(["mount", "-o", "remount,size=8m,nr_inodes=1000", place], check=True)
Path(place, "filler").unlink(missing_ok=True)
assert run(build) is None and told() == ["out"]
assert os.listdir(place) == []
""".replace("LACKS", repr(lacks))
    play(story, tmp_path)


def test_a_job_that_floods_its_standard_output_fails_alone(tmp_path: Path) -> None:
    story = """
mount(place, "mode=700,size=2m")
def flood(path):
    Path(path).write_text("half")
    for _ in range(100):
        os.write(1, b"x" * 100_000)

def build():
    job = ppg.FileGeneratingJob("flooded", flood)
    ppg.FileGeneratingJob("after", write("x")).depends_on(job)
    for n in range(5):
        ppg.FileGeneratingJob(f"beside{n}", write("x"))

error = run(build)
assert [f.job_id for f in error.failures] == ["flooded"], error
assert "No space left" in str(error)
assert told() == [f"beside{n}" for n in range(5)]
assert not os.path.exists("flooded") and os.listdir(place) == []
"""
    play(story, tmp_path)
