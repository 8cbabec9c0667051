"""Every script in the documentation runs, makes what its page says, and has nothing to do when it is run again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .pages import DOCS, Step, fits, inputs, pages_with_scripts, steps

OWN = (".pypipegraph_status_robust", "logs/", "__pycache__/")
Version = tuple[int, int, int]


def names(page: Path) -> str:
    return str(page.relative_to(DOCS))


@pytest.mark.parametrize("page", pages_with_scripts(), ids=names)
def test_scripts_of_a_page_do_what_it_says(page: Path, tmp_path: Path) -> None:
    for block in inputs(page):
        put(tmp_path / block.title, block.text)
    given = set(versions(tmp_path))
    for step in steps(page):
        put(tmp_path / step.script.title, step.script.text)
        given.add(step.script.title)
        first = run(step, tmp_path)
        made = set(versions(tmp_path)) - given
        check_claims(step, first, tmp_path, made)
        check_again(step, tmp_path, made)


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def run(step: Step, directory: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, step.script.title],
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "MPLBACKEND": "agg"},
    )
    assert (done.returncode == 0) == (step.claim("Fails with") is None), done.stdout + done.stderr
    return done


def check_claims(step: Step, done: subprocess.CompletedProcess[str], directory: Path, made: set[str]) -> None:
    makes, prints, error = map(step.claim, ("Makes", "Prints", "Fails with"))
    assert step.claims, f"The page says nothing about what {step.script.title} does."
    if makes is not None:
        assert sorted(made) == sorted(makes.split())
    if prints is not None:
        assert fits(prints, done.stdout), done.stdout
    if error is not None:
        assert fits(f"…\n{error.rstrip()}", done.stderr), done.stderr
    for name, text in step.contents().items():
        assert fits(text.rstrip("\n"), (directory / name).read_text()), name


def check_again(step: Step, directory: Path, made: set[str]) -> None:
    """Inputs may be touched by the script itself."""
    before = versions(directory)
    run(step, directory)
    after = versions(directory)
    assert after.keys() == before.keys()
    assert {name: after[name] for name in made} == {name: before[name] for name in made}


def versions(directory: Path) -> dict[str, Version]:
    """Every file but those of the engine itself."""
    found = {str(path.relative_to(directory)): path.stat() for path in directory.rglob("*") if path.is_file()}
    return {name: (s.st_ino, s.st_mtime_ns, s.st_size) for name, s in found.items() if not name.startswith(OWN)}
