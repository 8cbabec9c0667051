"""The same function, laid out otherwise: by everything that must not count, all at once."""

from __future__ import annotations

import ast
import io
import tokenize
from typing import Any


def relaid(source: str) -> dict[str, str]:
    """How it was changed -> the changed source."""
    documented = ast.unparse(ast.fix_missing_locations(_Documented().visit(ast.parse(source))))
    plain = ast.unparse(ast.parse(source))
    return {
        "in one style": plain,
        "comments and blank lines": commented(source),
        "docstrings and annotations": documented,
        "all of it, further down": "import os\n\n\n" + commented(documented),
        "indented in a class": "class A:\n" + _indented(plain) + "f = A.__dict__['f']\n",
        "nested by an if": "if True:\n" + _indented(commented(documented)),
    }


def commented(source: str) -> str:
    """A comment at the end of every line and on lines of their own, and blank lines: wherever there is no string."""
    lines = source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NEWLINE:
            lines[token.start[0] - 1] += f"  # {token.start[0]}\n\n    # more\n"
    return "\n".join(lines) + "\n"


def _indented(source: str) -> str:
    return "".join(f"    {line}\n" if line else "\n" for line in source.splitlines())


class _Documented(ast.NodeTransformer):
    """Adds a docstring to every function and class, annotations to all parameters, results and simple variables."""

    def __init__(self) -> None:
        self._in_class = False
        self._declared: set[str] = set()

    def _enter(self, node: Any, is_class: bool) -> Any:
        outer = self._in_class, self._declared
        self._in_class = is_class
        self._declared = {
            name for part in ast.walk(node) if isinstance(part, (ast.Global, ast.Nonlocal)) for name in part.names
        }
        self.generic_visit(node)
        self._in_class, self._declared = outer
        has_docstring = ast.get_docstring(node) is not None
        node.body = [ast.Expr(ast.Constant("A\nnew one.")), *node.body[has_docstring:]]
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        return self._enter(node, is_class=True)

    def visit_FunctionDef(self, node: Any) -> Any:
        node.returns = ast.Constant("a result")
        return self._enter(node, is_class=False)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> Any:
        return node

    def visit_arg(self, node: ast.arg) -> Any:
        node.annotation = ast.Constant("a parameter")
        return node

    def visit_Assign(self, node: ast.Assign) -> Any:
        target = node.targets[0]
        if self._in_class or len(node.targets) > 1 or not isinstance(target, ast.Name) or target.id in self._declared:
            return node
        return ast.AnnAssign(target, ast.Constant("a variable"), node.value, 1)
