"""Accounts are created, changed and deleted in one way."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from domains.flows import people
from domains.models import Account, SignInName
from domains.rules.tree import RuleBroken
from tests.accounts.conftest import PASSWORD


def names(account: Account) -> set[str]:
    return set(SignInName.objects.filter(account=account).values_list("name", flat=True))


def test_all_four_names_are_written_in_their_one_spelling(eva: Account) -> None:
    assert names(eva) == {"eva.lang", "eva@example.org", "+4930123456", "880012345"}


def test_names_follow_a_change_and_go_with_the_account(eva: Account) -> None:
    eva.email, eva.phone = None, "+4930999999"
    people.save_account(eva, changed=["email", "phone"])
    assert names(eva) == {"eva.lang", "+4930999999", "880012345"}
    people.delete(eva.moid)
    assert not SignInName.objects.filter(name="eva.lang").exists()


def test_whoever_saves_an_account_writes_its_names(tenant: str) -> None:
    account = Account.objects.create_superuser("second-root", password=PASSWORD)
    assert names(account) == {"second-root"}
    assert account.email is None
    assert Account.objects.create_superuser("third-root", password=PASSWORD).email is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", "880012345"),
        ("username", "EVA@example.org"),
        ("e164", "880012345"),
        ("phone", "880012345"),
        ("email", "eva@EXAMPLE.org"),
    ],
)
def test_a_name_is_one_persons_across_all_kinds(
    eva: Account, tenant: str, field: str, value: str
) -> None:
    fields: dict[str, Any] = {"username": "other", "domain_id": tenant, field: value}
    with pytest.raises(RuleBroken) as refused:
        people.create(PASSWORD, **fields)
    assert refused.value.field == field
    with pytest.raises(ValidationError) as form:
        Account(**fields).full_clean()
    assert field in form.value.message_dict


@pytest.mark.parametrize(
    "password", ["short-1", "password123", "4711471147114711", "eva.lang.77", "880012345x"]
)
def test_a_weak_password_is_refused(eva: Account, password: str) -> None:
    with pytest.raises(RuleBroken) as refused:
        people.set_password(eva.moid, password)
    assert refused.value.field == "password"
    assert Account.objects.get(pk=eva.pk).check_password(PASSWORD)


def test_the_last_operator_and_oneself_stay(tenant: str, boss: Account) -> None:
    root = Account.objects.get(username="admin")
    for act in (people.disable, people.delete):
        with pytest.raises(RuleBroken, match="last enabled operator"):
            act(root.moid)
        with pytest.raises(RuleBroken, match="yourself"):
            act(boss.moid, changed_by=boss.moid)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_want_one_name_at_once_one_gets_it(
    transactional_db: None, request: pytest.FixtureRequest
) -> None:
    tenant = request.getfixturevalue("tenant")
    got: list[str] = []

    def take(number: int) -> None:
        kinds = ("username", "e164", "phone")
        fields: dict[str, Any] = {"username": f"racer{number}", kinds[number % 3]: "7007007"}
        try:
            people.create(None, domain_id=tenant, **fields)
            got.append("made")
        except RuleBroken as refused:
            got.append(refused.sentence)
        finally:
            connection.close()

    threads = [threading.Thread(target=take, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 12
    assert got.count("made") == 1
    assert SignInName.objects.filter(name="7007007").count() == 1
