"""Several at once: one conversation of two people, one group of a key, one thing between two people."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from im.models import Contact, Conversation, Entry, Member
from tests.im.http.town import Answer, Someone

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*calls: Callable[[], Answer]) -> list[int]:
    """Run all calls in threads of their own, and return their HTTP statuses."""

    def run(call: Callable[[], Answer]) -> int:
        try:
            return call().status
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_many_begin_the_same_conversation_at_once(anna: Someone, ben: Someone) -> None:
    to_ben, to_anna = ({"kind": "direct", "user": person.id} for person in (ben, anna))
    calls = [
        (lambda: anna.post("conversations", to_ben)),
        (lambda: ben.post("conversations", to_anna)),
    ]
    assert at_once(*calls * 5) == [200] * 10
    assert Conversation.objects.count() == 1
    assert Member.objects.count() == 2


def test_a_key_makes_one_group_however_often_it_is_sent(anna: Someone, ben: Someone) -> None:
    body = {"kind": "group", "name": "Once", "users": [ben.id]}
    key = {"Idempotency-Key": "k"}
    assert at_once(*[lambda: anna.post("conversations", body, **key)] * 8) == [200] * 8
    assert Conversation.objects.count() == 1
    assert Entry.objects.count() == 1


def test_who_ask_each_other_at_once_are_friends(anna: Someone, ben: Someone) -> None:
    calls = [
        (lambda: anna.post("contacts", {"user": ben.id})),
        (lambda: ben.post("contacts", {"user": anna.id})),
    ]
    assert at_once(*calls * 4) == [200] * 8
    assert [*Contact.objects.values_list("state", flat=True)] == ["friend", "friend"]


def test_many_come_and_go_at_once_and_the_count_is_right(
    anna: Someone, ben: Someone, cara: Someone
) -> None:
    number = anna.founds(joining="free")
    path = f"conversations/{number}"
    for _ in range(3):
        at_once(
            lambda: ben.post(f"{path}/join"),
            lambda: cara.post(f"{path}/join"),
            lambda: anna.post(f"{path}/members", {"users": [ben.id, cara.id]}),
            lambda: ben.delete(f"{path}/members/{ben.id}"),
            lambda: anna.delete(f"{path}/members/{cara.id}"),
        )
    conversation = anna.shown(number)
    active = Member.objects.filter(conversation=int(number), state="active").count()
    assert conversation["members"] == active
    seqs = [entry["data"]["seq"] for entry in anna.log(number)]
    assert seqs == [*range(1, conversation["last_seq"] + 1)]
