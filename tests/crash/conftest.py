"""The project directory and the scripts of the engine's tests serve here, too."""

from __future__ import annotations

from engine.conftest import project, scripts

__all__ = ["project", "scripts"]
