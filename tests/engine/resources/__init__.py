"""Cores and memory: what a job asks for, what it gets, what runs beside it (semantics §6)."""
