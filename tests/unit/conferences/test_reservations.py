"""Reservations are booked, changed, started once, tried again, given up, and over at last: by the real flows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from conferences.flows.occurrences import handle_due
from conferences.rules.booking import MAX_OCCURRENCES_OF_PERSON, parse_moment
from conferences.rules.reservation import Occurrence, OccurrenceState, Reservation
from conferences.rules.states import ConferenceState, EndReason
from foundation.bus.message import loads
from tests.factories import NOW, book, conference, hear, memory_unit_of_work, unit_accepts
from tests.memory import MemoryUnitOfWork
from wire.conference_settings import ConferenceSettings
from wire.routes import Routes

_S = OccurrenceState
HOUR = timedelta(hours=1)


def _ask(uow: MemoryUnitOfWork, kind: str, **fields: Any) -> dict[str, Any]:
    """Send a request about a reservation of tenant `u1`, and return its answer."""
    usual = {"type": f"CM_MAU_{kind}BOOKCONF_REQ", "reqid": f"ask-{len(uow.inbox)}", "moid": "u1"}
    hear(uow, {**usual, **fields}, Routes.CM_TO_CSS)
    return loads(uow.outgoing[0].body)


def _change(uow: MemoryUnitOfWork, **fields: Any) -> dict[str, Any]:
    usual = {"confname": "Weekly", "duration": 60, "starttime": (NOW + HOUR).isoformat()}
    return _ask(uow, "MDF", **{**usual, **fields})


def _tick(uow: MemoryUnitOfWork, later: timedelta) -> list[dict[str, Any]]:
    """Run the timer so long after NOW, and return what it sends."""
    uow.begin(NOW + later)
    for reservation, date in uow.reservations.due(uow.now):
        handle_due(uow, reservation, date)
    return [loads(letter.body) for letter in uow.outgoing]


def _only_date(uow: MemoryUnitOfWork) -> Occurrence:
    (date,) = uow.reservations.dates.values()
    return date


def _only_book(uow: MemoryUnitOfWork) -> Reservation:
    (reservation,) = uow.reservations.books.values()
    return reservation


def _types(messages: list[dict[str, Any]]) -> list[str]:
    return [message["type"] for message in messages]


def _sent(uow: MemoryUnitOfWork) -> list[dict[str, Any]]:
    return [loads(letter.body) for letter in uow.outgoing]


# ---- booking ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2027-01-31", "x", None]
)
def test_what_is_no_moment_of_this_calendar_is_none(moment: str | None) -> None:
    assert parse_moment(moment) is None


def test_one_person_does_not_fill_the_platform_with_dates() -> None:
    uow = memory_unit_of_work()
    uow.reservations.dates |= {
        f"other:{n}": Occurrence(bookid="other", original=NOW, starts_at=NOW, ends_at=NOW, places=8)
        for n in range(MAX_OCCURRENCES_OF_PERSON - 1)
    }
    other = Reservation(
        bookid="other", e164="1", source_platform="main", user_domain="u1", creator_moid="p1",
        settings=ConferenceSettings(name="x"), starts_at=NOW, created_at=NOW,
    )  # fmt: skip
    uow.reservations.books["other"] = other
    assert book(uow)["type"] == "MAU_CM_ADDBOOKCONF_ACK"
    refused = book(uow, repeat="FREQ=DAILY;COUNT=2")
    assert (refused["errcode"], refused["detail"].partition(":")[0]) == ("29008", "repeat")
    someone_else = book(uow, repeat="FREQ=DAILY;COUNT=2", creator={"moid": "p2", "name": "Ben"})
    assert someone_else["type"] == "MAU_CM_ADDBOOKCONF_ACK"


def test_a_series_is_not_moved_to_a_past_in_which_its_dates_have_no_local_time() -> None:
    uow = memory_unit_of_work()
    answer = book(uow, repeat="FREQ=DAILY", timezone="America/New_York")
    refused = _change(uow, bookid=answer["bookid"], starttime="0001-01-01T00:00:00+00:00")
    assert (refused["errcode"], refused["detail"]) == ("29001", "starttime: lies in the past")


def test_a_reservation_has_id_and_number_at_once_and_the_registry_learns_it() -> None:
    uow = memory_unit_of_work()
    answer = book(uow, reqid="r")
    number, bookid = answer["confE164"], answer["bookid"]
    expected = {"type": "MAU_CM_ADDBOOKCONF_ACK", "reqid": "r", "bookid": bookid, "confE164": number}  # fmt: skip
    assert answer == expected
    assert _sent(uow)[1] == {
        "type": "CSS_UPU_ADDCONF_NTF",
        "confE164": number,
        "conftype": 2,
        "confname": "Weekly",
        "userdomainmoid": "u1",
        "platformmoid": "main",
        "state": "booked",
    }
    create = {"type": "CM_MAU_CREATECONF_REQ", "reqid": "x", "moid": "u1", "confname": "y"}
    hear(uow, {**create, "confE164": number}, Routes.CM_TO_CSS)
    assert _sent(uow)[0]["errcode"] == "29009"
    assert book(uow, confE164=number)["errcode"] == "29009"
    assert len(uow.reservations.books) == 1


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({"starttime": "tomorrow"}, "29001", "starttime: must be a time"),
        ({"starttime": "2030-01-02T09:00:00"}, "29001", "starttime: must be a time"),
        ({"starttime": "2029-12-31T09:00:00Z"}, "29001", "starttime: lies in the past"),
        ({"starttime": "2040-01-01T09:00:00Z"}, "29001", "starttime: lies more than"),
        ({"timezone": "Mars/Olympus"}, "29001", "timezone: must be a name"),
        ({"duration": 0}, "29011", "duration: a reservation lasts"),
        ({"duration": 20000}, "29011", "duration"),
        ({"repeat": "FREQ=HOURLY"}, "29001", "repeat: FREQ must be"),
        ({"repeat": "FREQ=DAILY", "duration": 1500}, "29011", "would begin before the last one"),
        ({"resolution": "1080p"}, "29013", "resolution"),
        ({"moid": "nobody"}, "29002", ""),
    ],
)
def test_what_cannot_be_booked_is_refused_with_the_field(
    fields: dict[str, Any], code: str, words: str
) -> None:
    uow = memory_unit_of_work()
    tenant = uow.facts["u1"].tenant
    object.__setattr__(tenant, "hd", False)
    answer = book(uow, **fields)
    assert (answer["type"], answer["errcode"]) == ("MAU_CM_ADDBOOKCONF_NACK", code)
    assert words in answer["detail"]
    assert not uow.reservations.books
    assert not uow.reserved


def test_a_year_of_a_weekly_meeting_is_planned_and_follows_as_time_passes() -> None:
    uow = memory_unit_of_work()
    book(uow, repeat="FREQ=WEEKLY")
    planned = len(uow.reservations.dates)
    assert planned == 58
    number = _only_book(uow).e164
    assert _types(_tick(uow, HOUR)) == ["GET_RES_REQ"]
    unit_accepts(uow, number)
    _tick(uow, 3 * HOUR)
    states = [date.state for date in uow.reservations.occurrences_of(_only_book(uow).bookid)]
    assert states.count(_S.OVER) == 1
    assert len(states) >= planned


# ---- the start ----------------------------------------------------------------------------------


def test_it_starts_at_its_time_and_is_told_once_it_runs() -> None:
    uow = memory_unit_of_work()
    number = book(uow, confpwd="1234", maxjoinedmt=32)["confE164"]
    assert _tick(uow, HOUR - timedelta(seconds=1)) == []
    assert _types(_tick(uow, HOUR)) == ["GET_RES_REQ"]
    c = uow.live[number]
    assert (c.conftype, c.places, c.password, c.creator_moid) == (2, 32, "1234", "p1")
    assert c.ends_at == NOW + 2 * HOUR
    unit_accepts(uow, number)
    start, *others = _sent(uow)
    assert start == {"type": "MAU_CM_CONFSTART_NTF", "bookid": _only_book(uow).bookid, "confE164": number}  # fmt: skip
    assert _types(others) == ["CSS_UPU_ADDCONF_NTF", "CSS_RMS_RES_NTF"]
    assert others[0]["state"] == "running"
    assert _only_date(uow).state is _S.BEGUN


def test_a_timer_that_fires_twice_creates_one_conference() -> None:
    uow = memory_unit_of_work()
    book(uow)
    assert len(_tick(uow, HOUR)) == 1
    assert _tick(uow, HOUR) == []
    assert _tick(uow, HOUR + timedelta(seconds=30)) == []
    assert len(uow.conferences) == 1


def test_it_is_tried_until_ten_minutes_after_its_start_and_then_the_creator_is_told_why() -> None:
    uow = memory_unit_of_work()
    answer = book(uow)
    number, tries, told = answer["confE164"], 0, list[dict[str, Any]]()
    for later in range(0, 660, 10):
        messages = _tick(uow, HOUR + timedelta(seconds=later))
        if "GET_RES_REQ" in _types(messages):
            tries += 1
            unit_accepts(uow, number, no_unit=True)
            assert _sent(uow) == []
        told += [m for m in messages if m["type"].startswith(("MAU_CM", "CSS_UPU"))]
    assert 50 <= tries <= 61
    failed, freed = told
    assert failed.pop("detail")
    assert failed == {
        "type": "MAU_CM_RELEASECONF_NTF",
        "confE164": number,
        "bookid": answer["bookid"],
        "reason": "create_failed",
        "errcode": "29502",
    }
    assert (freed["type"], freed["state"]) == ("CSS_UPU_DELCONF_NTF", "booked")
    assert not uow.reserved
    assert _only_date(uow).state is _S.FAILED


def test_a_conference_that_comes_late_still_ends_when_it_was_booked_to() -> None:
    uow = memory_unit_of_work()
    number = book(uow)["confE164"]
    _tick(uow, HOUR)
    unit_accepts(uow, number, no_unit=True)
    _tick(uow, HOUR + timedelta(seconds=10))
    assert uow.live[number].ends_at == NOW + 2 * HOUR


def test_after_the_last_date_the_number_is_free_and_the_registry_is_told() -> None:
    uow = memory_unit_of_work()
    number = book(uow)["confE164"]
    _tick(uow, HOUR)
    unit_accepts(uow, number)
    assert uow.reserved
    assert _types(_tick(uow, 2 * HOUR)) == ["CSS_UPU_DELCONF_NTF"]
    assert not uow.reserved
    assert not _only_book(uow).live


def _early_opening(bookid: str) -> dict[str, str]:
    """Return the request to begin a reserved conference before its time."""
    kind = "CM_MAU_CREATECONF_REQ"
    return {"type": kind, "reqid": "e", "moid": "u1", "confname": "x", "bookid": bookid}


def test_it_is_opened_early_by_a_create_request_and_is_not_started_again() -> None:
    uow = memory_unit_of_work()
    answer = book(uow)
    number = answer["confE164"]
    early = _early_opening(answer["bookid"])
    hear(uow, early, Routes.CM_TO_CSS)
    assert uow.live[number].name == "Weekly"
    unit_accepts(uow, number)
    assert _types(_sent(uow))[:2] == ["MAU_CM_CREATECONF_ACK", "MAU_CM_CONFSTART_NTF"]
    assert uow.live[number].ends_at == NOW + 2 * HOUR
    assert _tick(uow, HOUR) == []
    hear(uow, {**early, "reqid": "f"}, Routes.CM_TO_CSS)
    assert _sent(uow)[0]["errcode"] == "29018"
    hear(uow, {**early, "reqid": "g", "moid": "u2", "bookid": "b"}, Routes.CM_TO_CSS)
    assert _sent(uow)[0]["errcode"] == "29018"


def test_one_that_is_far_away_cannot_be_opened_yet() -> None:
    uow = memory_unit_of_work()
    answer = book(uow, starttime=(NOW + timedelta(days=3)).isoformat())
    early = _early_opening(answer["bookid"])
    hear(uow, early, Routes.CM_TO_CSS)
    assert _sent(uow)[0]["errcode"] == "29012"
    assert not uow.live


def test_an_early_opening_that_fails_leaves_the_date_for_its_time() -> None:
    uow = memory_unit_of_work()
    answer = book(uow)
    early = _early_opening(answer["bookid"])
    hear(uow, early, Routes.CM_TO_CSS)
    unit_accepts(uow, answer["confE164"], no_unit=True)
    assert _sent(uow)[0]["errcode"] == "29502"
    assert _only_date(uow).state is _S.PLANNED
    assert _types(_tick(uow, HOUR)) == ["GET_RES_REQ"]


# ---- changes ------------------------------------------------------------------------------------


def test_a_changed_series_keeps_its_number_and_the_dates_that_were_changed_singly() -> None:
    uow = memory_unit_of_work()
    first = NOW + HOUR
    answer = book(uow, repeat="FREQ=DAILY;COUNT=4")
    bookid = answer["bookid"]
    second, third = (f"{first + timedelta(days=n):%Y-%m-%dT%H:%M:%SZ}" for n in (1, 2))
    moved = _change(uow, bookid=bookid, occurrence=second, starttime="2030-01-02T18:00:00Z")
    assert moved["type"] == "MAU_CM_MDFBOOKCONF_ACK"
    assert _ask(uow, "DEL", bookid=bookid, occurrence=third)["type"] == "MAU_CM_DELBOOKCONF_ACK"
    changed = _change(uow, bookid=bookid, repeat="FREQ=DAILY;COUNT=5", confname="Daily")
    assert changed["confE164"] == answer["confE164"]
    assert _types(_sent(uow))[1] == "CSS_UPU_MDFCONF_NTF"
    starts = [(f"{d.starts_at:%d %H}", d.state) for d in uow.reservations.occurrences_of(bookid)]
    assert starts == [
        ("01 13", _S.PLANNED),
        ("02 18", _S.PLANNED),
        ("03 13", _S.CANCELLED),
        ("04 13", _S.PLANNED),
        ("05 13", _S.PLANNED),
    ]


def test_a_date_that_was_changed_is_held_as_it_was_changed() -> None:
    uow = memory_unit_of_work()
    answer = book(uow, repeat="FREQ=DAILY;COUNT=2")
    changed = {"confname": "Special", "maxjoinedmt": 32, "duration": 30}
    _change(uow, bookid=answer["bookid"], occurrence="2030-01-01T13:00:00+00:00", **changed)
    _tick(uow, HOUR)
    c = uow.live[answer["confE164"]]
    assert (c.name, c.places, c.ends_at) == ("Special", 32, NOW + HOUR + timedelta(minutes=30))


def test_a_change_that_cannot_be_had_leaves_the_reservation_as_it_was() -> None:
    uow = memory_unit_of_work(conference(e164="8899999"))
    answer = book(uow, repeat="FREQ=DAILY;COUNT=3")
    before = (dict(uow.reservations.books), dict(uow.reservations.dates), dict(uow.reserved))
    for fields, code in (
        ({"confE164": "8899999"}, "29009"),
        ({"repeat": "FREQ=HOURLY"}, "29001"),
        ({"starttime": "2029-01-01T00:00:00Z"}, "29001"),
        ({"occurrence": "2030-01-01T13:00:00Z", "starttime": "2030-01-02T12:30:00Z"}, "29011"),
        ({"occurrence": "2030-01-09T13:00:00Z"}, "29018"),
        ({"occurrence": "soon"}, "29001"),
        ({"bookid": "other"}, "29018"),
    ):
        changed = _change(uow, **{"bookid": answer["bookid"], **fields})
        assert (changed["type"], changed["errcode"]) == ("MAU_CM_MDFBOOKCONF_NACK", code), fields
    assert (uow.reservations.books, uow.reservations.dates, uow.reserved) == before


def test_a_series_that_has_begun_is_changed_for_its_coming_dates() -> None:
    uow = memory_unit_of_work()
    answer = book(uow, repeat="FREQ=DAILY;COUNT=3")
    number, bookid = answer["confE164"], answer["bookid"]
    _tick(uow, HOUR)
    unit_accepts(uow, number)
    changed = _change(uow, bookid=bookid, repeat="FREQ=DAILY;COUNT=3", maxjoinedmt=32)
    assert changed["type"].endswith("_ACK"), changed
    places = [(d.state, d.places) for d in uow.reservations.occurrences_of(bookid)]
    assert places == [(_S.BEGUN, 8), (_S.PLANNED, 32), (_S.PLANNED, 32)]


def test_a_cancelled_reservation_gives_its_number_back_and_does_not_start() -> None:
    uow = memory_unit_of_work()
    answer = book(uow)
    cancelled = _ask(uow, "DEL", bookid=answer["bookid"])
    assert cancelled["type"] == "MAU_CM_DELBOOKCONF_ACK"
    assert _types(_sent(uow))[1] == "CSS_UPU_DELCONF_NTF"
    assert not uow.reserved
    assert _tick(uow, HOUR) == []
    assert _ask(uow, "DEL", bookid=answer["bookid"])["errcode"] == "29018"
    assert book(uow, confE164=answer["confE164"])["type"] == "MAU_CM_ADDBOOKCONF_ACK"


def test_cancelling_the_only_date_that_is_left_ends_the_reservation() -> None:
    uow = memory_unit_of_work()
    answer = book(uow)
    _ask(uow, "DEL", bookid=answer["bookid"], occurrence="2030-01-01T13:00:00Z")
    assert not _only_book(uow).live
    assert not uow.reserved


def test_a_conference_that_runs_outlives_the_cancellation_of_its_reservation() -> None:
    uow = memory_unit_of_work()
    answer = book(uow, repeat="FREQ=DAILY;COUNT=3")
    _tick(uow, HOUR)
    unit_accepts(uow, answer["confE164"])
    _ask(uow, "DEL", bookid=answer["bookid"])
    assert uow.live[answer["confE164"]].state is ConferenceState.RUNNING
    assert _tick(uow, 2 * HOUR) == []
    assert uow.reservations.due(NOW + timedelta(days=400)) == []


def test_the_end_of_a_booked_conference_is_no_outcome_that_a_date_waits_for() -> None:
    uow = memory_unit_of_work()
    number = book(uow)["confE164"]
    _tick(uow, HOUR)
    unit_accepts(uow, number)
    c = uow.live[number]
    uow.save(c, c.end(EndReason.RELEASED, uow.now))
    assert _only_date(uow).state is _S.BEGUN
