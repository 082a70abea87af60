"""The table of events: each user domain counts its own, without gaps, and in the order of the commits."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction

from foundation import clock
from foundation.bus import events
from foundation.bus.models import Event as Row
from foundation.bus.outgoing import Event
from foundation.bus.unit_of_work import begin
from tests.integration.conftest import at_once

pytestmark = pytest.mark.xdist_group("integration")


def event(channel: str, user_domain: str = "u1") -> Event:
    return Event(user_domain, channel, b'{"method":"update"}')


def tell(place: str, *told: Event) -> None:
    with begin(place) as uow:
        for one_event in told:
            uow.publish_event(one_event)


def channels(after: int = 0, user_domain: str = "u1") -> list[tuple[int, str]]:
    rows = events.read_events_after("default", {user_domain: after}, 1000)
    return [(row.seq, row.channel) for row in rows]


def test_each_user_domain_counts_its_own_events(place: str) -> None:
    tell(place, event("/a"), event("/b", "u2"), event("/c"))
    tell(place, event("/d", "u2"))
    assert channels() == [(1, "/a"), (2, "/c")]
    assert channels(user_domain="u2") == [(1, "/b"), (2, "/d")]
    assert channels(after=1) == [(2, "/c")]
    assert events.last_event_numbers("default", ["u1", "u2", "u3"]) == {"u1": 2, "u2": 2, "u3": 0}


def test_equal_events_of_one_transaction_are_told_once(place: str) -> None:
    tell(place, event("/a"), event("/b"), event("/a"))
    assert channels() == [(1, "/b"), (2, "/a")]


def test_workers_at_once_leave_no_gap(place: str) -> None:

    def tell_ten(worker: int) -> None:
        for number in range(10):
            tell(place, event(f"/{worker}/{number}"))

    at_once(4, tell_ten)
    assert [seq for seq, _ in channels()] == list(range(1, 41))


def test_a_transaction_that_fails_takes_no_number(place: str) -> None:
    tell(place, event("/a"))
    with transaction.atomic():
        events.insert_events("default", [event("/lost")])
        transaction.set_rollback(True)
    tell(place, event("/b"))
    assert channels() == [(1, "/a"), (2, "/b")]


def test_whoever_reads_a_number_has_read_all_before_it(place: str) -> None:
    later_is_told = threading.Event()

    def tell_later() -> None:
        tell(place, event("/later"))
        later_is_told.set()
        connection.close()

    thread = threading.Thread(target=tell_later)
    with transaction.atomic():
        events.insert_events("default", [event("/earlier")])
        thread.start()
        assert not later_is_told.wait(0.3), (
            "its number was to wait for the commit of the one before"
        )
    thread.join(10)
    assert channels() == [(1, "/earlier"), (2, "/later")]


def test_old_events_and_too_many_are_deleted(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(place, *(event(f"/{number}") for number in range(10)), event("/x", "u2"))
    monkeypatch.setattr(events, "KEPT_OF_DOMAIN", 4)
    monkeypatch.setattr(events, "DELETED_AT_ONCE", 2)
    assert events.delete_old_events(place) == 6
    assert [seq for seq, _ in channels()] == [7, 8, 9, 10]
    assert channels(user_domain="u2") == [(1, "/x")]
    long_ago = clock.id_at(clock.now() - events.KEPT_FOR - timedelta(seconds=1))
    Row.objects.filter(user_domain="u1", seq=7).update(id=long_ago)
    assert events.delete_old_events(place) == 1
    tell(place, event("/new"))
    assert channels()[-1] == (11, "/new")
