"""Callables of all kinds, and what is said about values that can't be seen."""

from __future__ import annotations

import functools
import operator
from dataclasses import dataclass
from typing import Any

import pytest

from ppg_mcp.fingerprints import fingerprint_function, function_description, function_digest, in_words


class Opaque:
    pass


OPAQUE = Opaque()


class Job:
    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        self.state: list[int] = []

    def __ppg_fingerprint__(self) -> object:
        return ("job", self.job_id)


class Tool:
    def __init__(self, n: int = 0) -> None:
        self.n = n

    def method(self, x: int = 1) -> int:
        return x + self.n

    def __call__(self) -> int:
        return self.n

    @staticmethod
    def static() -> int:
        return 1

    @classmethod
    def of_class(cls) -> int:
        return 2

    def closures(self) -> Any:
        return lambda: self.n


@dataclass
class Setting:
    n: Any

    def __call__(self) -> Any:
        return self.n


def same(one: Any, other: Any) -> bool:
    return fingerprint_function(one).digest == fingerprint_function(other).digest


def test_a_bound_method_is_its_function() -> None:
    assert same(Tool(1).method, Tool(2).method)
    assert same(Tool(1).method, Tool.method)
    assert not same(Tool(1).method, Tool(1).closures)


def test_static_and_class_methods_are_their_functions() -> None:
    assert same(Tool.static, Tool.__dict__["static"])
    assert same(Tool.of_class, Tool.__dict__["of_class"])
    assert not same(Tool.static, Tool.of_class)


def test_a_callable_object_is_the_call_of_its_type() -> None:
    assert same(Tool(1), Tool(2))
    assert not same(Tool(1), Tool(1).method)
    assert fingerprint_function(Tool(1)).warnings == ()


def test_the_state_of_a_callable_object_counts_where_its_type_is_known() -> None:
    assert same(Setting(1), Setting(1))
    assert not same(Setting(1), Setting(2))
    (warning,) = fingerprint_function(Setting(Opaque())).warnings
    assert "Opaque" in warning


def test_partials_by_function_and_arguments() -> None:
    assert same(functools.partial(Tool.method, 1, x=2), functools.partial(Tool.method, 1, x=2))
    assert not same(functools.partial(Tool.method, 1), functools.partial(Tool.method, 1.0))
    assert not same(functools.partial(Tool.method, x=1), functools.partial(Tool.method, x=2))
    assert same(functools.partial(Tool(1).method, 1), functools.partial(Tool(2).method, 1))
    nested = functools.partial(functools.partial(Tool.method, 1), x=3)
    assert not same(nested, functools.partial(functools.partial(Tool.method, 1), x=4))
    (warning,) = fingerprint_function(functools.partial(print, [Opaque()])).warnings
    assert "argument [0][0] of function builtins.print" in warning


@pytest.mark.parametrize(
    "function",
    [
        len,
        str.upper,
        "a".upper,
        [].append,
        dict.fromkeys,
        int.__add__,
        (1).__add__,
        object().__str__,
        print,
        dict,
        type,
    ],
    ids=lambda function: function.__qualname__,
)
def test_functions_in_c_by_name(function: Any) -> None:
    fingerprint = fingerprint_function(function)
    assert fingerprint.warnings == ()
    assert same(function, function)
    assert not same(function, abs)


def test_operator_objects_by_their_arguments() -> None:
    assert same(operator.itemgetter(1), operator.itemgetter(1))
    assert not same(operator.itemgetter(1), operator.itemgetter(2))
    assert not same(operator.attrgetter("a"), operator.attrgetter("b"))
    assert not same(operator.methodcaller("a", x=1), operator.methodcaller("a", x=2))


def test_what_is_not_callable_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="this is a int: 5"):
        fingerprint_function(5)  # type: ignore[arg-type]


def test_an_unknown_default_is_a_warning_that_says_where_and_what_to_do() -> None:
    def f(x: Any = {"a": [1, OPAQUE]}, *, y: Any = OPAQUE) -> Any:  # noqa: B006
        return x, y

    one, two = fingerprint_function(f).warnings
    assert one.startswith("default 'x'['a'][1] of function test_fingerprint_callables.")
    assert f"test_fingerprint_callables.py:{f.__code__.co_firstlineno} is a " in one
    assert "depends_on_params" in one
    assert "__ppg_fingerprint__" in one
    assert two.startswith("default 'y' of function ")
    assert fingerprint_function(f) == fingerprint_function(f)
    assert in_words(function_description(f))["defaults"].endswith("Opaque>}")


