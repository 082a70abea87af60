"""The scripts of the join page: what has to be loaded before it can be used, and how long a module is."""

from __future__ import annotations

import re
from pathlib import Path

STATIC = Path(__file__).parents[3] / "conferences" / "pages" / "static" / "conferences"
MOST_BYTES = 200_000
MOST_LINES = 400

_STATIC_IMPORT = re.compile(r'^import (?:.* from )?"(\./[^"]+|\.\./[^"]+)";', re.M)


def scripts_before_use(path: Path, loaded: set[Path]) -> set[Path]:
    """Return a script with all that it imports statically: the browser runs none of it before it has all of them."""
    if path not in loaded:
        loaded.add(path)
        for name in _STATIC_IMPORT.findall(path.read_text()):
            scripts_before_use((path.parent / name).resolve(), loaded)
    return loaded


def test_the_page_can_be_used_before_the_libraries_of_the_call_are_there() -> None:
    loaded = scripts_before_use(STATIC / "join.js", set())
    assert STATIC / "devices.js" in loaded
    assert STATIC / "call.js" not in loaded
    assert sum(path.stat().st_size for path in loaded) < MOST_BYTES


def test_each_module_is_short() -> None:
    lines = {path.name: path.read_text().count("\n") for path in STATIC.glob("*.js")}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}
