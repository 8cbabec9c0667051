"""Canonical encoding of whole values: containers, objects, and what to do about types that nobody knows.

Rules
- An atom is written as it is. tuple, list, dict, set, frozenset are groups; everything else is an object: the name of
  its type and its parts (`parts.py`), simpler values that determine it.
- dicts are sorted by encoded key, sets by encoded element: the order of insertion and PYTHONHASHSEED are not seen.
  (An OrderedDict keeps its order, as its equality does.)
- An object that has `__ppg_fingerprint__()`, by its class or in its own `__dict__`, is encoded as the value that this
  returns.
- An unknown type is encoded as its name and reported in `unseen`, with the trail to it. Never a repr: it would show
  addresses, or hide what it cuts off.
- Sharing is not seen: `[a, a]` equals `[copy(a), a]`. Only a value inside itself is written as a reference, counted
  in levels.
- Nesting deeper than MAX_DEPTH and encodings above MAX_BYTES raise JobContractError.

Rejected: an encoder without a depth limit, on an explicit stack. It costs a third of the speed for values that nobody
gives a job.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple, NoReturn

from .atoms import ATOMS, Named, encode_str
from .parts import parts_of, type_name

MAX_DEPTH = 200  # levels; three Python frames each stay below the default recursion limit of 1000
MAX_BYTES = 256 * 1024 * 1024


class Unseen(NamedTuple):
    """A value whose changes can't be seen: where it is below the encoded one ("" = itself), and its type's name."""

    trail: str
    type_name: str


def encode_value(value: Any, unseen: list[Unseen]) -> bytes:
    """The canonical encoding of `value`; values of unknown type are appended to `unseen`.

    Raises JobContractError if the value is nested too deeply or is too large.
    """
    atom = ATOMS.get(type(value))
    if atom is not None:
        return atom(value)
    try:
        return _Encoder(unseen).group(value)
    except RecursionError:
        _refuse(value, "is nested too deeply for the recursion limit that is left here")


def encode_by_type(value: Any, unseen: list[Unseen]) -> bytes:
    """A value that is not followed (`self`): by `__ppg_fingerprint__` if it has one, else as the name of its type."""
    hook = _hook(value)
    if hook is not None:
        return encode_value(hook(), unseen)
    return b"?" + encode_str(type_name(type(value)))


class _Encoder:
    """One walk through one value. Invariant: `_open` maps id to value for all groups being written, outermost first."""

    __slots__ = ("_open", "_unseen")

    def __init__(self, unseen: list[Unseen]) -> None:
        self._open: dict[int, Any] = {}
        self._unseen = unseen

    def group(self, value: Any) -> bytes:
        opened, key = self._open, id(value)
        if key in opened:
            levels = len(opened) - list(opened).index(key)
            return b"^%x;" % levels
        if len(opened) >= MAX_DEPTH:
            _refuse(next(iter(opened.values())), f"is nested more than {MAX_DEPTH} levels deep")
        opened[key] = value
        kind = type(value)
        if kind is tuple:
            data = b"(%b." % b"".join(self._each(value))
        elif kind is list:
            data = b"[%b." % b"".join(self._each(value))
        elif kind is dict:
            pairs = sorted(zip(self._each(value), self._each(value.values()), strict=True))
            data = b"{%b." % b"".join([part for pair in pairs for part in pair])
        elif kind is set:
            data = b"<%b." % b"".join(sorted(self._each(value)))
        elif kind is frozenset:
            data = b"$%b." % b"".join(sorted(self._each(value)))
        else:
            data = self._object(value, kind)
        del opened[key]
        if len(data) > MAX_BYTES:
            _refuse(value, f"takes more than {MAX_BYTES} bytes to encode")
        return data

    def _each(self, values: Any) -> list[bytes]:
        atoms, group = ATOMS, self.group
        return [atom(v) if (atom := atoms.get(type(v))) is not None else group(v) for v in values]

    def _object(self, value: Any, kind: type) -> bytes:
        hook = _hook(value)
        if hook is not None:
            return self._each((hook(),))[0]
        parts = parts_of(value)
        if parts is None:
            name = type_name(kind)
            self._unseen.append(Unseen("".join(_trail(list(self._open.values()))), name))
            return b"?" + encode_str(name)
        if isinstance(parts, Named):
            return ATOMS[Named](parts)
        return b"O%b%b." % (encode_str(type_name(kind)), b"".join(self._each(parts)))


def _hook(value: Any) -> Callable[[], Any] | None:
    """`value.__ppg_fingerprint__`, found without running a `__getattr__` (proxies answer to every name)."""
    for owner in type(value).__mro__:
        if "__ppg_fingerprint__" in vars(owner):
            return value.__ppg_fingerprint__  # type: ignore[no-any-return]
    if isinstance(value, type):
        return None  # the hook of a class is for its instances
    try:
        return object.__getattribute__(value, "__dict__").get("__ppg_fingerprint__")  # type: ignore[no-any-return]
    except (AttributeError, TypeError):
        return None


def _trail(chain: list[Any]) -> Iterator[str]:
    """How one gets from the outermost value to the innermost, such as `[3]`, `['key']`."""
    for outer, inner in pairwise(chain):
        if isinstance(outer, dict):
            labels = [
                f"[{key!r}]" for key, v in outer.items() if v is inner and isinstance(key, (str, int, float, bytes))
            ]
            yield labels[0] if labels else "[...]"
        elif isinstance(outer, (list, tuple)):
            yield f"[{next((i for i, v in enumerate(outer) if v is inner), '...')}]"
        elif isinstance(outer, (set, frozenset)):
            yield "{...}"


def _refuse(value: Any, why: str) -> NoReturn:
    from ppg_protocol.errors import JobContractError

    raise JobContractError(
        f"A {type_name(type(value))} among the parameters, defaults or closure values of a job {why}. "
        "Put such data into a file (depends_on_file) or a DataLoadingJob, or give its class a method "
        "__ppg_fingerprint__() that returns a small value."
    )
