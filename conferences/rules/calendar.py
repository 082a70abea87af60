"""The functions here write booked conferences as iCalendar (RFC 5545), for invitations (RFC 5546) and feeds. Pure.

A reservation is one event with a stable UID; its `revision` is the SEQUENCE. Occurrences (meetings) that were moved
or changed are further events with the same UID and a RECURRENCE-ID, cancelled ones are exceptions (EXDATE) of the
rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import icalendar

from conferences.rules.recurrence import calendar_rule
from conferences.rules.reservation import (
    Happened,
    Invitation,
    Invitee,
    Occurrence,
    OccurrenceState,
    Reservation,
)
from conferences.rules.time_zones import time_zone_component
from wire.conference_settings import ConferenceSettings

PRODUCT = "-//Conference platform//Invitations//EN"
REQUEST, CANCEL = "REQUEST", "CANCEL"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Represent the values that the events of a calendar need beside those of their reservations.

    `now`: the time that goes into DTSTAMP. `sender`: the address from which mails come. `link_of`: a function that
    returns the address of a reservation's join page. `describe`: a function that returns the text of an event, in the
    reader's language; the settings are those of the occurrence.
    """

    now: datetime
    sender: str
    link_of: Callable[[Reservation], str]
    describe: Callable[[Reservation, ConferenceSettings], str]


def method_of(invitation: Invitation) -> str:
    """Return the method of the calendar in an invitation's mail (RFC 5546): REQUEST or CANCEL."""
    return CANCEL if invitation.happened is Happened.CANCELLED else REQUEST


def calendar_of_invitation(invitation: Invitation, around: Surroundings) -> str:
    """Return the iCalendar text in a mail about a new, changed or cancelled reservation, or about one meeting of it."""
    reservation = invitation.reservation
    is_cancelled = method_of(invitation) == CANCEL
    if invitation.occurrence is not None:
        events = [_event_of_occurrence(reservation, invitation.occurrence, around)]
        whom = reservation.invited
    # A mail about a cancelled series is one event for those who are told of it, maybe only a few.
    elif is_cancelled:
        events = [_event(reservation, _first_occurrence(reservation), around)]
        whom = tuple(invitation.to)
    else:
        events = list(_events_of(reservation, invitation.occurrences, around))
        whom = reservation.invited
    for event in events:
        _add_people(event, reservation, whom, around, answer=not is_cancelled)
        if is_cancelled:
            event["status"] = icalendar.vText("CANCELLED")
            for name in ("description", "location", "url", "conference"):
                event.pop(name, None)
    return _text_of(events, [reservation], method_of(invitation))


def calendar_of_feed(
    booked: Iterable[tuple[Reservation, Sequence[Occurrence]]], name: str, around: Surroundings
) -> str:
    """Return the iCalendar text of a person's feed, which calendar programs fetch again and again.

    `booked`: reservations, each with its exceptions. `name`: what programs call the calendar.
    """
    events = list[icalendar.Event]()
    reservations = list[Reservation]()
    for reservation, occurrences in booked:
        reservations.append(reservation)
        events += _events_of(reservation, occurrences, around)
    return _text_of(events, reservations, "", name)


def _text_of(
    events: Iterable[icalendar.Event],
    reservations: Sequence[Reservation],
    method: str,
    name: str = "",
) -> str:
    """Return the text of a calendar with these events, and with the time zones of their reservations."""
    calendar = icalendar.Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    if method:
        calendar.add("method", method)
    if name:
        calendar.add("x-wr-calname", name)
        calendar.add("refresh-interval", timedelta(minutes=30), parameters={"VALUE": "DURATION"})
    first_years: dict[str, int] = {}
    for reservation in reservations:
        zone, year = reservation.zone.key, reservation.starts_at.year
        first_years[zone] = min(year, first_years.get(zone, year))
    for zone, year in sorted(first_years.items()):
        # Times in UTC need no description of the zone.
        if zone != "UTC":
            calendar.add_component(time_zone_component(zone, year))
    for event in events:
        calendar.add_component(event)
    text: bytes = calendar.to_ical(sorted=False)
    return text.decode()


