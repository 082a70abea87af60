"""The library in `foundation/` knows no message, no party and no error code of the protocol."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.architecture.test_tidy import ROOT, name_of

FILES = sorted(
    path
    for path in (ROOT / "foundation").rglob("*")
    if path.suffix in (".py", ".html", ".js", ".css")
)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_the_library_knows_no_business(path: Path) -> None:
    business = re.compile(r"\b29\d{3}\b|confE164|CM_MCU|media unit", re.IGNORECASE)
    lines = path.read_text().splitlines()
    assert [line for line in lines if business.search(line)] == []


def test_no_test_uses_a_client_that_is_not_checked_for_csrf() -> None:
    tests = Path(__file__).parents[1]
    unchecked = re.compile(r"from django\.test import .*\bClient\b|django\.test\.Client")
    allowed = {tests / "web_clients.py", Path(__file__)}
    offending = [
        str(path.relative_to(tests))
        for path in tests.rglob("*.py")
        if path not in allowed and unchecked.search(path.read_text())
    ]
    assert not offending, f"use tests.web_clients in {offending}"
