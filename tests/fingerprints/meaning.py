"""What a function says, as a text: the oracle of `mutants`, as naive as can be."""

from __future__ import annotations

import ast
from typing import Any


def meaning(source: str) -> str:
    """A text that is equal for sources whose `f` says the same."""
    tree = ast.parse(source)
    function: Any = tree.body[-1]
    function.name, function.decorator_list = "f", []
    function.args.defaults, function.args.kw_defaults = [], [None for _ in function.args.kwonlyargs]
    return ast.dump(_Plain().visit(tree))


class _Plain(ast.NodeTransformer):
    """Without docstrings and, outside of classes, annotations (a bare one is nothing)."""

    def __init__(self) -> None:
        self._in_class = False

    def visit(self, node: ast.AST) -> Any:
        outer = self._in_class
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            self._in_class = isinstance(node, ast.ClassDef)
        if (
            isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
            and ast.get_docstring(node) is not None
        ):
            node.body = node.body[1:] or [ast.Pass()]
        self.generic_visit(node)
        for field in ("returns", "annotation"):
            if hasattr(node, field) and not isinstance(node, ast.AnnAssign):
                setattr(node, field, None)
        if getattr(node, "body", None) == []:
            node.body = [ast.Pass()]  # type: ignore[attr-defined]
        in_class, self._in_class = self._in_class, outer
        if not isinstance(node, ast.AnnAssign) or in_class:
            return node
        if node.value is not None:
            return ast.copy_location(ast.Assign([node.target], node.value), node)
        return None if isinstance(node.target, ast.Name) else node
