"""Workers at once, timers that fire twice and a takeover in that very second start each reservation once."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest
from django.db import connections
from pytest_django import Settings

from conferences.data.queries import uses_of_domain
from conferences.data.reservation_queries import planned_page
from conferences.flows.forget_reservations import delete_old_reservations
from conferences.flows.occurrences import start_due
from conferences.models import Conference, Number, NumberCursor, Occurrence, Reservation
from domains.management.commands.load_demo import DEMO_TENANT
from foundation import clock
from foundation.bus.delivery import Delivery
from foundation.bus.models import Outbox
from foundation.cells.directory import store_of
from tests.integration.conftest import at_once, create, delivery, do
from tests.integration.two_sites import TwoSites

pytestmark = pytest.mark.xdist_group("integration")


def book(reqid: str, **fields: object) -> Delivery:
    """Return a request for a conference that is due since a moment ago, unless told otherwise."""
    start = clock.now() - timedelta(seconds=20)
    body = {"type": "CM_MAU_ADDBOOKCONF_REQ", "reqid": reqid, "moid": DEMO_TENANT, "confname": "x"}
    usual = {"starttime": start.isoformat(), "duration": 60}
    return delivery({**body, **usual, **fields}, reply_to="asker", correlation_id=reqid)


def sent(kind: str) -> list[dict[str, object]]:
    """Return the staged messages of a type."""
    bodies = [json.loads(bytes(row.body)) for row in Outbox.objects.order_by("id")]
    return [body for body in bodies if body["type"] == kind]


def _page(place: str, start: int, latest_first: bool) -> list[datetime]:
    """Return when the 90 occurrences begin that a list of the tenant's has from `start` on."""
    page = planned_page(
        store_of(place).database,
        "user_domain",
        DEMO_TENANT,
        clock.now(),
        start=start,
        count=90,
        latest_first=latest_first,
    )
    return [occurrence.starts_at for _, occurrence in page.occurrences]


def test_four_workers_start_what_is_due_once(place: str) -> None:
    do(place, *(book(f"b{n}") for n in range(40)))
    counts = at_once(4, lambda _: start_due(place))
    assert sum(counts) == 40
    assert Conference.objects.count() == 40
    numbers = {row.live_e164 for row in Conference.objects.all()}
    assert numbers == {row.e164 for row in Reservation.objects.all()}
    assert start_due(place) == 0


def test_one_number_wanted_by_four_workers_is_kept_for_one_reservation(place: str) -> None:
    at_once(4, lambda n: do(place, book(f"w{n}", confE164="123456")))
    assert Reservation.objects.count() == 1
    assert {b["errcode"] for b in sent("MAU_CM_ADDBOOKCONF_NACK")} == {"29009"}
    do(place, create("c", confE164="123456"))
    assert [b["errcode"] for b in sent("MAU_CM_CREATECONF_NACK")] == ["29009"]
    assert NumberCursor.objects.get().held == 1
    assert uses_of_domain("default", DEMO_TENANT)["reservations"] == 1


def test_a_repeated_request_books_once_and_a_cancelled_number_is_free(place: str) -> None:
    later = (clock.now() + timedelta(days=1)).isoformat()
    request = book("same", starttime=later, repeat="FREQ=DAILY;COUNT=30")
    do(place, request)
    do(place, request)
    assert (Reservation.objects.count(), Occurrence.objects.count()) == (1, 30)
    reservation = Reservation.objects.get()
    body = {"type": "CM_MAU_DELBOOKCONF_REQ", "reqid": "d", "moid": DEMO_TENANT}
    do(place, delivery({**body, "bookid": reservation.bookid}))
    number = Number.objects.get(e164=reservation.e164)
    assert (number.held_by, number.taken, NumberCursor.objects.get().held) == ("", False, 0)
    assert set(Occurrence.objects.values_list("state", flat=True)) == {"cancelled"}


