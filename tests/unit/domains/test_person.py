"""The rules of accounts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domains.rules import accounts
from domains.rules.accounts import Person
from domains.rules.sign_in_names import names_of, normal
from domains.rules.tree import PLATFORM, USER

EVA = Person("eva", "eva", "e@x.org", "+4930123456", "8800123", level=USER)
BOSS = Person("boss", "boss", level=PLATFORM, administrator=True)
ROOT = Person("root", "root", operator=True)


@pytest.mark.parametrize("one", [EVA, BOSS, ROOT, replace(EVA, phone=None, e164=None, email=None)])
def test_a_sound_account_is_not_refused(one: Person) -> None:
    assert accounts.keeping(one, ()) == []


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
def test_what_is_wrong_is_said_at_its_field(one: Person, field: str) -> None:
    assert [refusal.field for refusal in accounts.keeping(one, ())] == [field]


@pytest.mark.parametrize("field", ["username", "email", "phone", "e164"])
def test_a_name_of_somebody_else_is_refused_whatever_kind_it_is_there(field: str) -> None:
    taken = {normal(getattr(EVA, field))}
    found = accounts.keeping(EVA, taken)
    assert [one.field for one in found] == [field]
    assert getattr(EVA, field) in found[0].sentence


def test_nobody_disables_or_deletes_oneself() -> None:
    off = replace(BOSS, enabled=False)
    assert accounts.changing(BOSS, off, "boss", 1)
    assert not accounts.changing(BOSS, off, "root", 1)
    assert accounts.deleting(BOSS, "boss", 1)
    assert not accounts.deleting(BOSS, "root", 1)


def test_the_last_enabled_operator_stays() -> None:
    for after in (replace(ROOT, enabled=False), replace(ROOT, operator=False)):
        assert accounts.changing(ROOT, after, "other", 0)
        assert not accounts.changing(ROOT, after, "other", 1)
    assert accounts.deleting(ROOT, "other", 0)
    assert not accounts.deleting(replace(ROOT, enabled=False), "other", 0)


def test_a_number_is_kept_without_what_people_write_between_its_digits() -> None:
    assert accounts.tidy("+49 (30) 123-45.6/7") == "+493012345" + "67"
    assert accounts.tidy("１２３") == "123"
    assert accounts.tidy(" ") is None


@given(st.text(max_size=40))
def test_a_name_has_one_spelling(name: str) -> None:
    assert normal(normal(name)) == normal(name)
    assert names_of(name, name.upper() or None, None, None) <= {normal(name), normal(name.upper())}
