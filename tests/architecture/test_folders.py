"""Each app is understood at first sight, and no file imports itself by a detour."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.architecture.test_tidy import PRODUCT, ROOT, sources, tree

APPS = tuple(app for app in PRODUCT if (ROOT / app / "apps.py").exists() and app != "media_unit")
"""The apps, and the project itself; `media_unit` is one program, whose files stand beside one another."""

MOST_ENTRIES = 12


@pytest.mark.parametrize("app", APPS)
def test_an_app_has_few_entries_at_first_sight(app: str) -> None:
    entries = {path.name for path in (ROOT / app).iterdir()} - {"__init__.py", "__pycache__"}
    assert len(entries) <= MOST_ENTRIES, sorted(entries)


@cache
def modules() -> dict[str, Path]:
    """Return all modules of the product: dotted name -> file."""
    named = {}
    for path in sources(PRODUCT):
        parts = path.relative_to(ROOT).with_suffix("").parts
        named[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return named


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run when a module is loaded, and none for the type checker alone."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.If):
            if ast.unparse(statement.test) != "TYPE_CHECKING":
                yield from statements(statement.body)
            yield from statements(statement.orelse)
        elif isinstance(statement, ast.Try):
            yield from statements(statement.body)


def imported(path: Path) -> set[str]:
    """Return the modules of the product that a file imports when it is loaded."""
    found: set[str] = set()
    for statement in statements(tree(path).body):
        if isinstance(statement, ast.Import):
            found |= {alias.name for alias in statement.names}
        elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
            names = {f"{statement.module}.{alias.name}" for alias in statement.names}
            inner = names & modules().keys()
            found |= inner if len(inner) == len(names) else inner | {statement.module}
    return found & modules().keys()


def test_no_files_import_each_other_in_a_circle() -> None:
    graph = {name: imported(path) - {name} for name, path in modules().items()}
    assert sum(map(len, graph.values())) > len(graph), "the imports are not seen"
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))
