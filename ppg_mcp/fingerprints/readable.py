"""Canonical encodings as text for humans: what "defaults changed from {x: 1} to {x: 2}" shows.

Rule: this text is for eyes. It is cut, and nothing is ever compared by it. It is made from the encoding, or from a
prefix of one.

A *description* has the parts of a value by name: text, or the prefix of an encoding, of which the text is made when
somebody looks. A description is kept with every record, and hardly ever looked at: the text would cost five times as
much as the prefix.
"""

from __future__ import annotations

from collections.abc import Mapping

Description = Mapping[str, str | bytes]

MAX_CHARS = 500
MAX_PART_CHARS = 4000
_CLOSERS = {"(": ")", "[": "]", "{": "}", "<": "}", "$": "})", "O": ")"}
_OPENERS = {"(": "(", "[": "[", "{": "{", "<": "{", "$": "frozenset({"}
_WORDS = {"N": "None", "T": "True", "F": "False", "E": "...", "X": "NotImplemented", "u": "<unfilled>"}


def readable(encoding: bytes, max_chars: int = MAX_CHARS) -> str:
    """The text of an encoding or of a prefix of one: at most `max_chars` characters, "..." at the end if cut."""
    text = _Reader(encoding).text(max_chars)
    return text if len(text) <= max_chars else text[: max_chars - 3] + "..."


def in_words(description: Description) -> dict[str, str]:
    """The parts as text, at most 4,000 characters of each encoding. Raises ValueError for what is none."""
    try:
        return {
            name: part if isinstance(part, str) else readable(part, MAX_PART_CHARS)
            for name, part in description.items()
        }
    except LookupError as error:
        raise ValueError(f"damaged encoding: {error!r}") from error


class _Reader:
    """Reads an encoding from left to right. `_open`: (tag, number of values read) of the groups around the position."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._open: list[tuple[str, int]] = []

    def text(self, max_chars: int) -> str:
        out: list[str] = []
        written = 0
        while self._at < len(self._data) and written <= max_chars:
            tag = chr(self._data[self._at])
            self._at += 1
            piece = self._close() if tag == "." else self._separator() + self._value(tag)
            out.append(piece)
            written += len(piece)
        if self._at != len(self._data) or self._open:
            out.append("...")
        return "".join(out)

    def _close(self) -> str:
        tag, count = self._open.pop()
        return ",)" if tag == "(" and count == 1 else _CLOSERS[tag]

    def _separator(self) -> str:
        if not self._open:
            return ""
        tag, count = self._open[-1]
        self._open[-1] = (tag, count + 1)
        if count == 0:
            return ""
        return ": " if tag == "{" and count % 2 else ", "

    def _value(self, tag: str) -> str:
        if tag in _WORDS:
            return _WORDS[tag]
        if tag in "(<[{$":
            self._open.append((tag, 0))
            return _OPENERS[tag]
        if tag == "O":
            self._open.append((tag, 0))
            return self._name().removeprefix("builtins.") + "("
        if tag in "@?":
            return f"<{self._name()}>"
        if tag in "sbB":
            data = self._sized()
            text = repr(data.decode("utf-8", "replace") if tag == "s" else data)
            return f"bytearray({text})" if tag == "B" else text
        return self._number(tag, self._until(b";"))

    def _number(self, tag: str, text: str) -> str:
        if self._at > len(self._data):
            return ""  # cut off: the digits that are left would be another number
        if tag == "i":
            return str(int(text, 16)) if len(text) < 1000 else f"0x{text}"
        if tag == "c":
            return "complex({}, {})".format(*text.split(","))
        return {"h": "xxh3:", "^": "^"}.get(tag, "") + text

    def _name(self) -> str:
        self._at += 1  # its "s"
        return self._sized().decode("utf-8", "replace")

    def _sized(self) -> bytes:
        size = self._until(b":")
        start, self._at = self._at, self._at + int(size or 0)
        return self._data[start : self._at]

    def _until(self, end: bytes) -> str:
        stop = self._data.find(end, self._at)
        stop = len(self._data) if stop < 0 else stop
        start, self._at = self._at, stop + 1
        return self._data[start:stop].decode("ascii", "replace")
