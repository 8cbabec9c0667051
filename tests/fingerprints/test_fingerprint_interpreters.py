"""The same corpus in fresh processes: under three hash seeds, and on every CPython >= 3.11 that this machine has."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from constructs import CONSTRUCTS
from mutants import mutants

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def interpreters() -> list[str]:
    """One executable per version: this one, those on PATH, the system's, those of pyenv."""
    names = [f"python3.{minor}" for minor in range(11, 20)]
    candidates = [sys.executable, *[path for name in names if (path := shutil.which(name))]]
    candidates += [f"/usr/bin/{name}" for name in names if os.access(f"/usr/bin/{name}", os.X_OK)]
    candidates += map(str, sorted((Path.home() / ".pyenv/versions").glob("3.*/bin/python")))
    found: dict[str, str] = {}
    for candidate in candidates:
        done = subprocess.run([candidate, "-c", VERSION], capture_output=True, text=True, check=False)
        if re.fullmatch(r"3\.(1[1-9]|[2-9]\d)\.\d+\s*", done.stdout):
            found.setdefault(done.stdout.strip(), candidate)
    return list(found.values())


# Lambdas that share a line and whose bodies are folded to the same constants (`1 + 1` and `2`): 3.12 records no column
# for them, so that nothing tells which is which. They are the same code, and are taken by their code.
FOLDED = {
    f"lambdas {group}{i}"
    for group, numbers in {"L": (9, 10), "M": (0, 1, 2, 4, 5), "A": range(5)}.items()
    for i in numbers
}
VERSION = "import sys; print('%d.%d.%d' % sys.version_info[:3])"


Run = Callable[..., Any]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """run(executable, seed, *options): what the corpus gives there; the same question is asked only once."""
    directory = tmp_path_factory.mktemp("corpus")
    chosen = directory / "mutants.json"
    chosen.write_text(json.dumps(some_mutants()))

    @cache
    def run(executable: str, seed: int, *options: str) -> Any:
        environment = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONDONTWRITEBYTECODE": "1"}
        environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "protocol"), str(HERE)])
        arguments = [str(HERE / "interpreter_corpus.py"), tempfile.mkdtemp(dir=directory), str(chosen)]
        command = [executable, "-W", "ignore", *options, *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{executable}: {done.stderr}"
        return json.loads(done.stdout)

    return run


def some_mutants() -> dict[str, str]:
    """Every eighth, of constructs that all interpreters can parse."""
    found = [
        (f"{name}, {change}", text) for name, source in CONSTRUCTS.items() for change, text in mutants(source).items()
    ]
    return dict(found[::8])


@pytest.fixture
def here(run: Run) -> Any:
    return run(sys.executable, 0)


@pytest.mark.parametrize("seed", [1, 4242])
def test_every_hash_seed_gives_the_same_answers(here: Any, run: Run, seed: int) -> None:
    assert len(here["syntax"]) > 600
    assert run(sys.executable, seed) == here


@pytest.mark.parametrize("executable", interpreters())
def test_every_interpreter_gives_the_same_answers(here: Any, run: Run, executable: str) -> None:
    there = run(executable, 7)
    assert set(there["unmatched"]) <= (FOLDED if there["version"] == [3, 12] else set())
    assert there["syntax"].keys() == here["syntax"].keys()
    differ = {k for k, v in there["syntax"].items() if v != here["syntax"][k]}
    assert set(there["unmatched"]) ^ set(here["unmatched"]) <= differ
    assert differ <= set(there["unmatched"]) | set(here["unmatched"])


def test_newer_syntax_gives_the_same_answers_wherever_it_can_be_parsed(run: Run) -> None:
    answers: dict[str, Any] = {}
    for executable in interpreters():
        for name, encoding in run(executable, 7)["newer"].items():
            assert answers.setdefault(name, encoding) == encoding, f"{name} on {executable}"


@pytest.mark.parametrize("executable", interpreters())
def test_each_of_many_lambdas_on_a_line_is_told_from_the_others(run: Run, executable: str) -> None:
    there = run(executable, 7)
    expected = there["expected lambdas"]
    assert len(expected) > 60
    assert {k for k, v in expected.items() if there["syntax"][k][0] != v} == set(there["unmatched"])


def test_optimised_code_keeps_its_fingerprint(here: Any, run: Run) -> None:
    """-OO drops docstrings and asserts from the bytecode; the syntax is the same."""
    optimised = run(sys.executable, 0, "-OO")
    assert optimised["unmatched"] == here["unmatched"]
    assert {k: v for k, v in optimised["syntax"].items() if k not in here["unmatched"]} == {
        k: v for k, v in here["syntax"].items() if k not in here["unmatched"]
    }


def test_without_columns_no_lambda_is_taken_for_another(run: Run) -> None:
    blind = run(sys.executable, 0, "-X", "no_debug_ranges")
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
