"""The three encodings of a callable: its code, its defaults, its closure. Hashing them is `function_fingerprint.py`.

What stands for a callable
    Python function            its code, its defaults by parameter name, its closure values by variable name (sorted)
    bound method, staticmethod, classmethod     its function; `self` is not followed
    functools.partial          its function; the arguments count as defaults
    built-in, C, Cython        module and qualified name (and its defaults, if it shows any)
    class                      its name, and the code of its __new__ and __init__
    any other callable         its type's __call__; the object itself counts as a default if its type is known
                               (operator.itemgetter, a dataclass, anything with __ppg_fingerprint__), and not at
                               all if not: it is the `self` of __call__
    with `__wrapped__`         itself, and then what it wraps. A decorated function is the wrapper, and the wrapper's
    (functools.wraps,          code is what runs first; but what the user edits is the wrapped one, which would
    lru_cache)                 otherwise be a function inside a closure and never be looked at.

Everything else that a function refers to (globals, attributes, functions in closures) counts by name only: users say
`depends_on_func`.

A closure variable called `self` is encoded by type, without a warning: a method's lambda mentions it all the time.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any, NamedTuple

from .atoms import ATOMS, NOTHING, OPENING, Named, UnfilledCell, encode_str
from .codes import CodeEntry, CodeRegistry
from .parts import callable_name, parts_of, type_name
from .values import Unseen, encode_by_type, encode_value

MAX_WRAPPERS = 100  # `__wrapped__` chains are short, unless somebody made a ring
_new = tuple.__new__
"""Of a named tuple in a third of the time; there is one for each job of a run."""


class FunctionEncoding(NamedTuple):
    """`code` is what the registry's `summarise` made of it; `defaults` and `closure` are whole canonical encodings."""

    code: bytes
    defaults: bytes
    closure: bytes
    warnings: tuple[str, ...]


def encode_function(function: Callable[..., Any], codes: CodeRegistry) -> FunctionEncoding:
    """Raises TypeError if it is not callable, JobContractError if a default or closure value can't be encoded."""
    wrapped = getattr(function, "__wrapped__", None)
    encoding = _plain(function, codes) if type(function) is FunctionType else _other(function, codes)
    if wrapped is None or isinstance(function, (MethodType, staticmethod, classmethod)):
        return encoding
    for _ in range(MAX_WRAPPERS):
        if not callable(wrapped):
            break
        inner = _plain(wrapped, codes) if type(wrapped) is FunctionType else _other(wrapped, codes)
        encoding = _both(encoding, inner, codes)
        wrapped = getattr(wrapped, "__wrapped__", None)
    return encoding


def encode_simple(function: Callable[..., Any], codes: CodeRegistry) -> bytes | None:
    """The three encodings in a row, of a function that has no defaults, wraps nothing and captured nothing but atoms:
    the quick way for the callbacks of most large graphs. None for any other callable.
    """
    if (
        type(function) is not FunctionType
        or function.__defaults__ is not None
        or function.__kwdefaults__ is not None
        or getattr(function, "__wrapped__", None) is not None
    ):
        return None
    entry = codes.of(function)
    cells = function.__closure__ or ()
    if entry.captures_self:
        return None
    out = entry.beginning
    for _, encoded_name, at in entry.free:
        try:
            value = cells[at].cell_contents
        except ValueError:
            return None
        atom = ATOMS.get(type(value))
        if atom is None:
            return None
        out += encoded_name + atom(value)
    return out + b"."


def _plain(function: FunctionType, codes: CodeRegistry) -> FunctionEncoding:
    entry = codes.of(function)
    warnings: list[str] = []
    defaults = closure = NOTHING
    if function.__defaults__ is not None or function.__kwdefaults__ is not None:
        defaults = _defaults(function, entry, warnings)
    if function.__closure__ is not None:
        closure = _closure(function, function.__closure__, entry, warnings)
    return _new(FunctionEncoding, (entry.summary, defaults, closure, tuple(warnings) if warnings else ()))


def _defaults(function: FunctionType, entry: CodeEntry, warnings: list[str]) -> bytes:
    unseen: list[Unseen] = []
    values = function.__defaults__ or ()
    out = [OPENING]
    skipped = len(entry.parameters) - len(values)
    for at, value in enumerate(values, skipped):
        name, encoded_name = entry.parameters[at] if at >= 0 else (str(at), encode_str(str(at)))
        out += (encoded_name, encode_value(value, unseen))
        if unseen:
            _warn(warnings, unseen, f"default '{name}'", function)
    for name, value in sorted((function.__kwdefaults__ or {}).items()):
        out += (encode_str(name), encode_value(value, unseen))
        if unseen:
            _warn(warnings, unseen, f"default '{name}'", function)
    out.append(b".")
    return b"".join(out)


