"""The coordinator without its sockets: a pure core between links and arbiter. See `coordinator`."""

from .coordinator import Coordinator

__all__ = ["Coordinator"]
