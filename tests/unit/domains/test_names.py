"""Names of domains, rooms, people and keys follow the one rule for texts; foreign ones are cleaned."""

from __future__ import annotations

import pytest

from domains.rules.foreign_names import with_plain_names
from domains.rules.tree import refusals_to_name
from foundation.plain_text import cleaned


@pytest.mark.parametrize("name", ["Demo", "研发部", "مرحبا", "A b", "👩\u200d👧"])
def test_names_in_all_scripts_are_taken(name: str) -> None:
    assert refusals_to_name("name", name) == []
    assert cleaned(name) == name


@pytest.mark.parametrize(
    ("name", "word"),
    [("\u202eevil", "turn"), ("a\nb", "line ends"), ("\u200b", "seen"), ("", "seen")],
)
def test_other_names_are_refused_at_their_field(name: str, word: str) -> None:
    [refusal] = refusals_to_name("first_name", name)
    assert refusal.field == "first_name"
    assert word in refusal.sentence


def test_a_foreign_name_is_cleaned_and_never_lost() -> None:
    domain = {
        "moid": "d1",
        "name": "\u202eevil\x1b[2J",
        "rooms": [{"roommoid": "r1", "name": "\u200b"}],
        "apikeys": [{"key": "k1", "name": "Desk\n2"}],
    }
    assert with_plain_names(domain) == {
        "moid": "d1",
        "name": "evil [2J",
        "rooms": [{"roommoid": "r1", "name": "r1"}],
        "apikeys": [{"key": "k1", "name": "Desk 2"}],
    }
    person = {"moid": "a1", "account": "anna", "firstname": "\u200b", "lastname": "Lang"}
    assert with_plain_names(person) == {**person, "firstname": ""}
