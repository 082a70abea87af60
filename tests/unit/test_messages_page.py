"""docs/messages.md says what the code says."""

from __future__ import annotations

from pathlib import Path

from foundation.bus.listing import page
from foundation.bus.message import TYPES

PAGE = Path(__file__).parents[2] / "docs" / "messages.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run: make messages"


def test_every_message_has_its_chapter() -> None:
    text = page()
    assert [name for name in TYPES if f"### {name}\n" not in text] == []
