"""docs/configuration.md lists exactly the variables that the code reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "configuration.md"

FOLDERS = (
    "confplatform",
    "foundation",
    "domains",
    "licensing",
    "conferences",
    "media_unit",
    "failover",
    "im",
    "social",
    "deploy",
)
READS = re.compile(
    r"(?:\benv(?:\.\w+)?|_servers\.\w+|environ(?:\.get|\.setdefault|\.pop)?|_number_from_environment|_read_integer|_read_required|_is_set|getenv)"
    r'[(\[]\s*(?:\w+,\s*)?"([A-Z][A-Z0-9_]+)"'
)
SHELL = re.compile(r"\$\{([A-Z][A-Z0-9_]+):[-?=]")
INTERNAL = {"PYTEST_XDIST_WORKER", "OUR_POLICY", "PYTHONDONTWRITEBYTECODE"}
"""Not the operator's to set."""


def read_by_the_code() -> Iterator[str]:
    """Yield the names of all variables that some line of ours reads."""
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            if path.suffix == ".py":
                yield from READS.findall(path.read_text())
            elif path.suffix in (".sh", ".yaml"):
                yield from SHELL.findall(path.read_text())


def test_the_page_lists_exactly_what_the_code_reads() -> None:
    listed = re.findall(r"^\| `([A-Z][A-Z0-9_]+)` \|", PAGE.read_text(), re.MULTILINE)
    assert len(listed) == len(set(listed))
    assert set(listed) == set(read_by_the_code()) - INTERNAL


def test_the_example_names_known_variables_only() -> None:
    named = re.findall(r"^([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    named = [name.removesuffix("_FILE") for name in named]
    assert set(named) <= set(read_by_the_code())