def _closure(function: FunctionType, cells: tuple[Any, ...], entry: CodeEntry, warnings: list[str]) -> bytes:
    out = OPENING
    for name, encoded_name, at in entry.free:
        try:
            value = cells[at].cell_contents
        except ValueError:
            value = _UNFILLED
        atom = ATOMS.get(type(value))
        if atom is not None and name != "self":
            out += encoded_name + atom(value)
        else:
            out += encoded_name + _free_value(function, name, value, warnings)
    return out + b"."


def _free_value(function: FunctionType, name: str, value: Any, warnings: list[str]) -> bytes:
    unseen: list[Unseen] = []
    encoding = encode_by_type(value, unseen) if name == "self" else encode_value(value, unseen)
    _warn(warnings, unseen, f"closure variable '{name}'", function)
    return encoding


def _warn(warnings: list[str], unseen: list[Unseen], what: str, function: Any) -> None:
    code = getattr(function, "__code__", None)
    place = f" in {code.co_filename}:{code.co_firstlineno}" if code is not None else ""
    warnings.extend(warning(one, f"{what}{one.trail} of function {callable_name(function)}{place}") for one in unseen)
    unseen.clear()


def warning(unseen: Unseen, where: str) -> str:
    """What was not seen, and the ways out."""
    short = unseen.type_name.rpartition(".")[2]
    return (
        f"{where} is a {unseen.type_name}, whose changes can't be seen: only the name of its type counts. "
        f"Tell the job what the value depends on with depends_on_params(...), or give {short} a method "
        "__ppg_fingerprint__() that returns a plain value (numbers, strings, lists, dicts...) to stand for it."
    )


def _other(function: Callable[..., Any], codes: CodeRegistry) -> FunctionEncoding:
    if isinstance(function, (MethodType, staticmethod, classmethod)):
        return encode_function(function.__func__, codes)
    if _is_partial(function):
        return _partial(function, codes)
    if isinstance(function, type):
        return _class(function, codes)
    named = parts_of(function)
    if isinstance(named, Named):
        return _named(function, named, codes)
    if not callable(function):
        raise TypeError(f"A callable is needed, this is a {type(function).__name__}: {function!r:.200}")
    call = type(function).__call__
    encoding = encode_function(call, codes)
    unseen: list[Unseen] = []
    state = encode_value(function, unseen)
    if state.startswith(b"?"):
        return encoding
    warnings = list(encoding.warnings)
    _warn(warnings, unseen, "state ", call)
    return encoding._replace(defaults=b"(%b%b." % (encoding.defaults, state), warnings=tuple(warnings))


def _is_partial(function: Any) -> bool:
    return any(base.__module__ == "functools" and base.__qualname__ == "partial" for base in type(function).__mro__)


def _partial(function: Any, codes: CodeRegistry) -> FunctionEncoding:
    inner = encode_function(function.func, codes)
    unseen: list[Unseen] = []
    warnings = list(inner.warnings)
    arguments = encode_value(function.args, unseen)
    _warn(warnings, unseen, "argument ", function.func)
    keywords = encode_value(function.keywords, unseen)
    _warn(warnings, unseen, "argument ", function.func)
    defaults = b"O%b%b%b%b." % (encode_str("functools.partial"), inner.defaults, arguments, keywords)
    return inner._replace(defaults=defaults, warnings=tuple(warnings))


def _class(kind: type, codes: CodeRegistry) -> FunctionEncoding:
    encoding = FunctionEncoding(codes.summarise(ATOMS[Named](Named(f"class {type_name(kind)}"))), NOTHING, NOTHING, ())
    for name in ("__new__", "__init__"):
        method = getattr(kind, name)
        if type(method) is FunctionType:
            encoding = _both(encoding, encode_function(method, codes), codes)
    return encoding


def _named(function: Any, named: Named, codes: CodeRegistry) -> FunctionEncoding:
    """A function without code; Cython's show their defaults."""
    unseen: list[Unseen] = []
    warnings: list[str] = []
    values = (getattr(function, "__defaults__", None), getattr(function, "__kwdefaults__", None))
    defaults = NOTHING
    if isinstance(values[0], tuple) or isinstance(values[1], dict):
        defaults = encode_value(values, unseen)
        _warn(warnings, unseen, "default ", function)
    return FunctionEncoding(codes.summarise(ATOMS[Named](named)), defaults, NOTHING, tuple(warnings))


def _both(outer: FunctionEncoding, inner: FunctionEncoding, codes: CodeRegistry) -> FunctionEncoding:
    """Encodings delimit themselves, so a tuple of two is their concatenation in brackets."""
    return FunctionEncoding(
        code=codes.summarise(b"%d:%b%b" % (len(outer.code), outer.code, inner.code)),
        defaults=b"(%b%b." % (outer.defaults, inner.defaults),
        closure=b"(%b%b." % (outer.closure, inner.closure),
        warnings=outer.warnings + inner.warnings,
    )


_UNFILLED = UnfilledCell()
