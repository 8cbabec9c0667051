"""The version of the engine; masters and supervisors of one run must agree on it."""

__version__ = "1.0.0.dev1"
