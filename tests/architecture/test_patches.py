"""Names in strings are names of something: one that was changed fails here, and not in an hour's run.

Tests replace functions of our modules by name, and tests and tools give scripts to other processes as strings.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
OURS = (
    "confplatform|foundation|wire|media_unit|domains|conferences|licensing|failover|im|social|tests"
)
IMPORT = re.compile(rf"\bfrom ((?:{OURS})(?:\.\w+)*) import (\w+(?:\s*,\s*\w+)*)")


def test_every_name_that_a_test_replaces_exists() -> None:
    missing = [
        f"{path.relative_to(TESTS)}:{line}: {name}"
        for path in sorted(TESTS.rglob("*.py"))
        for line, module, name in replaced(ast.parse(path.read_text()))
        if not hasattr(module, name)
    ]
    assert missing == []


def test_every_name_that_a_script_in_a_string_imports_exists() -> None:
    tools = [TESTS, TESTS.parent / "benchmarks", TESTS.parent / "deploy"]
    scripts = [
        (path, path.read_text()) for folder in tools for path in sorted(folder.rglob("*.py"))
    ]
    missing = [
        f"{path.name}: from {module} import {name}"
        for path, text in scripts
        for module, name in imported_in_strings(text)
        if not is_there(module, name)
    ]
    assert missing == []


def imported_in_strings(text: str) -> Iterator[tuple[str, str]]:
    """Yield module and name of each import in the strings of a program."""
    if not IMPORT.search(text):
        return
    for node in ast.walk(ast.parse(text)):
        # Of an f-string, what is filled in is left out.
        parts = node.values if isinstance(node, ast.JoinedStr) else [node]
        words = (part.value for part in parts if isinstance(part, ast.Constant))
        for module, names in IMPORT.findall("".join(w for w in words if isinstance(w, str))):
            yield from ((module, name) for name in re.split(r"\s*,\s*", names))


def is_there(module: str, name: str) -> bool:
    """Tell whether a module holds something of this name."""
    try:
        imported(module, name)
    except ModuleNotFoundError:
        return False
    return True


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
