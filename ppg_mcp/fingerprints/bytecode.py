"""The canonical form of a code object, for functions without source and to tell whether a source can be trusted.

Rules
- Nested code objects are included; file name, line numbers and stack size are not. The name of the code object itself
  is not, names of nested ones are (a program can see them).
- Constants are written in the order in which the instructions first use them, and the instructions refer to that
  order. So a docstring, which no instruction loads, is not seen, and neither is the None that CPython < 3.13 keeps in
  its place.
- Sets among the constants (`x in {"a", "b"}`) are sorted: their order of iteration depends on PYTHONHASHSEED.

Not promised: equality across versions of CPython, whose bytecode differs. Rejected: marshal and repr of the constants
(both show the order of sets), dis (its text changes between versions, and is slow).
"""

from __future__ import annotations

import opcode
from collections.abc import Iterator
from types import CodeType

from .atoms import ATOMS
from .values import encode_value

_HAS_CONST = frozenset(opcode.hasconst)
_EXTENDED_ARG = opcode.EXTENDED_ARG
# *args, **kwargs, generator, coroutine, types.coroutine, async generator; not: nested, has docstring, future features
_FLAGS_SEEN = 0x04 | 0x08 | 0x20 | 0x80 | 0x100 | 0x200


def canonical_code(code: CodeType, known: dict[int, bytes] | None = None) -> bytes:
    """The canonical form of a code object. `known` (id -> form) collects it and the nested ones, to have them all."""
    if known is None:
        known = {}
    instructions, constants = _instructions(code)
    head = (
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
        code.co_flags & _FLAGS_SEEN,
        code.co_names,
        code.co_varnames,
        code.co_cellvars,
        code.co_freevars,
        instructions,
        code.co_exceptiontable,
    )
    form = encode_value(head, []) + b"".join([_constant(code.co_consts[i], known) for i in constants])
    known[id(code)] = form
    return form


def nested_codes(code: CodeType) -> Iterator[CodeType]:
    """The code object and all that are nested in it."""
    todo = [code]
    while todo:
        one = todo.pop()
        yield one
        todo.extend(const for const in one.co_consts if isinstance(const, CodeType))


def _instructions(code: CodeType) -> tuple[bytes, list[int]]:
    """The instructions with constants renumbered by first use, and the indices of these constants in that order."""
    raw = code.co_code
    out: list[int] = []
    order: dict[int, int] = {}
    arg = 0
    for at in range(0, len(raw), 2):
        op, low = raw[at], raw[at + 1]
        arg = arg << 8 | low
        if op == _EXTENDED_ARG:
            out += (op, 0)  # the size of an instruction matters (jumps), its digits are in the next one
            continue
        if op in _HAS_CONST:
            arg = order.setdefault(arg, len(order))
        out += (op, *arg.to_bytes(4, "big"))
        arg = 0
    return bytes(out), list(order)


def _constant(value: object, known: dict[int, bytes]) -> bytes:
    if isinstance(value, CodeType):
        form = known.get(id(value))
        if form is None:
            form = canonical_code(value, known)
        return b"C" + ATOMS[str](value.co_name) + ATOMS[bytes](form)
    return encode_value(value, [])
