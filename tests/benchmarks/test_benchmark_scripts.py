"""Each experiment runs to its end with small sizes, and has a place in docs/benchmarks.md for what it finds.

Nothing is asserted on times: this is about the benchmarks, not about the engine.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import BENCHMARKS

DOCUMENT = BENCHMARKS.parent / "docs" / "benchmarks.md"
SCRIPTS = sorted(path.stem for path in BENCHMARKS.glob("[!_]*.py"))
PATIENCE_S = 300


def run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(BENCHMARKS / f"{name}.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, stdin=subprocess.DEVNULL)


def section(document: str, name: str) -> str:
    return document.partition(f"<!-- begin {name} -->")[2].partition(f"<!-- end {name} -->")[0]


def without_sections(document: str) -> str:
    return re.sub(r"(<!-- begin \w+ -->).*?(<!-- end \w+ -->)", r"\1\2", document, flags=re.DOTALL)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_quick_run_renews_the_section_and_nothing_else(name: str, tmp_path: Path) -> None:
    scratch, document = tmp_path / "scratch", tmp_path / "benchmarks.md"
    scratch.mkdir()
    shutil.copy(DOCUMENT, document)

    done = run(name, "--quick", "--scratch", str(scratch), "--write", str(document))

    assert done.returncode == 0, done.stderr
    written = document.read_text()
    assert "measured once" in section(written, name), done.stdout
    assert section(written, name).strip() in done.stdout
    assert without_sections(written) == without_sections(DOCUMENT.read_text())
    assert not list(scratch.iterdir()), "working directories are left"


@pytest.mark.parametrize("name", SCRIPTS)
def test_help_says_what_is_measured(name: str) -> None:
    done = run(name, "--help")
    assert done.returncode == 0, done.stderr
    assert f"python benchmarks/{name}.py" in done.stdout
    assert "--quick" in done.stdout


def test_every_section_of_the_document_has_its_experiment() -> None:
    assert sorted(re.findall(r"<!-- begin (\w+) -->", DOCUMENT.read_text())) == SCRIPTS
