"""Amounts and lists in words, for reasons, answers and `status`."""

from __future__ import annotations

from collections.abc import Sequence

GIB = 2**30


def gigabytes(memory_bytes: int) -> str:
    """Rounded to what matters: `512 GB`, `1.5 GB`, `0.02 GB`. A GB is 2**30 bytes, as in `--memory 64G`."""
    amount = memory_bytes / GIB
    if amount and amount < 0.01:
        return f"{memory_bytes} bytes"
    return f"{amount:.3g} GB" if amount < 100 else f"{amount:.0f} GB"


def count(number: int, what: str) -> str:
    """`1 machine`, `2 machines`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def listing(items: Sequence[str], most: int = 5) -> str:
    """`a`, `a and b`, `a, b and c`, `a, b, c, d, e and 7 more`."""
    if len(items) > most:
        items = [*items[:most], f"{len(items) - most} more"]
    if len(items) < 2:
        return "".join(items)
    return ", ".join(items[:-1]) + " and " + items[-1]
