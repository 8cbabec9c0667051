"""The text of a value, one item per line, so that a diff shows the item that changed.

The text is what `fingerprints.readable` makes, perhaps cut off in the middle: it is split by its brackets and quotes,
as far as they go, and never understood.
"""

from __future__ import annotations

MAX_WIDTH = 80
INDENT = "    "
_OPEN, _CLOSE = "([{<", ")]}>"


def one_per_line(text: str) -> list[str]:
    """Groups that are too long for a line are taken apart, outer ones first."""
    lines: list[str] = []
    line, depth, at = "", 0, 0
    ends = _ends(text)
    while at < len(text):
        c = text[at]
        if c in "'\"":
            end = _end_of_string(text, at)
            line, at = line + text[at:end], end
            continue
        at += 1
        if c in _OPEN and ends.get(at - 1, len(text)) - at > MAX_WIDTH - len(INDENT) * depth:
            lines.append(line + c)
            depth += 1
            line = INDENT * depth
        elif c in _OPEN and at - 1 in ends:
            line, at = line + text[at - 1 : ends[at - 1] + 1], ends[at - 1] + 1
        elif c == "," and depth:
            lines.append(line + c)
            line = INDENT * depth
            at += text[at : at + 1] == " "
        elif c in _CLOSE and depth:
            lines += [line] if line.strip() else []
            depth -= 1
            line = INDENT * depth + c
        else:
            line += c
    return [*lines, line]


def _ends(text: str) -> dict[int, int]:
    """Of each opening bracket the position of its closing one, as far as there is one."""
    ends: dict[int, int] = {}
    stack: list[int] = []
    at = 0
    while at < len(text):
        if text[at] in "'\"":
            at = _end_of_string(text, at)
            continue
        if text[at] in _OPEN:
            stack.append(at)
        elif text[at] in _CLOSE and stack:
            ends[stack.pop()] = at
        at += 1
    return ends


def _end_of_string(text: str, at: int) -> int:
    """Behind the closing quote of the literal that begins here, or the end of the text."""
    quote, at = text[at], at + 1
    while at < len(text) and text[at] != quote:
        at += 2 if text[at] == "\\" else 1
    return min(at + 1, len(text))
