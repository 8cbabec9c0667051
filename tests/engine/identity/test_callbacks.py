"""Callbacks that can't work are refused when the job is made, not when it runs."""

from __future__ import annotations

from typing import Any

import pytest

import pypipegraph as ppg

from ..project import Project, write


class Holder:
    """Something to load into."""


MAKERS = {
    "FileGeneratingJob": (lambda f: ppg.FileGeneratingJob("a", f), 1),
    "MultiFileGeneratingJob": (lambda f: ppg.MultiFileGeneratingJob(["a"], f), 1),
    "TempFileGeneratingJob": (lambda f: ppg.TempFileGeneratingJob("a", f), 1),
    "DataLoadingJob": (lambda f: ppg.DataLoadingJob("a", f), 0),
    "AttributeLoadingJob": (lambda f: ppg.AttributeLoadingJob("a", Holder, "x", f), 0),
    "CachedAttributeLoadingJob": (lambda f: ppg.CachedAttributeLoadingJob("a", Holder, "x", f), 0),
    "CachedDataLoadingJob, calculate": (lambda f: ppg.CachedDataLoadingJob("a", f, write), 0),
    "CachedDataLoadingJob, load": (lambda f: ppg.CachedDataLoadingJob("a", write, f), 1),
    "MultiTempFileGeneratingJob": (lambda f: ppg.MultiTempFileGeneratingJob(["a"], f), 1),
    "MemMappedDataLoadingJob, calculate": (lambda f: ppg.MemMappedDataLoadingJob("a", f, write, "f8"), 0),
    "MemMappedDataLoadingJob, load": (lambda f: ppg.MemMappedDataLoadingJob("a", write, f, "f8"), 1),
    "JobGeneratingJob": (lambda f: ppg.JobGeneratingJob("a", f), 0),
    "DependencyInjectionJob": (lambda f: ppg.DependencyInjectionJob("a", f), 0),
    "FinalJob": (lambda f: ppg.FinalJob("a", f), 0),
    "PlotJob, calc": (lambda f: ppg.PlotJob("a.png", f, lambda table: table), 0),
    "PlotJob, plot": (lambda f: ppg.PlotJob("a.png", lambda: 1, f), 1),
}


def none() -> None: ...


def one(a: Any) -> None: ...


def two(a: Any, b: Any) -> None: ...


def keyword(*, a: Any) -> None: ...


@pytest.mark.parametrize("name", MAKERS)
def test_a_callback_with_too_many_arguments_is_refused(project: Project, name: str) -> None:
    make, at_most = MAKERS[name]
    ppg.new_pipegraph(quiet=True)
    for count, callback in enumerate((none, one, two)):
        if count > at_most:
            with pytest.raises(ppg.JobContractError, match=f"needs {count} argument"):
                make(callback)
    with pytest.raises(ppg.JobContractError, match="keyword-only"):
        make(keyword)
    make((none, one)[at_most])


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("nonsense", [None, 5, "callback"])
def test_what_cannot_be_called_is_refused(project: Project, name: str, nonsense: Any) -> None:
    make, _ = MAKERS[name]
    ppg.new_pipegraph(quiet=True)
    with pytest.raises(ppg.JobContractError, match="must be callable"):
        make(nonsense)


def test_attributes_have_names(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    for nonsense in ("", "a b", "1", None, 5):
        with pytest.raises(ppg.JobContractError, match="valid name"):
            ppg.AttributeLoadingJob("a", Holder, nonsense, none)
