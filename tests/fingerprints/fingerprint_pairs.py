"""Pairs of sources: in EQUAL their functions `f` have the same fingerprint, in DIFFER they don't. One row, one story.

Plain data, so that interpreters without pytest can read it too.
"""

from __future__ import annotations

BASE = "def f(a, b=2):\n    c = a + b\n    return c\n"

WRAPPED = """
import functools
def d(x):
    @functools.wraps(x)
    def w(): return x()
    return w
@d
def f(): return 1
"""

EQUAL = {
    "itself": (BASE, BASE),
    "moved down": (BASE, "import os\n\n\n" + BASE),
    "comment": (BASE, "def f(a, b=2):  # sum\n    c = a + b  # here\n    # there\n    return c\n"),
    "blank lines": (BASE, "def f(a, b=2):\n\n    c = a + b\n\n\n    return c\n"),
    "docstring added": (BASE, 'def f(a, b=2):\n    """Sum."""\n    c = a + b\n    return c\n'),
    "docstring changed": ('def f():\n    "one"\n    return 1\n', 'def f():\n    """two\n    lines"""\n    return 1\n'),
    "docstring instead of pass": ("def f():\n    'doc'\n", "def f():\n    pass\n"),
    "docstring before pass": ("def f():\n    'doc'\n    pass\n", "def f():\n    pass\n"),
    "docstring of nested function": (
        "def f():\n    def g():\n        'doc'\n        return 1\n    return g\n",
        "def f():\n    def g():\n        return 1\n    return g\n",
    ),
    "docstring of nested class": (
        "def f():\n    class A:\n        'doc'\n        x = 1\n    return A\n",
        "def f():\n    class A:\n        x = 1\n    return A\n",
    ),
    "indentation": (BASE, "def f(a, b=2):\n  c = a + b\n  return c\n"),
    "white space": (BASE, "def f( a,b = 2 ) :\n    c=a+b ; return c\n"),
    "parentheses": (BASE, "def f(a, b=2):\n    c = (a + b)\n    return (c)\n"),
    "continuation lines": (
        BASE,
        "def f(\n    a,\n    b=2,\n):\n    c = (\n        a\n        + b\n    )\n    return c\n",
    ),
    "annotations of parameters and result": (BASE, "def f(a: int, b: 'x' = 2) -> int:\n    c = a + b\n    return c\n"),
    "annotation of *args": ("def f(*a, **k): return a", "def f(*a: int, **k: str): return a"),
    "annotation of a local": (BASE, "def f(a, b=2):\n    c: int = a + b\n    return c\n"),
    "bare annotation of a local": (BASE, "def f(a, b=2):\n    c: int\n    c = a + b\n    return c\n"),
    "bare annotation alone in a block": (
        "def f(a):\n    if a:\n        x: int\n    return a\n",
        "def f(a):\n    if a:\n        pass\n    return a\n",
    ),
    "annotations in a nested function": (
        "def f():\n    def g(x: int = 1) -> int:\n        return x\n    return g\n",
        "def f():\n    def g(x=1):\n        return x\n    return g\n",
    ),
    "future annotations": (BASE, "from __future__ import annotations\n" + BASE),
    "name of the function": (BASE, BASE.replace("def f", "def g") + "f = g\n"),
    "indented in a class": (
        BASE,
        "class A:\n" + "".join("    " + line + "\n" for line in BASE.splitlines()) + "f = A.f\n",
    ),
    "decorator that returns the function": (BASE, "def same(x):\n    return x\n@same\n" + BASE),
    "default expression": (BASE, BASE.replace("b=2", "b=1 + 1")),
    "quotes": ("def f(): return 'a'", 'def f(): return """a"""'),
    "u prefix": ("def f(): return 'a'", "def f(): return u'a'"),
    "raw string": ("def f(): return '\\\\d'", "def f(): return r'\\d'"),
    "implicit concatenation": ("def f(): return 'ab'", "def f(): return 'a' 'b'"),
    "implicit concatenation of f-strings": ("def f(x): return f'a{x}bc'", "def f(x): return 'a' f'{x}' 'b' f'' f'c'"),
    "quotes in f-strings": ("def f(x): return f\"{x['a']}\"", "def f(x): return f'''{x[\"a\"]}'''"),
    "number notation": ("def f(): return 1000, 255, 10.0", "def f(): return 1_000, 0xff, 1e1"),
    "trailing commas": ("def f(a): return (a, a), [a], {a: a}", "def f(a,): return (a, a,), [a,], {a: a,}"),
    "other functions of the file": (BASE, "def g(): return 1\n" + BASE + "def h(): return lambda: 2\n"),
    "lambda moved": ("f = lambda x: x + 1\n", "g = (\n  5,\n  lambda x: x + 1  # one\n)\nf = g[1]\n"),
    "identical lambdas on one line": ("f, g = lambda: 1, lambda: 1\n", "g, f = lambda: 1, lambda: 1\n"),
    "order of a set default": ("def f(x={'a', 'b', 'c'}): return x", "def f(x={'c', 'b', 'a'}): return x"),
    "order of a dict default": ("def f(x={'a': 1, 'b': 2}): return x", "def f(x={'b': 2, 'a': 1}): return x"),
    "order of keyword defaults": (
        "def f(*, x, y): return x\nf.__kwdefaults__ = {'x': 1, 'y': 2}",
        "def f(*, x, y): return x\nf.__kwdefaults__ = {'y': 2, 'x': 1}",
    ),
    "value of a global": ("G = 1\ndef f(): return G", "G = 2\ndef f(): return G"),
    "code of a called function": ("def g(): return 1\ndef f(): return g()", "def g(): return 2\ndef f(): return g()"),
    "code of a function in the closure": (
        "def make():\n    def g(): return 1\n    return lambda: g()\nf = make()",
        "def make():\n    def g(): return 2\n    return lambda: g()\nf = make()",
    ),
    "self in the closure": (
        "class A:\n    def __init__(self, x): self.x = x\n    def m(self): return lambda: self.x\nf = A(1).m()",
        "class A:\n    def __init__(self, x): self.x = x\n    def m(self): return lambda: self.x\nf = A(2).m()",
    ),
    "self of a bound method": (
        "class A:\n    def __init__(self, x): self.x = x\n    def m(self): return self.x\nf = A(1).m",
        "class A:\n    def __init__(self, x): self.x = x\n    def m(self): return self.x\nf = A(2).m",
    ),
    "module in the closure": (
        "def make():\n    import math as m\n    return lambda: m.pi\nf = make()",
        "def make():\n    import math as m\n    return lambda: m.pi\nimport math\nmath.anything = 1\nf = make()",
    ),
    "type comments": ("def f(a):\n    return a\n", "def f(a):  # type: (int) -> int\n    return a\n"),
}

