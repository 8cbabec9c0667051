"""What an experiment makes of its figures: medians, ratios, bounds, and a section in a document written by hand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from _comparison import rows
from _memory import pss_bytes, tree
from _process import Cost, ProgramFailed, run
from _report import Report, markdown_table, replaced
from _turns import Sample, in_turns

DOCUMENT = "prose\n<!-- begin a -->\nold\n<!-- end a -->\nmore prose\n<!-- begin b -->\nkept\n<!-- end b -->\n"


def test_a_section_is_replaced_and_prose_and_other_sections_are_kept() -> None:
    assert replaced(DOCUMENT, "a", "new") == DOCUMENT.replace("\nold\n", "\n\nnew\n\n")
    assert replaced(replaced(DOCUMENT, "a", "new"), "a", "new") == replaced(DOCUMENT, "a", "new")


def test_a_document_without_the_marks_is_not_written(tmp_path: Path) -> None:
    document = tmp_path / "document.md"
    document.write_text("prose only")
    with pytest.raises(SystemExit, match="<!-- begin a -->"):
        Report("a", [], 1).write(document)
    assert document.read_text() == "prose only"


def test_a_missed_bound_is_said() -> None:
    report = Report("a", [], 3)
    report.bound("slower than the floor", 3.1, 3)
    report.bound("as slow as the floor may be", 3, 3)
    report.bound("faster than a peer", 3.9, 4, at_least=True)
    lines = [line for line in report.text().splitlines() if " at " in line and line.startswith("|")]
    assert [("missed" in line, "holds" in line) for line in lines] == [(True, False), (False, True), (True, False)]


def test_bounds_are_for_full_sizes_only() -> None:
    report = Report("a", [], 1, bounded=False)
    report.bound("anything", 2, 1)
    assert "anything" not in report.text()


def test_contestants_take_turns() -> None:
    turns: list[str] = []

    def contestant(name: str) -> Cost:
        turns.append(name)
        return Cost(len(turns), 0.0)

    samples = in_turns({"a": lambda: contestant("a"), "b": lambda: contestant("b")}, 3)
    assert turns == ["a", "b"] * 3
    assert (samples["a"].wall_s, samples["b"].wall_s) == (3, 4)


def test_ratios_are_of_medians() -> None:
    floor = Sample([Cost(1.0, 1.0), Cost(9.0, 9.0), Cost(2.0, 1.0)])
    ours = Sample([Cost(4.0, 3.0), Cost(4.0, 3.0), Cost(0.0, 0.0)])
    table = rows(1000, {"floor": floor, "ours": ours}, ("floor",))
    assert [line[-1] for line in table] == ["-", "2.00 (3.00)"]
    assert table[1][5] == "4.00 ms"


def test_a_table_is_aligned_for_figures() -> None:
    assert markdown_table(["a", "b"], [["x", "1"]]) == "| a | b |\n| --- | ---: |\n| x | 1 |"


def test_cpu_time_contains_that_of_children(tmp_path: Path) -> None:
    spin = "import time\nwhile time.process_time() < 0.3: pass"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {spin!r}])"
    cost = run([sys.executable, "-c", parent], tmp_path)
    assert cost.cpu_s >= 0.3


def test_a_program_tells_facts_in_its_last_line(tmp_path: Path) -> None:
    assert run([sys.executable, "-c", "print('chatter'); print('{\"x_s\": 1.5}')"], tmp_path).said == {"x_s": 1.5}
    assert run([sys.executable, "-c", "print('chatter')"], tmp_path).said == {}


def test_a_program_that_fails_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(ProgramFailed, match="no such luck"):
        run([sys.executable, "-c", "raise SystemExit('no such luck')"], tmp_path)


FAMILY = """
import os, sys
data = b"x" * 40_000_000
for number in range(3):
    if not os.fork():
        own = b"y" * 40_000_000 if number == 2 else b""
        os.write(1, b"ready\\n")  # in one piece: an unbuffered print writes the end of its line by itself
        sys.stdin.read()
        os._exit(0)
for _ in range(3):
    os.wait()
"""


def test_memory_that_a_tree_shares_counts_once() -> None:
    """Four processes that share 40 MB, of which one has 40 MB of its own: not 200 MB."""
    family = subprocess.Popen([sys.executable, "-c", FAMILY], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert family.stdin is not None
    assert family.stdout is not None
    with family:
        assert [family.stdout.readline() for _ in range(3)] == [b"ready\n"] * 3
        members = tree(family.pid)
        total_bytes = sum(map(pss_bytes, members))
        family.stdin.close()
    assert len(members) == 4
    assert 80e6 <= total_bytes <= 120e6


def test_a_process_that_has_ended_has_no_memory() -> None:
    ended = subprocess.Popen([sys.executable, "-c", "pass"])
    ended.wait()
    assert pss_bytes(ended.pid) == 0
    assert tree(ended.pid) == [ended.pid]
