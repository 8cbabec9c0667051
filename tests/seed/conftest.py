"""The fixtures of the engine's tests."""

from engine.conftest import project, scripts

__all__ = ["project", "scripts"]
