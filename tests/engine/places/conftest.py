"""Fixtures: somebody at a terminal, somebody with a notebook."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from ..project import Project
from .typist import Typist

if TYPE_CHECKING:
    from .notebook import Notebook


@pytest.fixture
def typist(project: Project) -> Iterator[Callable[..., Typist]]:
    """Starts programs on terminals, in the project's directory."""
    started: list[Typist] = []

    def start(*command: str, **options: Any) -> Typist:
        started.append(Typist(list(command), project.path, **options))
        return started[-1]

    yield start
    for one in started:
        one.end()


@pytest.fixture
def notebook(project: Project) -> Iterator[Notebook]:
    """A kernel in the project's directory."""
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    from .notebook import Notebook

    one = Notebook(project.path)
    yield one
    one.end()
