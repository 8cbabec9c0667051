"""How quantities are written in options: sizes, durations, counts. Each raises ValueError saying what it wants."""

from __future__ import annotations

import math
import re

_SIZE = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*(?:([KMGTP])(I?B)?|B)?", re.IGNORECASE)
_POWERS = {letter: power for power, letter in enumerate("KMGTP", start=1)}


def parse_size(text: str) -> int:
    """Bytes. 64G and 64GiB are 64 * 1024**3, as batch systems mean it; 64GB is 64 * 1000**3."""
    parts = _SIZE.fullmatch(text.strip())
    if parts is None:
        raise ValueError("write a size as 64G, 500M, 1.5GiB, 64GB (1000**3 bytes) or a number of bytes")
    number, letter, suffix = parts.groups()
    base = 1000 if suffix and suffix.upper() == "B" else 1024
    size = float(number) * base ** _POWERS[letter.upper()] if letter else float(number)
    if not 1 <= size < 1 << 63:
        raise ValueError("a size has at least one byte, and less than 8 EiB")
    return int(size)


def parse_seconds(text: str) -> float:
    """Not negative, finite."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise ValueError("write a number of seconds, as 60 or 0.5")
    return seconds


def positive_seconds(text: str) -> float:
    """As `parse_seconds`, but more than 0."""
    seconds = parse_seconds(text)
    if seconds == 0:
        raise ValueError("write a number of seconds above 0")
    return seconds


def parse_count(text: str) -> int:
    """A positive int."""
    if not re.fullmatch(r"\s*0*[1-9]\d{0,8}\s*", text, re.ASCII):
        raise ValueError("write a whole number from 1 on")
    return int(text)
