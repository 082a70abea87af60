"""What tests replace in our modules is there: a name that was changed fails here, and not in an hour's run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent


def test_every_name_that_a_test_replaces_exists() -> None:
    missing = [
        f"{path.relative_to(TESTS)}:{line}: {name}"
        for path in sorted(TESTS.rglob("*.py"))
        for line, module, name in replaced(ast.parse(path.read_text()))
        if not hasattr(module, name)
    ]
    assert missing == []


def replaced(tree: ast.Module) -> Iterator[tuple[int, object, str]]:
    """Yield line, module and name of each `….setattr(module, "name", …)` with a module that is imported."""
    imports = {
        alias.asname or alias.name: (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="setattr"),
                args=[ast.Name(id=local), ast.Constant(value=str(name)), *_],
            ) if local in imports:
                yield node.lineno, imported(*imports[local]), name


def imported(package: str, name: str) -> object:
    """Return a module, or what a module holds under this name."""
    value = getattr(import_module(package), name, None)
    return value if value is not None else import_module(f"{package}.{name}")