DIFFER = {
    "constant": ("def f(): return 1", "def f(): return 2"),
    "int and float": ("def f(): return 1", "def f(): return 1.0"),
    "int and bool": ("def f(): return 1", "def f(): return True"),
    "str and bytes": ("def f(): return 'a'", "def f(): return b'a'"),
    "zero and minus zero": ("def f(): return 0.0", "def f(): return -0.0"),
    "None and Ellipsis": ("def f(): return None", "def f(): return ..."),
    "return and no return": ("def f(a): return a", "def f(a): a"),
    "no return and return None": ("def f(a): a", "def f(a):\n    a\n    return None"),
    "name of a variable": ("def f(a): return a", "def f(b): return b"),
    "name of a global": ("def f(): return G", "def f(): return H"),
    "attribute": ("def f(a): return a.x", "def f(a): return a.y"),
    "called function": ("def f(a): return min(a)", "def f(a): return max(a)"),
    "argument by name": ("def f(a): return g(a)", "def f(a): return g(a=a)"),
    "star argument": ("def f(a): return g(a)", "def f(a): return g(*a)"),
    "double star argument": ("def f(a): return g(*a)", "def f(a): return g(**a)"),
    "order of arguments": ("def f(a, b): return g(a, b)", "def f(a, b): return g(b, a)"),
    "more parameters": ("def f(a): return 1", "def f(a, b): return 1"),
    "positional only": ("def f(a, b): return a", "def f(a, /, b): return a"),
    "keyword only": ("def f(a, b): return a", "def f(a, *, b): return a"),
    "*args": ("def f(a): return a", "def f(*a): return a"),
    "**kwargs": ("def f(*a): return a", "def f(**a): return a"),
    "lambda and def": ("f = lambda: 1", "def f(): return 1"),
    "def and async def": ("def f(): return 1", "async def f(): return 1"),
    "generator": ("def f(): return 1", "def f(): yield 1"),
    "yield and yield from": ("def f(a): yield a", "def f(a): yield from a"),
    "async generator": ("async def f(): return 1", "async def f(): yield 1"),
    "await": ("async def f(a): return a", "async def f(a): return await a"),
    "async for": ("async def f(a):\n    for x in a: pass", "async def f(a):\n    async for x in a: pass"),
    "async with": ("async def f(a):\n    with a: pass", "async def f(a):\n    async with a: pass"),
    "async comprehension": ("async def f(a): return [x for x in a]", "async def f(a): return [x async for x in a]"),
    "list and generator": ("def f(a): return [x for x in a]", "def f(a): return (x for x in a)"),
    "list and set comprehension": ("def f(a): return [x for x in a]", "def f(a): return {x for x in a}"),
    "dict comprehension": ("def f(a): return {x: 1 for x in a}", "def f(a): return {x: 2 for x in a}"),
    "condition of a comprehension": ("def f(a): return [x for x in a]", "def f(a): return [x for x in a if x]"),
    "order of comprehensions": (
        "def f(a, b): return [1 for x in a for y in b]",
        "def f(a, b): return [1 for y in b for x in a]",
    ),
    "tuple and list": ("def f(): return (1, 2)", "def f(): return [1, 2]"),
    "set and tuple": ("def f(x): return x in {1, 2}", "def f(x): return x in (1, 2)"),
    "set elements": ("def f(x): return x in {1, 2}", "def f(x): return x in {1, 3}"),
    "set element type": ("def f(x): return x in {1, 2}", "def f(x): return x in {1, 2.0}"),
    "dict literal": ("def f(): return {1: 2}", "def f(): return {1: 3}"),
    "dict unpacking": ("def f(a): return {'a': a}", "def f(a): return {**a}"),
    "starred": ("def f(a): return [a]", "def f(a): return [*a]"),
    "slice": ("def f(a): return a[1:]", "def f(a): return a[:1]"),
    "slice step": ("def f(a): return a[1:2]", "def f(a): return a[1:2:3]"),
    "index and slice": ("def f(a): return a[1]", "def f(a): return a[1:]"),
    "nested function": (
        "def f():\n    def g(): return 1\n    return g",
        "def f():\n    def g(): return 2\n    return g",
    ),
    "name of a nested function": ("def f():\n    def g(): return 1", "def f():\n    def h(): return 1"),
    "default of a nested function": ("def f():\n    def g(x=1): return 1", "def f():\n    def g(x=2): return 1"),
    "decorator of a nested function": ("def f(d):\n    def g(): return 1", "def f(d):\n    @d\n    def g(): return 1"),
    "nested lambda": ("def f(): return lambda: 1", "def f(): return lambda: 2"),
    "nested class": ("def f():\n    class A: x = 1", "def f():\n    class A: x = 2"),
    "base class": ("def f():\n    class A: x = 1", "def f():\n    class A(int): x = 1"),
    "fields of a nested class": (
        "def f():\n    class A(T):\n        x: int",
        "def f():\n    class A(T):\n        x: int\n        y: int",
    ),
    "field in a branch of a nested class": (
        "def f():\n    class A(T):\n        if T:\n            x: int",
        "def f():\n    class A(T):\n        if T:\n            y: int",
    ),
    "lambdas on one line": ("f, g = lambda: 1, lambda: 2\n", "g, f = lambda: 1, lambda: 2\n"),
    "lambda in a lambda on one line": ("f = lambda: lambda: 1\n", "f = (lambda: lambda: 1)()\n"),
    "decorator that wraps": (
        "def f(): return 1",
        "def d(x):\n    def w(): return x()\n    return w\n@d\ndef f(): return 1",
    ),
    "wrapped function (functools.wraps)": (
        WRAPPED,
        WRAPPED.replace("return 1", "return 2"),
    ),
    "wrapper (functools.wraps)": (
        WRAPPED,
        WRAPPED.replace("return x()", "return x(), 1"),
    ),
    "lru_cache": (
        "import functools\n@functools.lru_cache\ndef f(): return 1",
        "import functools\n@functools.lru_cache\ndef f(): return 2",
    ),
    "f-string text": ("def f(x): return f'a{x}'", "def f(x): return f'b{x}'"),
    "f-string expression": ("def f(x): return f'{x}'", "def f(x): return f'{x + 1}'"),
    "f-string conversion": ("def f(x): return f'{x}'", "def f(x): return f'{x!r}'"),
    "f-string format": ("def f(x): return f'{x:3}'", "def f(x): return f'{x:4}'"),
    "f-string nested format": ("def f(x, y): return f'{x:{y}}'", "def f(x, y): return f'{x:{x}}'"),
    "f-string and str": ("def f(x): return f'{x}'", "def f(x): return '{x}'"),
    "if and while": ("def f(a):\n    if a: b()", "def f(a):\n    while a: b()"),
    "else": ("def f(a):\n    if a: b()\n    else: c()", "def f(a):\n    if a: b()\n    c()"),
    "for else": ("def f(a):\n    for x in a: b()\n    else: c()", "def f(a):\n    for x in a: b()\n    c()"),
    "indentation that matters": (
        "def f(a):\n    if a:\n        b()\n    c()",
        "def f(a):\n    if a:\n        b()\n        c()",
    ),
    "break and continue": ("def f(a):\n    for x in a: break", "def f(a):\n    for x in a: continue"),
    "exception": (
        "def f():\n    try: a()\n    except OSError: b()",
        "def f():\n    try: a()\n    except ValueError: b()",
    ),
    "bare except": ("def f():\n    try: a()\n    except OSError: b()", "def f():\n    try: a()\n    except: b()"),
    "except star": (
        "def f():\n    try: a()\n    except OSError: b()",
        "def f():\n    try: a()\n    except* OSError: b()",
    ),
    "finally": ("def f():\n    try: a()\n    finally: b()", "def f():\n    a()\n    b()"),
    "raise from": ("def f(e): raise e", "def f(e): raise e from None"),
    "assert message": ("def f(a): assert a", "def f(a): assert a, 'x'"),
    "with as": ("def f(a):\n    with a as b: pass", "def f(a):\n    with a: pass"),
    "global": ("def f():\n    x = 1", "def f():\n    global x\n    x = 1"),
    "del": ("def f(a): del a", "def f(a): a"),
    "walrus": ("def f(a): return (b := a)", "def f(a): return (c := a)"),
    "import": ("def f(): import os", "def f(): import sys"),
    "import as": ("def f(): import os", "def f(): import os as o"),
    "from import": ("def f(): from os import path", "def f(): from os import sep"),
    "relative import": ("def f(): from .os import path", "def f(): from ..os import path"),
    "match value": ("def f(a):\n    match a:\n        case 1: b()", "def f(a):\n    match a:\n        case 2: b()"),
    "match None": (
        "def f(a):\n    match a:\n        case None: b()",
        "def f(a):\n    match a:\n        case True: b()",
    ),
    "match guard": (
        "def f(a):\n    match a:\n        case x: b()",
        "def f(a):\n    match a:\n        case x if x: b()",
    ),
    "match class": (
        "def f(a):\n    match a:\n        case A(x=1): b()",
        "def f(a):\n    match a:\n        case A(y=1): b()",
    ),
    "match sequence": (
        "def f(a):\n    match a:\n        case [x, *y]: b()",
        "def f(a):\n    match a:\n        case [x, *_]: b()",
    ),
    "match mapping": (
        "def f(a):\n    match a:\n        case {'x': 1}: b()",
        "def f(a):\n    match a:\n        case {'x': 1, **z}: b()",
    ),
    "match or": (
        "def f(a):\n    match a:\n        case 1 | 2: b()",
        "def f(a):\n    match a:\n        case 1 | 3: b()",
    ),
    "augmented assignment": ("def f(a): a += 1", "def f(a): a = a + 1"),
    "statement order": ("def f():\n    a()\n    b()", "def f():\n    b()\n    a()"),
    "condition order": ("def f(a, b): return a if b else 1", "def f(a, b): return b if a else 1"),
    "operator precedence": ("def f(a, b): return (a + b) * 2", "def f(a, b): return a + b * 2"),
    "chained comparison": ("def f(a, b): return 1 < a < b", "def f(a, b): return 1 < a and a < b"),
    # defaults and closures
    "default": ("def f(x=1): return x", "def f(x=2): return x"),
    "default int, float": ("def f(x=1): return x", "def f(x=1.0): return x"),
    "default int, bool": ("def f(x=1): return x", "def f(x=True): return x"),
    "default or none": ("def f(x): return x", "def f(x=None): return x"),
    "which has the default": ("def f(x, y=1): return x", "def f(x=1, y=1): return x"),
    "keyword default": ("def f(*, x=1): return x", "def f(*, x=2): return x"),
    "keyword default, which": ("def f(*, x=1, y): return x", "def f(*, x, y=1): return x"),
    "default at the end of a long string": (
        f"def f(x='{'x' * 5000}a'): return x",
        f"def f(x='{'x' * 5000}b'): return x",
    ),
    "default function": ("def f(x=min): return x", "def f(x=max): return x"),
    "closure": ("def make(x): return lambda: x\nf = make(1)", "def make(x): return lambda: x\nf = make(2)"),
    "closure int, bool": (
        "def make(x): return lambda: x\nf = make(1)",
        "def make(x): return lambda: x\nf = make(True)",
    ),
    "closure list, tuple": (
        "def make(x): return lambda: x\nf = make([1])",
        "def make(x): return lambda: x\nf = make((1,))",
    ),
    "closure unfilled": (
        "def make():\n    def g(): return x\n    return g\n    x = 1\nf = make()",
        "def make():\n    def g(): return x\n    x = 1\n    return g\nf = make()",
    ),
    "closure values swapped": (
        "def make(x, y): return lambda: (x, y)\nf = make(1, 2)",
        "def make(x, y): return lambda: (x, y)\nf = make(2, 1)",
    ),
    "module in the closure": (
        "def make():\n    import math as m\n    return lambda: m.pi\nf = make()",
        "def make():\n    import cmath as m\n    return lambda: m.pi\nf = make()",
    ),
    "function in the closure by name": (
        "def make(g): return lambda: g()\nf = make(min)",
        "def make(g): return lambda: g()\nf = make(max)",
    ),
    "partial argument": (
        "import functools\nf = functools.partial(min, 1)",
        "import functools\nf = functools.partial(min, 2)",
    ),
    "partial keyword": (
        "import functools\nf = functools.partial(min, key=1)",
        "import functools\nf = functools.partial(min, key=2)",
    ),
    "partial function": (
        "import functools\ndef g(a): return 1\nf = functools.partial(g, 1)",
        "import functools\ndef g(a): return 2\nf = functools.partial(g, 1)",
    ),
    "partial or not": ("import functools\nf = functools.partial(min)", "f = min"),
    "bound method": (
        "class A:\n    def m(self): return 1\nf = A().m",
        "class A:\n    def m(self): return 2\nf = A().m",
    ),
    "__call__": (
        "class A:\n    def __call__(self): return 1\nf = A()",
        "class A:\n    def __call__(self): return 2\nf = A()",
    ),
    "class": ("class f:\n    def __init__(self): self.x = 1", "class f:\n    def __init__(self): self.x = 2"),
    "staticmethod": ("f = staticmethod(lambda: 1)", "f = staticmethod(lambda: 2)"),
    "built-ins": ("f = len", "f = abs"),
    "methods of built-ins": ("f = str.upper", "f = str.lower"),
    "itemgetter": (
        "from operator import itemgetter\nf = itemgetter(1)",
        "from operator import itemgetter\nf = itemgetter(2)",
    ),
    "methodcaller": (
        "from operator import methodcaller as m\nf = m('a', x=1)",
        "from operator import methodcaller as m\nf = m('a', x=2)",
    ),
}
