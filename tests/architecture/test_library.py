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
