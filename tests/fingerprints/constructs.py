"""A function `f` for every construct that a function may contain: what `mutants` changes bit by bit.

Plain data, so that interpreters without pytest can read it too. A test holds that no class of syntax is missing.
"""

from __future__ import annotations

import sys

CONSTRUCTS = {
    "parameters": """
def f(a, b, /, c, d=1, *e, g, h=2, **i):
    return a, b, c, d, e, g, h, i
""",
    "constants": """
def f():
    return (1, 1.0, True, 1j, '1', b'1', 0, 0.0, -0.0, False, None, ..., '', b'', 1e999, 10**400, '\\udcff', 'ä')
""",
    "binary operators": """
def f(a, b):
    return a + b - a * b / a // b % a ** b @ a << b >> a & b | a ^ b
""",
    "unary operators": """
def f(a):
    return -a, +a, ~a, not a
""",
    "boolean operators": """
def f(a, b, c):
    return a and b or c
""",
    "comparisons": """
def f(a, b):
    return a == b, a != b, a < b <= a, a > b >= a, a is b, a is not b, a in b not in a
""",
    "augmented assignments": """
def f(a, b):
    a += b
    a.x -= 1
    a[0] @= b
    return a
""",
    "assignments": """
def f(a):
    b = c = a
    d, (e, *g) = b
    c.x, c[0] = d, e
    h: int = g
    return h
""",
    "walrus and conditional": """
def f(a):
    return (b := a) if a else [c := 1, b]
""",
    "calls": """
def f(a, b):
    return a(1, *b, x=2, **b)(a.x.y, key=lambda: b)
""",
    "subscripts and slices": """
def f(a, b):
    return a[1], a[b], a[:], a[1:], a[:2], a[::3], a[1:2:3], a[1:2, ..., b]
""",
    "displays": """
def f(a, b):
    return [a, *b], (a, *b), {a, 'x', 1}, {a: b, 'y': 2, **b}, [], (), {}
""",
    "comprehensions": """
def f(a, b):
    return ([x for x in a if x], {x for x in a for y in b}, {x: y for x, y in a if x if y}, (x for x in a))
""",
    "nested comprehensions": """
def f(a):
    return [[y for y in x if y] for x in a if [z for z in x]]
""",
    "lambdas": """
def f(a):
    return lambda x, /, y=1, *z, k=2, **w: (x, y, z, k, w, lambda: a)
""",
    "lambdas on one line": """
def f(a):
    return [lambda: 1, lambda: 2, lambda: a], lambda: (lambda: 1)()
""",
    "f-strings": """
def f(a, b):
    return f'x{a}y{b!r}{a!s:>{b}.3}{a + 1:x}', f'{{}}{a}'
""",
    "if": """
def f(a):
    if a:
        b = 1
    elif a.x:
        b = 2
    else:
        b = 3
    return b
""",
    "loops": """
def f(a):
    for b, c in a:
        if b:
            continue
    else:
        c = 1
    while c:
        c = a(c)
        break
    else:
        pass
    return c
""",
    "try": """
def f(a):
    try:
        a()
    except OSError as e:
        a(e)
    except (KeyError, ValueError):
        raise
    except:
        raise TypeError from None
    else:
        a(1)
    finally:
        a(2)
""",
    "except*": """
def f(a):
    try:
        a()
    except* OSError as e:
        a(e)
    except* KeyError:
        a(1)
""",
    "with": """
def f(a):
    with a, a.x as b, a() as (c, d):
        return b, c, d
""",
    "del, assert, raise": """
def f(a, b):
    del a.x, a[0], b
    assert a, 'x'
    raise a(1) from a
""",
    "global and nonlocal": """
def f(a):
    global X, Y
    X = Y = 1
    b = c = 0
    def g():
        nonlocal b, c
        b = c = X
    return g
""",
    "imports": """
def f():
    import os
    import os.path as p, sys
    from os import sep, path as q
    from . import x
    from ..y import z
    return os, p, sys, sep, q, x, z
""",
    "match": """
def f(a):
    match a:
        case 1 | 'x' | None:
            return 1
        case [b, *c, 2] if b:
            return c
        case {'k': d, 'l': 1.5, **e}:
            return d, e
        case A.B(1, x=g, y=[_, *_]) as h:
            return g, h
        case A.C:
            return 2
        case True:
            return 4
        case _:
            return 3
""",
    "generator": """
def f(a):
    b = yield
    yield b
    c = yield from a
    return (yield c)
""",
    "coroutine": """
async def f(a):
    async with a as b, a():
        await b
    async for c, d in b:
        await c(d)
    else:
        return 1
    return [x async for x in a if await x]
""",
    "async generator": """
async def f(a):
    yield await a
    return
""",
    "nested functions": """
def f(a):
    @a
    @a.x(1)
    def g(b, c=1, *, d=a):
        'doc'
        return b, c, d
    async def h(*b: int, **c: str) -> int:
        return g
    return g, h
""",
    "nested class": """
def f(a):
    @a
    class A(a.B, metaclass=a):
        'doc'
        x: int = 1
        y: str
        def m(self):
            return super().m(), __class__
        @property
        def p(self): return self.__x
    return A
""",
    "statements in a row": """
def f(a):
    a.x
    a(1)
    a(2)
    a
    pass
    return
""",
}

NEWER: dict[tuple[int, int], dict[str, str]] = {
    (3, 12): {
        "type parameters": """
def f[T: int, *S, **P](a):
    def g[U: (int, str)](b: U) -> U:
        return b
    class A[V]:
        x = V
    type L[W] = list[W]
    type M = L
    return g, A, L, M, T, S, P
""",
        "quotes in f-strings": """
def f(a):
    return f'{a['x']}{f'{a}'}'
""",
    },
    (3, 13): {
        "defaults of type parameters": """
def f(a):
    def g[T = int, *S = *tuple[int], **P = [str]](b):
        return T, S, P
    return g
""",
    },
}
"""Syntax that older interpreters can't parse, by the first that can."""


def constructs() -> dict[str, str]:
    """All that this interpreter can parse."""
    newer = [group for version, group in NEWER.items() if sys.version_info >= version]
    return {name: source for group in [CONSTRUCTS, *newer] for name, source in group.items()}
