"""What is public is documented, what is decided is listed: a new name or decision can't be forgotten."""

from __future__ import annotations

import re

import pytest

import pypipegraph as ppg

from .pages import DOCS, fits, steps

MODULES = ("resource_coordinators", "util")
SECOND_NAMES = {"CachedJob": "CachedDataLoadingJob", "FileInvariant": "FileChecksumInvariant"}
BASES = ("Job",)


def public_jobs() -> list[str]:
    jobs = [name for name in ppg.__all__ if isinstance(getattr(ppg, name), type(ppg.Job))]
    return [*(name for name in jobs if name not in SECOND_NAMES and name not in BASES), "JobList"]


@pytest.mark.parametrize("name", public_jobs())
def test_each_job_type_has_a_page_with_a_script(name: str) -> None:
    page = DOCS / "jobs" / f"{name}.md"
    assert any(f"ppg.{name}(" in step.script.text for step in steps(page))
    assert f"({name}.md)" in (DOCS / "jobs" / "index.md").read_text()


def test_each_public_name_is_in_the_reference() -> None:
    text = "\n".join(page.read_text() for page in (DOCS / "reference").glob("*.md"))
    referred = set(re.findall(r"^::: pypipegraph\.(\w+)", text, re.MULTILINE))
    referred |= set(re.findall(r"^`(\w+)` is the same", text, re.MULTILINE))
    assert referred == set(ppg.__all__) - {"__version__"}, referred ^ set(ppg.__all__)


def test_second_names_are_mentioned_with_the_first() -> None:
    for second, first in SECOND_NAMES.items():
        assert getattr(ppg, second) is getattr(ppg, first)
        assert second in (DOCS / "jobs" / f"{first}.md").read_text()


def test_each_decision_is_listed() -> None:
    listed = set(re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", (DOCS / "adr" / "README.md").read_text()))
    assert listed == {page.name for page in (DOCS / "adr").glob("[0-9]*.md")}


def test_claims_of_a_page_are_told_from_lies() -> None:
    assert fits("a\n…\nz", "a\nb\nc\nz")
    assert fits("took … s", "took 0.12 s")
    assert not fits("a\nz", "a\nb\nz")
    assert not fits("took … s", "took 0.12 s\nmore")
