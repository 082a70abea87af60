"""Places are booked ahead within what the units hold, and a conference is not prolonged at a reservation's cost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from conferences.flows.occurrences import handle_due
from conferences.rules.capacity import (
    Capacity,
    Span,
    capacity_of,
    hour_of_week,
    peak_places,
    refuse_overfull,
    updated_usual,
    usual_peak,
)
from foundation.bus.message import loads
from tests.factories import NOW, book, conference, hear, memory_unit_of_work, unit_accepts
from tests.memory import MemoryUnitOfWork
from wire.routes import Routes

HOUR = timedelta(hours=1)


def test_a_booking_is_refused_where_the_places_are_booked_or_usually_used() -> None:
    uow = memory_unit_of_work()
    uow.reservations.places = Capacity(40, 40, 40)
    uow.reservations.usual = {hour_of_week(NOW + 3 * HOUR): 16.0}
    assert book(uow, maxjoinedmt=32)["type"].endswith("_ACK")
    assert book(uow, maxjoinedmt=8)["type"].endswith("_ACK")
    full = book(uow, maxjoinedmt=8)
    assert full["errcode"] == "29502"
    assert "starttime: on 2030-01-01T13:00+00:00 only 0 of 40 places are free" in full["detail"]
    later = (NOW + 3 * HOUR).isoformat()
    assert "only 24 of 40" in book(uow, maxjoinedmt=32, starttime=later)["detail"]
    assert "no media unit holds 64" in book(uow, maxjoinedmt=64)["detail"]


def test_one_units_worth_of_places_stays_in_reserve() -> None:
    assert capacity_of([]) is None
    assert capacity_of([100]) == Capacity(100, 100, 100)
    assert capacity_of([100, 60, 100]) == Capacity(160, 100, 260)


def test_what_is_usual_follows_the_weeks() -> None:
    assert updated_usual(0.0, 40, is_first=True) == 40
    assert updated_usual(40.0, 80, is_first=False) == 50
    monday = datetime(2029, 12, 31, 9, tzinfo=UTC)
    assert usual_peak({9: 30.4, 10: 50}, monday, monday + HOUR) == 30
    assert usual_peak({9: 30.4, 10: 50}, monday, monday + timedelta(minutes=61)) == 50


_spans = st.lists(
    st.builds(
        lambda start, minutes, places: Span(
            NOW + timedelta(minutes=start), NOW + timedelta(minutes=start + minutes), places
        ),
        st.integers(0, 300),
        st.integers(1, 120),
        st.sampled_from([8, 32, 64]),
    ),
    max_size=12,
)


@given(_spans, st.integers(0, 300), st.integers(1, 200))
@settings(max_examples=200)
def test_the_peak_is_that_of_every_minute(spans: list[Span], first: int, minutes: int) -> None:
    start, end = NOW + timedelta(minutes=first), NOW + timedelta(minutes=first + minutes)
    by_minute = max(
        sum(s.places for s in spans if s.starts_at <= start + timedelta(minutes=n) < s.ends_at)
        for n in range(minutes)
    )
    assert peak_places(spans, start, end) == by_minute


@given(_spans, st.integers(1, 60))
@settings(max_examples=200)
def test_a_series_is_refused_exactly_where_one_of_its_dates_does_not_fit(
    booked: list[Span], minutes: int
) -> None:
    wanted = [
        Span(NOW + timedelta(minutes=n * 70), NOW + timedelta(minutes=n * 70 + minutes), 32)
        for n in range(4)
    ]
    fits = all(peak_places(booked, w.starts_at, w.ends_at) + 32 <= 100 for w in wanted)
    assert (refuse_overfull(wanted, booked, {}, Capacity(100, 100, 100)) is None) == fits


# ---- prolonging a conference --------------------------------------------------------------------


def _extend(uow: MemoryUnitOfWork, number: str, delay: int) -> dict[str, Any]:
    body = {
        "type": "CM_MAU_DELAYCONF_REQ",
        "reqid": f"x{len(uow.inbox)}",
        "confE164": number,
        "delay": delay,
    }
    hear(uow, body, Routes.CM_TO_CSS)
    return loads(uow.outgoing[0].body)


def test_an_extension_is_granted_up_to_the_reservation_that_needs_the_places() -> None:
    c = conference(places=32)
    uow = memory_unit_of_work(c)
    uow.reservations.places = Capacity(40, 40, 40)
    book(uow, maxjoinedmt=32, starttime=(NOW + HOUR + timedelta(minutes=25)).isoformat())
    granted = _extend(uow, c.e164, 60)
    assert (granted["type"], granted["delay"]) == ("CM_MAU_DELAYCONF_ACK", 25)
    assert granted["endtime"] == "2030-01-01T13:25:00+00:00"
    refused = _extend(uow, c.e164, 60)
    assert (refused["type"], refused["errcode"]) == ("CM_MAU_DELAYCONF_NACK", "29502")
    assert uow.live[c.e164].ends_at == NOW + HOUR + timedelta(minutes=25)


def test_an_extension_beside_a_reservation_with_places_enough_is_granted_in_full() -> None:
    c = conference(places=8)
    uow = memory_unit_of_work(c)
    uow.reservations.places = Capacity(40, 40, 40)
    uow.reservations.others = {"other": Span(NOW, NOW + 3 * HOUR, 8)}
    book(uow, maxjoinedmt=8)
    assert _extend(uow, c.e164, 60)["delay"] == 60
    uow.reservations.others = {"other": Span(NOW, NOW + 9 * HOUR, 32)}
    book(uow, maxjoinedmt=8, starttime=(NOW + 4 * HOUR).isoformat())
    assert _extend(uow, c.e164, 300)["delay"] == 120


def test_a_conference_of_a_series_is_prolonged_until_its_number_is_needed_again() -> None:
    uow = memory_unit_of_work()
    number = book(uow, repeat="FREQ=DAILY;COUNT=2", duration=1380)["confE164"]
    uow.begin(NOW + HOUR)
    for reservation, date in uow.reservations.due(uow.now):
        handle_due(uow, reservation, date)
    unit_accepts(uow, number)
    assert _extend(uow, number, 600)["delay"] == 60
