"""Signing in by any name; locked out after five wrong passwords."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from axes.models import AccessAttempt, AccessLog
from django.contrib.auth import authenticate
from django.core.management import call_command
from django.test import RequestFactory

from domains.data import lockout
from domains.flows import change, people, sign_in
from domains.models import Account
from tests.accounts.conftest import PASSWORD
from tests.web_clients import Browser

NAMES = ["Eva.Lang", "eva.lang", "EVA@example.org", "+4930123456", "880012345", " eva.lang "]
addresses = (f"10.1.{n // 250}.{n % 250 + 1}" for n in itertools.count())


def attempt(name: str, password: str, address: str | None = None) -> tuple[Any, str]:
    """Return the account that came in, or `None`, and the sentence of the answer."""
    request = RequestFactory().post("/x", REMOTE_ADDR=address or next(addresses))
    return authenticate(request, username=name, password=password), sign_in.failure_reason(request)


@pytest.mark.parametrize("name", NAMES)
def test_a_person_signs_in_by_any_name(eva: Account, name: str) -> None:
    assert attempt(name, PASSWORD)[0] == eva


@pytest.mark.parametrize("name", ["", "eva", "nobody", "x" * 5000, "eva.lang\0", "' OR 1=1 --"])
def test_other_names_and_wrong_passwords_are_answered_alike(eva: Account, name: str) -> None:
    assert attempt(name, PASSWORD) == (None, sign_in.WRONG)
    assert attempt("eva.lang", "wrong") == (None, sign_in.WRONG)
    assert attempt("eva.lang", PASSWORD * 200) == (None, sign_in.WRONG)


def test_five_wrong_tries_lock_out_whatever_name_and_address(eva: Account, tenant: str) -> None:
    for name in NAMES[:5]:
        assert attempt(name, "wrong") == (None, sign_in.WRONG)
    for name in NAMES:
        assert attempt(name, PASSWORD) == (None, lockout.LOCKED)
    assert lockout.locked_usernames(["Eva.Lang", "anna"]) == {"Eva.Lang"}
    ben = Account.objects.get(username="ben")
    people.set_password(ben.moid, PASSWORD)
    assert attempt("ben", PASSWORD)[0] == ben


def test_tries_while_locked_out_do_not_make_it_longer(eva: Account) -> None:
    for _ in range(9):
        attempt("eva.lang", "wrong")
    before = list(AccessAttempt.objects.values())
    attempt("eva.lang", "wrong")
    assert list(AccessAttempt.objects.values()) == before
    assert sum(row["failures_since_start"] for row in before) == lockout.LIMIT


def test_it_ends_after_a_quarter_of_an_hour(eva: Account) -> None:
    for _ in range(5):
        attempt("eva.lang", "wrong")
    for row in AccessAttempt.objects.all():
        earlier = row.attempt_time - lockout.COOL_OFF - timedelta(seconds=1)
        AccessAttempt.objects.filter(pk=row.pk).update(attempt_time=earlier)
    assert attempt("eva.lang", "wrong") == (None, sign_in.WRONG)
    assert attempt("eva.lang", PASSWORD)[0] == eva


def test_the_right_password_forgets_wrong_tries_from_the_same_place(eva: Account) -> None:
    for _ in range(3):
        for _ in range(4):
            attempt("eva.lang", "wrong", "192.0.2.1")
        assert attempt("eva.lang", PASSWORD, "192.0.2.1")[0] == eva


def test_a_stranger_does_not_keep_somebody_out_of_the_usual_places(eva: Account) -> None:
    assert attempt("eva.lang", PASSWORD, "192.0.2.1")[0] == eva
    for _ in range(2 * lockout.LIMIT):
        attempt("eva.lang", "wrong", "198.51.100.66")
    assert attempt("eva.lang", PASSWORD, "203.0.113.7") == (None, lockout.LOCKED)
    assert attempt("eva.lang", PASSWORD, "192.0.2.1")[0] == eva
    assert attempt("eva.lang", PASSWORD, "198.51.100.66") == (None, lockout.LOCKED)


def test_at_a_usual_place_five_wrong_tries_lock_out_that_place_alone(eva: Account) -> None:
    for place in ("192.0.2.1", "192.0.2.2"):
        assert attempt("eva.lang", PASSWORD, place)[0] == eva
    for _ in range(lockout.LIMIT):
        assert attempt("eva.lang", "wrong", "192.0.2.1") == (None, sign_in.WRONG)
    assert attempt("eva.lang", PASSWORD, "192.0.2.1") == (None, lockout.LOCKED)
    assert attempt("eva.lang", PASSWORD, "192.0.2.2")[0] == eva
    assert attempt("eva.lang", PASSWORD, "203.0.113.7")[0] == eva


def test_a_sign_in_leaves_the_tries_of_others_counted(eva: Account) -> None:
    assert attempt("eva.lang", PASSWORD, "192.0.2.1")[0] == eva
    for _ in range(lockout.LIMIT - 1):
        attempt("eva.lang", "wrong", "198.51.100.66")
    assert attempt("eva.lang", PASSWORD, "192.0.2.1")[0] == eva
    attempt("eva.lang", "wrong", "198.51.100.66")
    assert attempt("eva.lang", "wrong", "198.51.100.67") == (None, lockout.LOCKED)


def test_an_account_has_not_more_usual_places_than_are_kept(eva: Account) -> None:
    for number in range(lockout.MOST_ADDRESSES + 3):
        attempt("eva.lang", PASSWORD, f"192.0.2.{number + 1}")
    assert AccessLog.objects.filter(username="Eva.Lang").count() == lockout.MOST_ADDRESSES


def test_an_unknown_name_is_locked_out_like_a_known_one(tenant: str) -> None:
    sentences = [attempt("nobody", "wrong")[1] for _ in range(7)]
    assert sentences == [sign_in.WRONG] * 5 + [lockout.LOCKED] * 2


def test_an_address_that_tries_many_names_is_barred(eva: Account, settings: Any) -> None:
    settings.TRIES_PER_ADDRESS = 12
    for number in range(12):
        attempt(f"guess{number}", "wrong", "192.0.2.7")
    assert attempt("eva.lang", PASSWORD, "192.0.2.7") == (None, lockout.LOCKED)
    assert attempt("eva.lang", PASSWORD)[0] == eva


def test_nothing_that_was_typed_is_kept(eva: Account) -> None:
    request = RequestFactory().post(
        "/x?secret=abc", {"password": "hunter2hunter2", "b": "y" * 70_000}
    )
    assert authenticate(request, username="eva.lang", password="hunter2hunter2") is None
    row = AccessAttempt.objects.get()
    assert (row.get_data, row.post_data, row.user_agent) == ("", "", "")


def test_an_operator_unlocks_by_command(eva: Account) -> None:
    for _ in range(5):
        attempt("eva@example.org", "wrong")
    call_command("axes_reset_username", "Eva.Lang", verbosity=0)
    assert attempt("eva.lang", PASSWORD)[0] == eva


def test_disabled_is_told_to_whoever_knows_the_password_alone(eva: Account, tenant: str) -> None:
    people.disable(eva.moid)
    assert attempt("eva.lang", "wrong") == (None, sign_in.WRONG)
    assert "disabled" in attempt("eva.lang", PASSWORD)[1]
    people.enable(eva.moid)
    change.disable(tenant)
    assert attempt("eva.lang", "wrong") == (None, sign_in.WRONG)
    account, sentence = attempt("eva.lang", PASSWORD)
    assert account is None
    assert sentence == "Demo tenant is disabled: ask its administrator."
    assert sum(attempt_row.failures_since_start for attempt_row in AccessAttempt.objects.all()) == 2


def test_the_sign_in_page_says_why_and_goes_on_to_own_pages_alone(eva: Account) -> None:
    page = Browser()
    answer = page.post("/accounts/login/", {"username": "eva.lang", "password": "x"})
    assert sign_in.WRONG in answer.content.decode()
    fields = {"username": "880012345", "password": PASSWORD}
    away = page.post("/accounts/login/?next=https://evil.example/", fields)
    assert away.status_code == 302
    assert "evil" not in away["Location"]
    again = page.post("/accounts/login/?next=/console/", fields)
    assert again["Location"] == "/console/"


def test_sessions_end_with_a_new_password_a_disabled_account_and_a_disabled_domain(
    eva: Account, tenant: str
) -> None:
    acts: list[Callable[[], object]] = [
        partial(people.set_password, eva.moid, PASSWORD + "8"),
        partial(people.disable, eva.moid),
        partial(change.disable, tenant),
    ]
    for act in acts:
        page = Browser()
        page.force_login(Account.objects.get(pk=eva.pk))
        assert page.get("/console/").status_code == 200
        act()
        assert page.get("/console/").status_code == 302
        people.enable(eva.moid)
