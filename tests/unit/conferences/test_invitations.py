"""The people who are invited to a booked conference get the right calendars by mail (RFC 5546)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest
from dateutil import rrule

from conferences.rules.calendar import Surroundings, calendar_of_feed, calendar_of_invitation
from conferences.rules.reservation import Happened, Invitation, Invitee
from conferences.rules.time_zones import time_zone_component
from tests.factories import NOW, book, hear, memory_unit_of_work
from tests.memory import MemoryUnitOfWork
from wire.routes import Routes

BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(NOW.year, 3, 20, 9, tzinfo=BERLIN)
GUESTS = [{"email": f"guest{n}@example.org", "name": f"Guest, {n}"} for n in range(3)]
AROUND = Surroundings(
    NOW, "noreply@example.org", lambda book: f"https://x/join/{book.e164}/?t=a", lambda *_: "Enter"
)
NEVER = {"REQUEST-STATUS", "FREEBUSY", "COMPLETED", "DUE", "PERCENT-COMPLETE"}
"""Properties that an event of REQUEST or CANCEL must not have (RFC 5546 §3.2.2, §3.2.5)."""


def _weekly(uow: MemoryUnitOfWork, **fields: Any) -> str:
    """Let Anna book a weekly meeting with three guests, and return its id."""
    uow.reservations.mails.accounts["p1"] = Invitee(
        email="anna@example.org", name="Anna", account="p1"
    )
    usual = {"starttime": START.isoformat(), "timezone": "Europe/Berlin", "guests": GUESTS}
    creator = {"creator": {"moid": "p1", "name": "anna"}, "repeat": "FREQ=WEEKLY;COUNT=4"}
    answer = book(uow, **{**usual, **creator, **fields})
    assert answer["type"] == "MAU_CM_ADDBOOKCONF_ACK", answer
    return str(answer["bookid"])


def _ask(uow: MemoryUnitOfWork, kind: str, **fields: Any) -> list[Invitation]:
    """Send a request about a reservation, and return the mails that follow from it."""
    before = len(uow.reservations.mails.invitations)
    body = {"type": f"CM_MAU_{kind}BOOKCONF_REQ", "reqid": f"r{len(uow.inbox)}", "moid": "u1"}
    hear(uow, {**body, **fields}, Routes.CM_TO_CSS)
    return uow.reservations.mails.invitations[before:]


def _calendar(invitation: Invitation) -> Any:
    """Return the calendar of a mail, after a check against the tables of RFC 5546."""
    calendar: Any = icalendar.Calendar.from_ical(calendar_of_invitation(invitation, AROUND))
    assert (calendar["VERSION"], bool(calendar["PRODID"])) == ("2.0", True)
    events = calendar.walk("VEVENT")
    assert len({event["UID"] for event in events}) == 1, "all are about one meeting"
    zones = {zone["TZID"] for zone in calendar.walk("VTIMEZONE")}
    for event in events:
        _check_event(event, calendar["METHOD"], has_others=len(events) > 1)
        assert event["DTSTART"].params["TZID"] in zones
    return calendar


def _check_event(event: Any, method: str, *, has_others: bool) -> None:
    """Check an event against the table of its method, REQUEST or CANCEL."""
    for name in ("DTSTAMP", "ORGANIZER", "UID", "SEQUENCE", "SUMMARY", "DTSTART"):
        assert not isinstance(event[name], list), f"{name}: exactly one"
    assert event["ATTENDEE"]
    assert not NEVER & event.keys()
    assert not event.subcomponents
    if method == "CANCEL":
        assert event["STATUS"] == "CANCELLED"
    else:
        assert event["STATUS"] == "CONFIRMED"
        assert {"DESCRIPTION", "LOCATION", "URL"} <= event.keys()
    if "RECURRENCE-ID" in event:
        assert "RRULE" not in event
        assert event["RECURRENCE-ID"].params.get("TZID") == event["DTSTART"].params["TZID"]
    else:
        assert not has_others or "RRULE" in event


def _people(event: Any) -> list[str]:
    attendees = event["ATTENDEE"]
    return [str(a) for a in (attendees if isinstance(attendees, list) else [attendees])]


def test_a_weekly_meeting_is_booked_moved_once_cancelled_once_and_cancelled() -> None:
    uow = memory_unit_of_work()
    bookid = _weekly(uow)
    (invitation,) = uow.reservations.mails.invitations
    assert [person.email for person in invitation.to] == [guest["email"] for guest in GUESTS]
    calendar = _calendar(invitation)
    (event,) = calendar.walk("VEVENT")
    assert (calendar["METHOD"], int(event["SEQUENCE"])) == ("REQUEST", 0)
    assert event["RRULE"].to_ical() == b"FREQ=WEEKLY;COUNT=4"
    assert event["DTSTART"].dt == START
    assert str(event["ORGANIZER"]) == "mailto:anna@example.org"
    assert _people(event) == [f"mailto:{guest['email']}" for guest in GUESTS]
    uid, week = str(event["UID"]), timedelta(weeks=1)

    second = (START + week).astimezone(UTC)
    (moved,) = _ask(
        uow, "MDF", bookid=bookid, occurrence=(START + week).isoformat(),
        starttime=(second + timedelta(hours=3)).isoformat(),
    )  # fmt: skip
    calendar = _calendar(moved)
    (event,) = calendar.walk("VEVENT")
    assert (calendar["METHOD"], str(event["UID"]), int(event["SEQUENCE"])) == ("REQUEST", uid, 1)
    assert event["RECURRENCE-ID"].dt == START + week, "09:00, before and after summer time begins"
    assert event["DTSTART"].dt == second + timedelta(hours=3)

    third = (START + 2 * week).isoformat()
    (cancelled,) = _ask(uow, "DEL", bookid=bookid, occurrence=third)
    calendar = _calendar(cancelled)
    (event,) = calendar.walk("VEVENT")
    assert (calendar["METHOD"], str(event["UID"]), int(event["SEQUENCE"])) == ("CANCEL", uid, 2)
    assert event["RECURRENCE-ID"].dt == START + 2 * week

    guests = [*GUESTS[1:], {"email": "new@example.org"}]
    to_new, to_old = _ask(uow, "MDF", bookid=bookid, guests=guests)
    assert [(m.happened, [p.email for p in m.to]) for m in (to_new, to_old)] == [
        (Happened.CREATED, ["new@example.org"]),
        (Happened.CANCELLED, [GUESTS[0]["email"]]),
    ]
    series, single = _calendar(to_new).walk("VEVENT")
    assert [moment.dt for moment in series["EXDATE"].dts] == [START + 2 * week]
    assert single["RECURRENCE-ID"].dt == START + week
    assert _people(_calendar(to_old).walk("VEVENT")[0]) == [f"mailto:{GUESTS[0]['email']}"]

    (over,) = _ask(uow, "DEL", bookid=bookid)
    calendar = _calendar(over)
    (event,) = calendar.walk("VEVENT")
    assert (calendar["METHOD"], str(event["UID"]), int(event["SEQUENCE"])) == ("CANCEL", uid, 4)
    assert "RECURRENCE-ID" not in event
    assert len(over.to) == 3


def test_members_with_an_address_are_invited_the_booker_and_doubles_are_not() -> None:
    uow = memory_unit_of_work()
    accounts = uow.reservations.mails.accounts
    ben = Invitee(email="ben@example.org", name="Ben", account="p2")
    accounts |= {"ben": ben, "ben@example.org": ben, "p3": Invitee(name="Cara", account="p3")}
    accounts["anna@example.org"] = Invitee(email="anna@example.org", name="Anna", account="p1")
    members = [{"account": name, "name": name, "type": "user"} for name in ("ben", "p3", "sip:x")]
    emails = ("anna@example.org", "ben@example.org", "Ben@Example.org")
    guests = [{"email": email} for email in emails]
    _weekly(uow, mts=members, guests=guests)
    (reservation,) = uow.reservations.books.values()
    assert [(p.email, p.account, p.name) for p in reservation.invited] == [
        ("ben@example.org", "p2", "Ben"),
        ("", "p3", "Cara"),
    ]
    (mail,) = uow.reservations.mails.invitations
    assert len(mail.to) == 1


def test_what_no_calendar_shows_causes_no_mail_and_too_many_mails_are_refused() -> None:
    uow = memory_unit_of_work()
    bookid = _weekly(uow)
    assert _ask(uow, "MDF", bookid=bookid, autoend=1) == []
    uow.reservations.mails.limit = 2
    assert _ask(uow, "MDF", bookid=bookid, confname="Other") == []
    assert uow.reservations.books[bookid].settings.name == "Weekly"
    assert _ask(uow, "DEL", bookid=bookid), "who is invited always learns of the end"


@pytest.mark.parametrize(
    "email", ["x", "a b@c.de", "a@b", "a@b.c\r\nBcc: x@y.de", "a@[1.2.3.4]", "ü@b.de", "a@1.2.3.4"]
)
def test_an_address_that_is_none_is_refused(email: str) -> None:
    uow = memory_unit_of_work()
    refused = book(uow, guests=[{"email": email}])
    assert (refused["type"], refused["errcode"]) == ("MAU_CM_ADDBOOKCONF_NACK", "29001")
    assert "guests" in refused["detail"]


def test_a_feed_has_the_series_its_exceptions_and_no_method() -> None:
    uow = memory_unit_of_work()
    bookid = _weekly(uow)
    _ask(uow, "DEL", bookid=bookid, occurrence=START.isoformat())
    book_of = uow.reservations.books[bookid]
    dates = uow.reservations.occurrences_of(bookid)
    feed: Any = icalendar.Calendar.from_ical(calendar_of_feed([(book_of, dates)], "Mine", AROUND))
    assert "METHOD" not in feed
    (event,) = feed.walk("VEVENT")
    assert [moment.dt for moment in event["EXDATE"].dts] == [START]


@pytest.mark.parametrize(
    "name",
    [
        *("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Jerusalem"),
        *("Africa/Casablanca", "America/Santiago", "Asia/Shanghai", "Asia/Kolkata"),
    ],
)
def test_a_zone_is_described_as_its_clocks_go(name: str) -> None:
    onsets: list[tuple[datetime, timedelta]] = []
    zone: Any = time_zone_component(name, 2027)
    for part in zone.subcomponents:
        first = part["DTSTART"].dt
        moments = [first, *(moment.dt for moment in getattr(part.get("RDATE"), "dts", []))]
        if "RRULE" in part:
            rule = rrule.rrulestr(part["RRULE"].to_ical().decode(), dtstart=first)
            moments = list(rule.between(first, datetime(2040, 1, 1), inc=True))  # noqa: DTZ001
        shift = part["TZOFFSETFROM"].td
        onsets += [((m - shift).replace(tzinfo=UTC), part["TZOFFSETTO"].td) for m in moments]
    onsets.sort()
    moment = datetime(2027, 1, 1, 0, 30, tzinfo=UTC)
    while moment.year < 2040:
        described = [offset for since, offset in onsets if since <= moment][-1]
        assert described == moment.astimezone(ZoneInfo(name)).utcoffset(), moment
        moment += timedelta(hours=37)
