"""What determines a value: for every known type, simpler values that change if and only if the value changes.

Rules
- Types are found by name along the MRO, so that nothing is imported for a type that no value has. The first match
  wins; a subclass is encoded with its own name, its base's parts and, of a container or an array, what its instances
  have in their `__dict__`.
- Enum members, dataclass instances and namedtuples come before any base that they have.
- Functions, classes and modules are named, not followed: so is everything callable that says what it is called.
- None means unknown; the caller warns.

Rejected: following `__reduce__` or `__dict__` of any object. It reaches locks, caches and counters, which change
without meaning.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from .atoms import Named

Parts = tuple[Any, ...] | Named | None
PartsFunction = Callable[[Any], Parts]

_MOVING = frozenset({"pathlib", "numpy", "pandas", "polars"})  # pathlib was a package in 3.13


def type_name(kind: type) -> str:
    """Module and qualified name; of packages that move their classes about, the package and the qualified name."""
    module = kind.__module__
    package = module.partition(".")[0]
    return f"{package if package in _MOVING else module}.{kind.__qualname__}"


def callable_name(value: Any) -> str:
    """Module and qualified name of a function, C function, class..., as far as it tells."""
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None) or type_name(type(value))
    return f"{getattr(value, '__module__', None) or ''}.{name}"


def parts_of(value: Any) -> Parts:
    kind = type(value)
    function = _resolved.get(kind)
    if function is None:
        function = _resolved[kind] = _resolve(kind)
    return function(value)


def _resolve(kind: type) -> PartsFunction:
    names = [f"{base.__module__}.{base.__qualname__}" for base in kind.__mro__]
    if "enum.Enum" in names:
        return lambda v: (v._name_, v._value_)
    if "__dataclass_fields__" in vars(kind):
        return _dataclass
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return lambda v: (type(v)._fields, tuple(tuple.__iter__(v)))
    for name in names:
        if name in _KNOWN:
            extended = name != names[0] and name.startswith(("builtins.", "collections."))
            return _with_attributes(_KNOWN[name]) if extended else _KNOWN[name]
        root = name.partition(".")[0]
        if root in ("numpy", "pandas", "polars") and root in sys.modules:
            from .tables import table_parts

            return table_parts(root)
        if root in ("typing", "typing_extensions"):
            return _repr
    if kind is object:
        return lambda v: ()  # a sentinel: nothing in it can change
    return _other


def _with_attributes(parts: PartsFunction) -> PartsFunction:
    def parts_and_attributes(value: Any) -> Parts:
        found = parts(value)
        attributes = instance_attributes(value)
        return (*found, attributes) if attributes and isinstance(found, tuple) else found

    return parts_and_attributes


def instance_attributes(value: Any) -> dict[str, Any]:
    """A copy of its `__dict__`, found without running a `__getattr__`; empty if it has none."""
    try:
        return dict(object.__getattribute__(value, "__dict__"))
    except (AttributeError, TypeError):
        return {}


def _other(value: Any) -> Parts:
    named = callable(value) and isinstance(getattr(value, "__qualname__", getattr(value, "__name__", None)), str)
    return Named(f"function {callable_name(value)}") if named else None


def _function(value: Any) -> Named:
    return Named(f"function {callable_name(value)}")


def _dataclass(value: Any) -> Parts:
    fields = type(value).__dataclass_fields__
    return ({name: getattr(value, name) for name in fields if hasattr(value, name)},)


def _datetime(value: Any) -> Parts:
    return (value.replace(tzinfo=None).isoformat(), value.fold, value.tzinfo)


def _items(value: Any) -> Parts:
    return (dict(dict.items(value)),)


def _str(value: Any) -> Parts:
    return (str(value),)


def _repr(value: Any) -> Parts:
    return (repr(value),)


def _reduced(value: Any) -> Parts:
    return tuple(value.__reduce__()[:2])


def _endpoints(value: Any) -> Parts:
    return (value.start, value.stop, value.step)


def _as_tuple(value: Any) -> Parts:
    return (tuple(value),)


_KNOWN: dict[str, PartsFunction] = {
    # functions, classes, modules: by name
    "builtins.function": _function,
    "builtins.builtin_function_or_method": _function,
    "builtins.method": _function,
    "builtins.method_descriptor": _function,
    "builtins.wrapper_descriptor": _function,
    "builtins.method-wrapper": _function,
    "builtins.classmethod_descriptor": _function,
    "builtins.staticmethod": lambda v: (v.__func__,),
    "builtins.classmethod": lambda v: (v.__func__,),
    "builtins.property": lambda v: (v.fget, v.fset, v.fdel),
    "builtins.type": lambda v: Named(f"class {type_name(v)}"),
    "builtins.module": lambda v: Named(f"module {v.__name__}"),
    "functools.partial": lambda v: (v.func, v.args, v.keywords),
    "operator.itemgetter": _reduced,
    "operator.attrgetter": _reduced,
    "operator.methodcaller": _reduced,
    # subclasses of builtin types, and their relatives
    "builtins.int": lambda v: (int.__int__(v),),
    "builtins.float": lambda v: (float.__float__(v),),
    "builtins.complex": lambda v: (complex.__complex__(v),),
    "builtins.str": lambda v: (str.__str__(v),),
    "builtins.bytes": lambda v: (bytes(memoryview(v)),),
    "builtins.bytearray": lambda v: (bytes(memoryview(v)),),
    "builtins.tuple": lambda v: (tuple(tuple.__iter__(v)),),
    "builtins.list": lambda v: (list(list.__iter__(v)),),
    "builtins.dict": _items,
    "builtins.set": lambda v: (set(set.__iter__(v)),),
    "builtins.frozenset": lambda v: (frozenset(frozenset.__iter__(v)),),
    "builtins.range": _endpoints,
    "builtins.slice": _endpoints,
    "builtins.memoryview": lambda v: (v.format, v.shape, v.tobytes()),
    "builtins.mappingproxy": lambda v: (dict(v),),
    "builtins.dict_keys": _as_tuple,
    "builtins.dict_values": _as_tuple,
    "builtins.dict_items": _as_tuple,
    "types.SimpleNamespace": lambda v: (vars(v),),
    "types.GenericAlias": _repr,
    "types.UnionType": _repr,
    "collections.OrderedDict": lambda v: (list(v.items()),),
    "collections.defaultdict": lambda v: (v.default_factory, dict(dict.items(v))),
    "collections.Counter": _items,
    "collections.deque": lambda v: (list(v), v.maxlen),
    "array.array": lambda v: (v.typecode, v.tobytes()),
    # numbers, times, names of things
    "decimal.Decimal": _str,
    "fractions.Fraction": lambda v: (v.numerator, v.denominator),
    "datetime.datetime": _datetime,
    "datetime.date": lambda v: (v.isoformat(),),
    "datetime.time": _datetime,
    "datetime.timedelta": lambda v: (v.days, v.seconds, v.microseconds),
    "datetime.timezone": lambda v: v.__getinitargs__(),
    "zoneinfo.ZoneInfo": lambda v: None if v.key is None else (v.key,),
    "uuid.UUID": lambda v: (v.int,),
    "re.Pattern": lambda v: (v.pattern, v.flags),
    "pathlib.PurePath": _str,
    "pathlib._local.PurePath": _str,
    "logging.Logger": lambda v: (v.name,),
}

_resolved: WeakKeyDictionary[type, PartsFunction] = WeakKeyDictionary()
