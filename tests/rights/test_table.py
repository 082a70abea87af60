"""The table of rights: complete, sensible, and printed."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.apps import apps

from domains.rules import rights
from domains.rules.tree import CORE, PLATFORM, SERVICE, USER

PAGE = Path(__file__).parents[2] / "docs" / "rights.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == rights.rights_page(), "run: make rights"


@pytest.mark.parametrize("row", list(rights.ROWS_BY_MODEL.values()), ids=lambda row: row.thing)
def test_every_row_names_a_model(row: rights.RightsRow) -> None:
    assert apps.get_model(row.model)._meta.label_lower == row.model


@pytest.mark.parametrize("row", list(rights.ROWS_BY_MODEL.values()), ids=lambda row: row.thing)
def test_who_stands_higher_may_as_much_and_who_does_something_sees_it(
    row: rights.RightsRow,
) -> None:
    assert row.verbs[CORE] >= row.verbs[SERVICE] >= row.verbs[PLATFORM] | row.verbs[USER] - {"add"}
    for verbs in row.verbs.values():
        assert not verbs or "view" in verbs


def test_what_has_no_row_is_for_superusers_alone() -> None:
    assert not rights.may(CORE, "view", "axes.accessattempt")
    assert rights.permissions(None) == frozenset()
    assert "domains.add_account" in rights.permissions(USER)
    assert "domains.change_userdomain" not in rights.permissions(USER)