def test_a_year_of_daily_meetings_is_kept_changed_and_read_back(place: str) -> None:
    later = (clock.now() + timedelta(days=1)).replace(microsecond=0)
    terminal = {"account": "8801", "name": "Room 1", "protocol": 1}
    weekly = {"repeat": "FREQ=DAILY", "mts": [terminal], "maxjoinedmt": 32, "timezone": "Asia/Tokyo"}  # fmt: skip
    do(place, book("y", starttime=later.isoformat(), **weekly))
    planned = Occurrence.objects.count()
    assert planned == 400
    for latest_first in (False, True):
        pages = [_page(place, start, latest_first) for start in range(0, 450, 90)]
        listed = [date for page in pages for date in page]
        assert len(listed) == 400
        assert listed == sorted(listed, reverse=latest_first)
    bookid = Reservation.objects.get().bookid
    body = {"type": "CM_MAU_MDFBOOKCONF_REQ", "reqid": "m", "moid": DEMO_TENANT, "bookid": bookid}
    do(place, delivery({**body, "confname": "Stand-up", "repeat": "FREQ=DAILY;COUNT=5"}))
    reservation = Reservation.objects.get()
    assert (reservation.name, Occurrence.objects.count()) == ("Stand-up", 5)
    assert reservation.detail["settings"]["mts"][0]["protocol"] == 1
    moved = (later + timedelta(days=1, hours=3)).isoformat()
    change = {"reqid": "o", "occurrence": (later + timedelta(days=1)).isoformat()}
    do(place, delivery({**body, **change, "starttime": moved}))
    assert Occurrence.objects.filter(starts_at=moved).count() == 1
    assert sent("MAU_CM_MDFBOOKCONF_NACK") == []


def test_old_dates_go_and_reservations_with_their_last_date(place: str, settings: Settings) -> None:
    later = (clock.now() + timedelta(days=1)).isoformat()
    do(place, book("series", starttime=later, repeat="FREQ=DAILY;COUNT=3"), book("once"))
    do(place, book("far", starttime=later))
    once = Reservation.objects.get(repeat="", starts_at__lt=clock.now())
    for bookid in Reservation.objects.exclude(repeat="").values_list("bookid", flat=True):
        first = Occurrence.objects.filter(bookid=bookid).earliest("starts_at")
        Occurrence.objects.filter(pk=first.pk).update(state="over", due_at=None)
    Occurrence.objects.filter(bookid=once.bookid).update(state="failed", due_at=None)
    Reservation.objects.filter(pk=once.pk).update(state="over", live_e164=None)
    old = clock.now() - timedelta(days=settings.RESERVATIONS_KEPT_DAYS)
    closed = Occurrence.objects.filter(state__in=("over", "failed"))
    closed.update(starts_at=old - timedelta(hours=1), ends_at=old + timedelta(minutes=1))
    assert delete_old_reservations(place) == 0
    closed.update(ends_at=old - timedelta(minutes=1))
    assert delete_old_reservations(place) == 2
    assert sorted(Reservation.objects.values_list("repeat", flat=True)) == [
        "",
        "FREQ=DAILY;COUNT=3",
    ]
    assert Occurrence.objects.count() == 3
    assert delete_old_reservations(place) == 0


@pytest.mark.django_db(transaction=True, databases=["default", "west"])
def test_a_takeover_in_the_second_of_the_start_starts_it_once_at_the_backup(two: TwoSites) -> None:
    start = (clock.now() + timedelta(seconds=1)).isoformat()
    two.tell(two.east, json.loads(book("b1", starttime=start).body), reply_to="asker")
    [booked] = two.heard[two.east, "asker"]
    two.dead.add(two.east)
    two.serve(two.east, two.west)
    with connections["default"].cursor() as cursor:
        cursor.execute("UPDATE conferences_occurrence SET due_at = due_at - INTERVAL 5 SECOND")
    with two.at(two.west):
        assert start_due(two.east) == 1
        assert start_due(two.east) == 0
    two.settle()
    c = two.conference(str(booked["confE164"]))
    assert (c.state, c.source_platform, c.unit and c.unit.site) == ("running", two.east, two.west)
    assert [b["bookid"] for b in two.got(two.west, "MAU_CM_CONFSTART_NTF")] == [booked["bookid"]]
    two.dead.clear()
    two.serve(two.east, two.east)
    with two.at(two.east):
        assert start_due(two.east) == 0