def _events_of(
    reservation: Reservation, occurrences: Sequence[Occurrence], around: Surroundings
) -> Iterator[icalendar.Event]:
    """Yield the calendar events of a reservation: the series first, then the meetings that were moved or changed."""
    exceptions = [occurrence for occurrence in occurrences if occurrence.is_exception]
    if not reservation.repeat:
        yield _event(reservation, next(iter(exceptions), _first_occurrence(reservation)), around)
        return
    series = _event(reservation, _first_occurrence(reservation), around)
    series.add("rrule", icalendar.vRecur.from_ical(calendar_rule(reservation.recurrence())))
    cancelled = [o.original for o in exceptions if o.state is OccurrenceState.CANCELLED]
    if cancelled:
        series.add("exdate", [_local(reservation, moment) for moment in sorted(cancelled)])
    yield series
    for occurrence in exceptions:
        if occurrence.state is not OccurrenceState.CANCELLED:
            yield _event_of_occurrence(reservation, occurrence, around)


def _first_occurrence(reservation: Reservation) -> Occurrence:
    """Return the first meeting (occurrence) of a reservation, at the time that its rule gives."""
    start, settings = reservation.starts_at, reservation.settings
    end = start + timedelta(minutes=settings.duration)
    return Occurrence(
        bookid=reservation.bookid,
        original=start,
        starts_at=start,
        ends_at=end,
        places=settings.places,
    )


def _event_of_occurrence(
    reservation: Reservation, occurrence: Occurrence, around: Surroundings
) -> icalendar.Event:
    """Return the calendar event of one meeting of a series; RECURRENCE-ID names it by the start that the rule gives."""
    event = _event(reservation, occurrence, around)
    event.add("recurrence-id", _local(reservation, occurrence.original))
    return event


def _event(
    reservation: Reservation, occurrence: Occurrence, around: Surroundings
) -> icalendar.Event:
    """Return a calendar event of a reservation, with the time and settings of one of its meetings (`occurrence`)."""
    settings = occurrence.settings or reservation.settings
    link = around.link_of(reservation)
    event = icalendar.Event()
    event.add("uid", f"{reservation.bookid}@{reservation.source_platform}")
    event.add("sequence", reservation.revision)
    event.add("dtstamp", around.now.astimezone(UTC).replace(microsecond=0))
    event.add("dtstart", _local(reservation, occurrence.starts_at))
    event.add("dtend", _local(reservation, occurrence.ends_at))
    event.add("summary", settings.name)
    event.add("status", "CONFIRMED")
    event.add("location", link)
    event.add("url", link)
    event.add("conference", link, parameters={"VALUE": "URI", "FEATURE": "VIDEO"})
    event.add("description", around.describe(reservation, settings))
    return event


def _local(reservation: Reservation, moment: datetime) -> datetime:
    """Return a time on the clock of the reservation's zone. UTC itself is written with Z, other zones with a TZID."""
    return moment.astimezone(UTC if reservation.zone.key == "UTC" else reservation.zone)


def _add_people(
    event: icalendar.Event,
    reservation: Reservation,
    invited: Sequence[Invitee],
    around: Surroundings,
    *,
    answer: bool,
) -> None:
    """Add the organizer and the invited people to a calendar event.

    `answer`: their programs may send answers to the organizer. A booker without an address cannot get answers: then
    the address from which mails come stands for the organizer.
    """
    booker = reservation.booker
    organizer = _address(booker.email or around.sender, booker.name)
    if booker.email:
        organizer.params["SENT-BY"] = icalendar.vCalAddress(f"mailto:{around.sender}")
    event["organizer"] = organizer
    for person in invited:
        if person.email:
            attendee = _address(person.email, person.name)
            attendee.params["ROLE"] = "REQ-PARTICIPANT"
            attendee.params["PARTSTAT"] = "NEEDS-ACTION"
            attendee.params["RSVP"] = "TRUE" if answer and booker.email else "FALSE"
            event.add("attendee", attendee)


def _address(email: str, name: str) -> icalendar.vCalAddress:
    """Return an address of a calendar, with the person's name (CN) if it is known."""
    address = icalendar.vCalAddress(f"mailto:{email}")
    if name:
        # Quotes cannot be escaped in a parameter (RFC 5545 §3.2).
        address.params["CN"] = name.replace('"', "'")
    return address
