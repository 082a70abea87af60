"""Several at once: one outcome, told once, and exact counts."""

from __future__ import annotations

import pytest

from im.models import Contact
from social.models import BookEntry, Like, Moment, NumberExchange
from tests.im.http.test_races import at_once
from tests.social.people.town import Neighbour

pytestmark = pytest.mark.django_db(transaction=True)


def test_likes_of_many_at_once_are_counted_exactly(
    anna: Neighbour, ben: Neighbour, cara: Neighbour
) -> None:
    anna.befriend(ben, cara)
    number = anna.posts("x")
    path = f"moments/{number}/like"
    likes = [(lambda person=person: person.social("PUT", path, {})) for person in (anna, ben, cara)]
    assert at_once(*likes * 4) == [200] * 12
    assert Like.objects.count() == 3
    ends = [(lambda person=person: person.social("DELETE", path, {})) for person in (ben, cara)]
    assert at_once(*ends * 3) == [200] * 6
    assert anna.timeline()[0]["likes"] == 1


def test_the_same_moment_sent_many_times_at_once_is_posted_once(anna: Neighbour) -> None:
    body = {"text": "once", "client_id": "k"}
    assert at_once(*[lambda: anna.social("POST", "moments", body)] * 8) == [200] * 8
    assert Moment.objects.count() == 1


def test_an_invitation_is_used_by_one_of_many(
    anna: Neighbour, ben: Neighbour, cara: Neighbour
) -> None:
    code = {"code": anna.do("POST", "invitations")["code"]}
    calls = [
        (lambda person=person: person.social("POST", "invitations/accept", code))
        for person in (ben, cara)
    ]
    assert sorted(at_once(*calls)) == [200, 404]
    assert Contact.objects.count() == 2


def test_who_ask_each_other_for_numbers_at_once_have_exchanged_them(
    anna: Neighbour, ben: Neighbour
) -> None:
    anna.befriend(ben)
    for person, number in ((anna, "+8613800138001"), (ben, "+8613800138002")):
        person.do("PATCH", "card", {"entries": [{"name": "phone", "value": number}]})
    calls = [
        lambda: anna.social("POST", f"people/{ben.id}/number", {}),
        lambda: ben.social("POST", f"people/{anna.id}/number", {}),
    ]
    assert at_once(*calls) == [200, 200]
    assert [*NumberExchange.objects.values_list("state", flat=True)] == ["agreed", "agreed"]
    at_once(*[lambda: anna.social("DELETE", f"people/{ben.id}/number", {})] * 3)
    assert not NumberExchange.objects.exists()


def test_uploads_at_once_do_not_pass_the_limit_together(anna: Neighbour) -> None:
    books = [
        {"numbers": [f"+861380{book}{index:06d}" for index in range(800)]} for book in range(4)
    ]
    calls = [
        (lambda numbers=numbers: anna.social("POST", "address_book", numbers)) for numbers in books
    ]
    assert at_once(*calls) == [200] * 4
    assert BookEntry.objects.count() == 2000