def test_an_unknown_closure_value_is_a_warning() -> None:
    thing = Opaque()

    def f() -> Any:
        return thing

    (warning,) = fingerprint_function(f).warnings
    assert warning.startswith("closure variable 'thing' of function ")


def test_self_modules_functions_and_classes_in_closures_are_not_followed_and_not_warned_of() -> None:
    module, function, kind, method, built_in = operator, same, Tool, Tool(1).method, len

    def f() -> Any:
        return module, function, kind, method, built_in, f

    assert fingerprint_function(f).warnings == ()
    assert fingerprint_function(Tool(1).closures()).warnings == ()
    assert same(Tool(1).closures(), Tool(2).closures())


def test_jobs_in_closures_and_defaults_count_by_what_they_say_of_themselves() -> None:
    def make(job: Job) -> Any:
        return lambda other=job: (job, other)

    one, again, other = Job("a"), Job("a"), Job("b")
    again.state.append(1)
    assert same(make(one), make(again))
    assert not same(make(one), make(other))
    assert in_words(function_description(make(one)))["closure"] == "{'job': ('job', 'a')}"


def test_defaults_are_read_as_they_are_now() -> None:
    def f(x: Any = []) -> Any:  # noqa: B006
        return x

    before = fingerprint_function(f)
    f()  # does nothing
    assert fingerprint_function(f) == before
    f().append(1)
    assert fingerprint_function(f).digest != before.digest
    f.__defaults__ = (1, 2, 3)  # more than there are parameters
    assert fingerprint_function(f).digest != before.digest


def test_texts_are_short_whatever_the_value() -> None:
    def f(x: Any = "y" * 100_000) -> Any:
        return x

    description = function_description(f)
    assert len(description["defaults"]) <= 500
    text = in_words(description)["defaults"]
    assert len(text) <= 500
    assert text.startswith("{'x': 'yyy")
    assert text.endswith("...")


def capturing(one: Any, two: Any = "unused") -> Any:
    def callback(path: Any) -> Any:
        return one, two, path

    return callback


def not_yet_filled() -> Any:
    def callback() -> Any:
        return later

    if callback is None:
        later = 1
    return callback


def with_self(self: Any) -> Any:
    return lambda: self


def with_kwdefaults(path: Any, *, number: int = 1) -> Any:
    return path, number


def copied(function: Any, **attributes: Any) -> Any:
    for name, value in attributes.items():
        setattr(function, name, value)
    return function


@pytest.mark.parametrize(
    "function",
    [
        same,
        capturing(1),
        capturing("text", "ünïcödé \ud800"),
        capturing(True, None),
        capturing(1.5, b"bytes"),
        capturing(2j, ...),
        capturing(1, [1, 2]),
        capturing(OPAQUE, 1),
        capturing(capturing),
        not_yet_filled(),
        with_self(1),
        with_self(OPAQUE),
        with_kwdefaults,
        lambda path, number=1: (path, number),
        copied(capturing(1), __wrapped__=with_kwdefaults),
        copied(capturing(2), __wrapped__=None),
        copied(capturing(3), __wrapped__=5),
        Tool(1).method,
        Tool(1),
        Tool,
        functools.partial(capturing, 1),
        len,
    ],
)
def test_the_digest_alone_is_that_of_the_whole_fingerprint(function: Any) -> None:
    fingerprint = fingerprint_function(function)
    assert function_digest(function) == (fingerprint.digest, fingerprint.warnings)


def test_digests_are_those_of_earlier_versions() -> None:
    """They are in everybody's status stores: another one redoes all jobs."""
    assert function_digest(capturing(1, "two"))[0].hex() == "26e3f80e3efed4895e29f42de492dc6b"
    assert function_digest(with_kwdefaults)[0].hex() == "876796de3a8a2bd32e0a35f965ebb89d"
    assert function_digest(with_self(1))[0].hex() == "5505120b853f5d255ca29d8a34b13430"
