"""Messages about reservations (booked conferences) between conference managers (CM) and the scheduler (CSS).

`timezone`, `occurrence`, `guests` and `language` are our additions. `occurrence` names one meeting of a reservation
that repeats, by the start that the rule gives it; without it a request is about the whole reservation.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from foundation.bus.message import Message, message
from foundation.bus.typed_json import TypedObject, items, letters, line, text
from foundation.plain_text import EMAIL
from wire.fields import Join, Moid, Moment, ReqId, Text
from wire.optional_settings import OptionalSettings

BookId = Annotated[str, letters("0-9A-Za-z_-", 40, 1)]


MAX_GUESTS = 100
"""A reservation has at most so many guests who are named by their e-mail address."""
Email = Annotated[
    str,
    Meta(max_length=254, pattern=EMAIL, description="e-mail address such as anna@example.org"),
]
Language = Annotated[str, letters("A-Za-z0-9-", 16, 2)]


class Guest(TypedObject):
    """A guest is invited by e-mail. Without `language` the invitation is in that of the person who books."""

    email: Email
    name: Annotated[str, line(128)] | None = None
    language: Language | None = None


Guests = Annotated[tuple[Guest, ...], items(MAX_GUESTS)]


class BookingFields(OptionalSettings):
    """The base of requests that make or change a reservation: settings, start, and the rule of its repetition.

    `starttime`: ISO 8601 with an offset. `repeat`: an RRULE (RFC 5545). `timezone`: the IANA name of the zone in which
    the rule is counted. `guests`: whom to invite by e-mail, besides the people among `mts`. `language`: that of the
    person who books, in which invitations are written.
    """

    starttime: Moment | None = None
    timezone: Annotated[str, text(40, 1)] | None = None
    repeat: Annotated[str, text(300)] | None = None
    guests: Guests | None = None
    language: Language | None = None


@message("CM_MAU_ADDBOOKCONF_REQ", nack="MAU_CM_ADDBOOKCONF_NACK")
class BookConference(BookingFields):
    """A conference manager (CM) books a conference. Without `e164` and `bookid` the scheduler chooses number and id.

    `name` and `starttime` are required. Without `timezone` the rule is counted in UTC.
    """

    bookid: BookId | None = None


@message("CM_MAU_MDFBOOKCONF_REQ", nack="MAU_CM_MDFBOOKCONF_NACK")
class ChangeBooking(BookingFields):
    """A conference manager (CM) changes a reservation, or only the given `occurrence`. Fields that are left out stay.

    `repeat` "" means that the conference is held once.
    """

    bookid: BookId
    occurrence: Moment | None = None


@message("CM_MAU_DELBOOKCONF_REQ", nack="MAU_CM_DELBOOKCONF_NACK")
class CancelBooking(Message):
    """A conference manager (CM) cancels a reservation, or only the given `occurrence`."""

    reqid: ReqId | None = None
    user_domain: Moid = field(name="moid")
    bookid: BookId
    occurrence: Moment | None = None


@message("MAU_CM_ADDBOOKCONF_ACK")
class ConferenceBooked(Message):
    """The scheduler (CSS) answers with id and number of a new reservation."""

    reqid: Text | None = None
    bookid: Text
    e164: Text = field(name="confE164")


@message("MAU_CM_MDFBOOKCONF_ACK")
class BookingChanged(ConferenceBooked):
    """The scheduler (CSS) answers that the reservation is changed."""


@message("MAU_CM_DELBOOKCONF_ACK")
class BookingCancelled(ConferenceBooked):
    """The scheduler (CSS) answers that the reservation, or the given occurrence, is cancelled."""


@message("MAU_CM_ADDBOOKCONF_NACK")
class BookingRefused(Message):
    """The scheduler (CSS) refuses to book a conference; `errcode` and `detail` say why."""

    reqid: Text | None = None
    bookid: Text | None = None
    errcode: Text
    detail: Text | None = None


@message("MAU_CM_MDFBOOKCONF_NACK")
class ChangeRefused(BookingRefused):
    """The scheduler (CSS) refuses to change a reservation, which stays as it was."""


@message("MAU_CM_DELBOOKCONF_NACK")
class CancelRefused(BookingRefused):
    """The scheduler (CSS) refuses to cancel a reservation."""


@message("MAU_CM_CONFSTART_NTF")
class BookingStarted(Message):
    """The scheduler (CSS) tells managers that the conference of a reservation runs; `join` is what a client needs."""

    bookid: Text
    e164: Text = field(name="confE164")
    join: Join | None = None
