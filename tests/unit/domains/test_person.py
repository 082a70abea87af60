"""The rules of accounts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domains.rules import accounts
from domains.rules.accounts import AccountFacts
from domains.rules.sign_in_names import names_of, normalize
from domains.rules.tree import PLATFORM, USER

EVA = AccountFacts("eva", "eva", "e@x.org", "+4930123456", "8800123", level=USER)
BOSS = AccountFacts("boss", "boss", level=PLATFORM, administrator=True)
ROOT = AccountFacts("root", "root", operator=True)


@pytest.mark.parametrize("one", [EVA, BOSS, ROOT, replace(EVA, phone=None, e164=None, email=None)])
def test_a_sound_account_is_not_refused(one: AccountFacts) -> None:
    assert accounts.refusals_to_save(one, ()) == []


@pytest.mark.parametrize(
    ("one", "field"),
    [
        (replace(EVA, phone="1234"), "phone"),
        (replace(EVA, phone="030 call me"), "phone"),
        (replace(EVA, phone="+" + "1" * 16), "phone"),
        (replace(EVA, e164="+4930"), "e164"),
        (replace(EVA, e164="1" * 17), "e164"),
        (replace(EVA, level=None), "domain"),
        (replace(EVA, level=PLATFORM), "domain"),
        (replace(BOSS, level=None), "domain"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(one: AccountFacts, field: str) -> None:
    assert [refusal.field for refusal in accounts.refusals_to_save(one, ())] == [field]


@pytest.mark.parametrize("field", ["username", "email", "phone", "e164"])
def test_a_name_of_somebody_else_is_refused_whatever_kind_it_is_there(field: str) -> None:
    names = {normalize(getattr(EVA, field))}
    refusals = accounts.refusals_to_save(EVA, names)
    assert [refusal.field for refusal in refusals] == [field]
    assert getattr(EVA, field) in refusals[0].sentence


def test_nobody_disables_or_deletes_oneself() -> None:
    off = replace(BOSS, enabled=False)
    assert accounts.refusals_to_change(BOSS, off, "boss", 1)
    assert not accounts.refusals_to_change(BOSS, off, "root", 1)
    assert accounts.refusals_to_delete(BOSS, "boss", 1)
    assert not accounts.refusals_to_delete(BOSS, "root", 1)


def test_the_last_enabled_operator_stays() -> None:
    for after in (replace(ROOT, enabled=False), replace(ROOT, operator=False)):
        assert accounts.refusals_to_change(ROOT, after, "other", 0)
        assert not accounts.refusals_to_change(ROOT, after, "other", 1)
    assert accounts.refusals_to_delete(ROOT, "other", 0)
    assert not accounts.refusals_to_delete(replace(ROOT, enabled=False), "other", 0)


def test_a_number_is_kept_without_what_people_write_between_its_digits() -> None:
    assert accounts.normalize_number("+49 (30) 123-45.6/7") == "+493012345" + "67"
    assert accounts.normalize_number("１２３") == "123"
    assert accounts.normalize_number(" ") is None


@given(st.text(max_size=40))
def test_a_name_has_one_spelling(name: str) -> None:
    assert normalize(normalize(name)) == normalize(name)
    assert names_of(name, name.upper() or None, None, None) <= {
        normalize(name),
        normalize(name.upper()),
    }
