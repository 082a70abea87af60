"""Who tries numbers and names at random learns nothing, with however many accounts."""

from __future__ import annotations

import contextlib
import random

import pytest

from domains.flows import change
from domains.management.commands.load_demo import DEMO_TENANT
from foundation import clock
from foundation.cells.directory import own_platform, store_of
from foundation.signing import shared_key
from im.api.base import StrictLimit
from im.data.locked_conversation import Denied
from im.data.people import person_of_account
from im.flows.contacts import find_person
from social.data import finding, matches
from social.models import BookDay, BookEntry, ConfirmedNumber
from social.rules import limits, numbers
from tests.social.people.town import Neighbour

TRIES, PEOPLE = 10_000, 50
FIRST = 13_800_000_000


def test_ten_thousand_random_numbers_yield_nothing(anna: Neighbour, ben: Neighbour) -> None:
    dice = random.Random(1)
    known = [f"+86{FIRST + index}" for index in dice.sample(range(TRIES), PEOPLE)]
    ConfirmedNumber.objects.bulk_create(
        ConfirmedNumber(hmac=numbers.hashed(number, shared_key()), user=f"someone-{index}")
        for index, number in enumerate(known)
    )
    ConfirmedNumber.objects.create(hmac=numbers.hashed(f"+86{FIRST}", shared_key()), user=ben.id)
    tried = [f"+86{FIRST + index}" for index in range(TRIES)]
    hashes = [*numbers.hashed_many(tried, "", shared_key())]
    BookEntry.objects.bulk_create(BookEntry(owner=anna.id, hmac=key) for key in hashes)
    me = person_of_account(anna.account)
    assert len(hashes) == TRIES
    assert matches.match_hashes(store_of(own_platform()), me, hashes) == {}
    assert anna.ask("address_book")["people"] == []


def test_names_of_another_tenant_yield_nothing(anna: Neighbour, zoe: Neighbour) -> None:
    change.change(DEMO_TENANT, findable=False)
    store, me = store_of(own_platform()), person_of_account(zoe.account)
    dice = random.Random(2)
    letters = "abcdefghijklmnopqrstuvwxyz"
    names = ["anna", "ben", "admin", *("".join(dice.choices(letters, k=4)) for _ in range(200))]
    people = []
    for name in names:
        people += finding.search_directory(store, me, name, 20)
        with contextlib.suppress(Denied):
            people.append(find_person(store, me, name))
    assert people == []


def test_calls_that_look_for_people_are_limited(
    anna: Neighbour, zoe: Neighbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StrictLimit, "seconds", 86_400)
    answers = [anna.social("GET", f"directory?q=x{index}").status for index in range(62)]
    assert answers == [200] * 60 + [429] * 2
    assert zoe.social("GET", "directory?q=xx").status == 200, "others are not limited by it"


def test_the_limit_of_a_tenant_holds_over_its_accounts(
    anna: Neighbour, ben: Neighbour, cara: Neighbour
) -> None:
    BookDay.objects.create(
        domain=str(anna.account.domain_id),
        day=clock.now().date(),
        count=limits.NEW_A_DAY_OF_TENANT - 5,
    )
    book = {"numbers": [f"+86{FIRST + index}" for index in range(4)]}
    added = [person.do("POST", "address_book", book)["added"] for person in (anna, ben, cara)]
    assert added == [4, 1, 0]
