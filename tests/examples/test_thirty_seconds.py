"""The 30-second summary does what it says, twice, and after a loss."""

from __future__ import annotations

from pathlib import Path

from example_runs import EXAMPLES, run_script


def test_thirty_seconds(tmp_path: Path) -> None:
    a, b = tmp_path / "sampleA.txt", tmp_path / "sampleB.txt"

    def run() -> tuple[int, int]:
        done = run_script(EXAMPLES / "thirty_seconds.py", cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "sampleB.txt contains 'hello world, once again'" in done.stdout
        assert (a.read_text(), b.read_text()) == ("hello world", "hello world, once again")
        return a.stat().st_mtime_ns, b.stat().st_mtime_ns

    first = run()
    assert run() == first, "nothing changed, nothing is redone"
    b.unlink()
    third = run()
    assert third[0] == first[0], "sampleA.txt was there"
    assert third[1] > first[1], "sampleB.txt was not"
