"""The same corpus in fresh processes: under three hash seeds, and on every CPython >= 3.11 that this machine has."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def interpreters() -> list[str]:
    """One executable per minor version: this one, those on PATH, those of pyenv."""
    candidates = [sys.executable, *[p for minor in range(11, 20) if (p := shutil.which(f"python3.{minor}"))]]
    candidates += map(str, sorted((Path.home() / ".pyenv/versions").glob("3.*/bin/python")))
    found: dict[str, str] = {}
    for candidate in candidates:
        done = subprocess.run([candidate, "-c", VERSION], capture_output=True, text=True, check=False)
        if re.fullmatch(r"3\.(1[1-9]|[2-9]\d)\s*", done.stdout):
            found.setdefault(done.stdout.strip(), candidate)
    return list(found.values())


# Lambdas that share a line and whose bodies are folded to the same constants (`1 + 1` and `2`): 3.12 records no column
# for them, so that nothing tells which is which. They are the same code, and are taken by their code.
FOLDED = {
    f"lambdas {group}{i}"
    for group, numbers in {"L": (9, 10), "M": (0, 1, 2, 4, 5), "A": range(5)}.items()
    for i in numbers
}
VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"


def run_corpus(executable: str, directory: Path, seed: int, *options: str) -> Any:
    directory.mkdir()
    environment = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONDONTWRITEBYTECODE": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "protocol"), str(HERE)])
    command = [executable, "-W", "ignore", *options, str(HERE / "interpreter_corpus.py"), str(directory)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{executable}: {done.stderr}"
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return run_corpus(sys.executable, tmp_path_factory.mktemp("corpus") / "here", 0)


@pytest.mark.parametrize("seed", [1, 4242])
def test_every_hash_seed_gives_the_same_answers(here: Any, tmp_path: Path, seed: int) -> None:
    assert run_corpus(sys.executable, tmp_path / "seed", seed) == here


@pytest.mark.parametrize("executable", interpreters())
def test_every_interpreter_gives_the_same_answers(here: Any, tmp_path: Path, executable: str) -> None:
    there = run_corpus(executable, tmp_path / "there", 7)
    undecided = set(there["unmatched"])
    assert undecided <= (FOLDED if there["version"] == [3, 12] else set())
    assert there["syntax"].keys() == here["syntax"].keys()
    assert {k for k, v in there["syntax"].items() if v != here["syntax"][k]} == undecided


@pytest.mark.parametrize("executable", interpreters())
def test_each_of_many_lambdas_on_a_line_is_told_from_the_others(tmp_path: Path, executable: str) -> None:
    there = run_corpus(executable, tmp_path / "there", 7)
    expected = there["expected lambdas"]
    assert len(expected) > 60
    assert {k for k, v in expected.items() if there["syntax"][k][0] != v} == set(there["unmatched"])


def test_optimised_code_keeps_its_fingerprint(here: Any, tmp_path: Path) -> None:
    """-OO drops docstrings and asserts from the bytecode; the syntax is the same."""
    optimised = run_corpus(sys.executable, tmp_path / "optimised", 0, "-OO")
    assert optimised["unmatched"] == []
    assert optimised["syntax"] == here["syntax"]


def test_without_columns_no_lambda_is_taken_for_another(tmp_path: Path) -> None:
    blind = run_corpus(sys.executable, tmp_path / "blind", 0, "-X", "no_debug_ranges")
    wrong = {k for k, v in blind["expected lambdas"].items() if blind["syntax"][k][0] != v}
    assert wrong
    assert wrong <= set(blind["unmatched"])


def test_fingerprints_import_nothing_slow() -> None:
    """`import pypipegraph` pays for this package at every start."""
    code = "before = set(sys.modules); import ppg_mcp.fingerprints; print(*set(sys.modules) - before)"
    code = f"import sys, dataclasses, typing; {code}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not {m for m in done.stdout.split() if not m.startswith("ppg_mcp")} - {
        "__future__",
        "weakref",
        "_weakrefset",
    }
