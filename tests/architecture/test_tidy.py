"""Diagrams are true, functions are short, public things are explained, imports point down."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from foundation.bus.message import TYPES
from foundation.bus.registry import HANDLERS, PASSED_ON, RESUMPTIONS

ROOT = Path(__file__).parents[2]
PRODUCT = (
    "conferences",
    "confplatform",
    "domains",
    "failover",
    "foundation",
    "im",
    "social",
    "licensing",
    "media_unit",
    "wire",
)
OURS = (*PRODUCT, "deploy", "tests", "benchmarks")

MEDIAN, P90, LONGEST, LONGEST_FILE = 10, 25, 50, 400
LONG_FUNCTIONS: dict[str, str] = {}
"""Exceptions: `file:function` and why it is read more easily in one piece."""

LONG_FILES: dict[str, str] = {}
"""Exceptions: file, and why it is not two."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def sources(folders: tuple[str, ...]) -> list[Path]:
    """Return our own Python files."""
    paths = (path for folder in folders for path in sorted((ROOT / folder).rglob("*.py")))
    return [
        path
        for path in paths
        if "migrations" not in path.parts and "node_modules" not in path.parts
    ]


@cache
def tree(path: Path) -> ast.Module:
    """Return the parsed file. Python 3.11 counts the depth of all threads' parsers as one (gh-106905)."""
    try:
        return ast.parse(path.read_text())
    except SystemError:
        return ast.parse(path.read_text())


def name_of(path: Path) -> str:
    """Return a file as people call it."""
    return path.relative_to(ROOT).as_posix()


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Return `(file:function, lines)` of each function."""
    for node in ast.walk(tree(path)):
        if isinstance(node, Function):
            yield f"{name_of(path)}:{node.name}", (node.end_lineno or 0) - node.lineno + 1


# ---- length -------------------------------------------------------------------------------------


def test_functions_are_short() -> None:
    lengths = [lines for path in sources(OURS) for _, lines in functions(path)]
    assert statistics.median(lengths) <= MEDIAN
    assert statistics.quantiles(lengths, n=10)[-1] <= P90


def test_no_function_is_very_long() -> None:
    long = [f"{name}: {n}" for path in sources(OURS) for name, n in functions(path) if n > LONGEST]
    assert [
        function for function in long if function.rpartition(":")[0] not in LONG_FUNCTIONS
    ] == []


def test_no_file_is_very_long() -> None:
    lines = {name_of(path): path.read_text().count("\n") for path in sources(OURS)}
    assert {
        name: n for name, n in lines.items() if n > LONGEST_FILE and name not in LONG_FILES
    } == {}


# ---- docstrings ---------------------------------------------------------------------------------


def _public(path: Path) -> Iterator[tuple[str, ast.AST]]:
    """Modules, classes and functions that others use; methods of a few lines say it themselves."""
    yield name_of(path), tree(path)
    for node in tree(path).body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            yield f"{name_of(path)}:{node.name}", node
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for method in node.body:
                long = isinstance(method, Function) and len(method.body) > 3
                if isinstance(method, Function) and long and not method.name.startswith("_"):
                    yield f"{name_of(path)}:{node.name}.{method.name}", method


def test_public_things_are_explained() -> None:
    bare = [
        name
        for path in sources(PRODUCT)
        if path.read_text().strip()
        for name, node in _public(path)
        if isinstance(node, ast.Module | ast.ClassDef | Function) and not ast.get_docstring(node)
    ]
    assert bare == []


# ---- layers, and pure modules -------------------------------------------------------------------


def test_imports_point_down() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run(
        [lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout[-3000:]


def test_one_module_says_who_serves_a_platform() -> None:
    """The cell agent looks at databases by connections of its own; all others ask `cells.serving`."""
    mine = ("foundation/cells/", "failover/data/cells/")
    readers = [name_of(path) for path in sources(PRODUCT) if "stores_cell" in path.read_text()]
    assert [name for name in readers if not name.startswith(mine)] == []


# ---- the diagrams of flows ----------------------------------------------------------------------

FLOWS = [path for app in PRODUCT for path in sorted((ROOT / app / "flows").glob("*.py"))]
_ARROW = re.compile(r"^(\S+) +-> +(\S.*?)  +(\S.*)$")


def arrows(path: Path) -> list[tuple[list[str], list[str]]]:
    """Return `(message types, names of functions)` of each line of a flow's diagram, without remarks in brackets."""
    places = []
    for line in (ast.get_docstring(tree(path)) or "").splitlines():
        if arrow := _ARROW.match(line.strip()):
            words = re.sub(r"\(.*?\)", "", arrow[3]).replace("|", " ").split()
            types = [word for word in words if word[0].isupper()]
            places.append((types, [word for word in words if word not in types]))
    return places


def handlers(path: Path) -> list[str]:
    """Return the functions of a flow, in the order in which they stand there."""
    return [n.name for n in tree(path).body if isinstance(n, Function)]


def _known(wire_type: str) -> bool:
    if wire_type.endswith("*"):
        return any(prefix == wire_type[:-1] for prefix, _ in PASSED_ON)
    return wire_type in TYPES


def _takers(wire_type: str) -> set[Callable[..., None]]:
    """Return the functions that may handle a message of this type."""
    if wire_type.endswith("*"):
        return {HANDLERS[kind] for prefix, kind in PASSED_ON if prefix == wire_type[:-1]}
    kind = TYPES[wire_type]
    return {HANDLERS[kind]} if kind in HANDLERS else set(RESUMPTIONS.values())


@pytest.mark.parametrize("path", FLOWS, ids=name_of)
def test_every_message_of_a_diagram_exists(path: Path) -> None:
    assert [t for types, _ in arrows(path) for t in types if not _known(t)] == []


@pytest.mark.parametrize("path", FLOWS, ids=name_of)
def test_every_handler_stands_in_the_diagram_in_its_order(path: Path) -> None:
    drawn = list(dict.fromkeys(name for _, names in arrows(path) for name in names))
    handlers_here = handlers(path)
    assert [name for name in handlers_here if name.startswith("on_")] == [
        name for name in drawn if name.startswith("on_")
    ]
    assert [name for name in handlers_here if name in drawn] == drawn


@pytest.mark.parametrize("path", FLOWS, ids=name_of)
def test_a_handler_takes_the_messages_of_its_line(path: Path) -> None:
    for types, names in arrows(path):
        for name in (name for name in names if name.startswith("on_")):
            for wire_type in types:
                assert name in {taker.__name__ for taker in _takers(wire_type)}, (
                    f"{wire_type}: {name}"
                )


def test_the_diagrams_are_seen() -> None:
    assert sum(len(arrows(path)) for path in FLOWS) > 30, (
        "the pattern of a diagram's line does not fit"
    )
