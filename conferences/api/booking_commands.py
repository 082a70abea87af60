"""Define functions by which the HTTP API and the console find, make, change and cancel reservations."""

from __future__ import annotations

import re
from collections.abc import Mapping

import orjson
from django.utils.translation import get_language

from conferences.api import commands, stored_commands
from conferences.api.commands import Nack, StartedConference
from conferences.api.request_parsing import given_settings
from conferences.data import reservation_queries
from conferences.data.platform_resolver import platform_of_domain
from conferences.rules.reservation import Reservation
from domains.api.limits import CallLimit
from domains.models import Account
from foundation.bus.message import Message, from_body
from foundation.bus.typed_json import read_as
from foundation.bus.typed_json_words import InvalidValue
from foundation.cells.directory import store_of
from foundation.web.arguments import items, words
from foundation.web.errors import BUSY, Refusal
from wire.conference_manager import CreateConference, Creator
from wire.error_codes import MEANING, Err
from wire.reservations import (
    MAX_GUESTS,
    BookConference,
    CancelBooking,
    ChangeBooking,
    ConferenceBooked,
    Guest,
)


class BookingLimit(CallLimit):
    """The limit of bookings, changes and cancellations of one person: 120 a minute, as each may write 400 rows."""

    name, most, seconds = "bookings", 120, 60


BOOKING_OPENED_EARLY = 5
"""The `create_type` of a create request that opens a booked conference before its start."""
_HTTP_NAMES = {
    "starttime": "start_time",
    "confname": "name",
    "confE164": "conf_id",
    "bookid": "conf_id",
    "maxjoinedmt": "max_join_mt",
    "confpwd": "password",
}
"""Field of a message -> its name in the HTTP API, where they differ."""


def find_reservation(number_or_id: str, account: Account) -> Reservation:
    """Return the live reservation of the account's user domain with this number or id.

    Raises Refusal, which is the same for an unknown one and for one of another domain.
    """
    domain = account.domain_id or ""
    database = store_of(platform_of_domain(domain)).database
    reservation = (
        reservation_queries.find_live_reservation(database, number_or_id) if domain else None
    )
    if reservation is None or reservation.user_domain != domain:
        raise Nack(Err.NOT_FOUND, f"conf_id: {MEANING[Err.NOT_FOUND]}")
    return reservation


def may_write_reservation(reservation: Reservation, account: Account) -> bool:
    """Return whether an account of the domain may change a reservation: as its creator or as an administrator."""
    return account.is_staff or reservation.creator_moid == account.moid


def _refuse_unless_writable(reservation: Reservation, account: Account) -> None:
    """Raise Nack unless the account may change the reservation."""
    if not may_write_reservation(reservation, account):
        words_of_refusal = "only who booked it, and administrators of the domain, may do this"
        raise Nack(Err.NOT_PERMITTED, words_of_refusal)


def book_conference(
    params: Mapping[str, object], account: Account, key: str | None
) -> ConferenceBooked:
    """Book a conference, once or repeatedly, and return its number and id.

    Raises Refusal. `params`: the arguments of the HTTP API. `key`: the caller's key of this request, so that a repeated
    request books no second conference.
    """
    _check_rate(account)
    number = _requested_number(params)
    _check_number(number, account)
    request = BookConference(
        reqid=key,
        user_domain=account.domain_id or "",
        creator=Creator(moid=account.moid, name=str(account)[:64]),
        e164=number,
        starttime=words(params.get("start_time"), "start_time") or None,
        timezone=words(params.get("timezone"), "timezone") or None,
        repeat=words(params.get("repeat"), "repeat") or None,
        guests=_guests(params),
        language=get_language(),
        **given_settings({"name": None, **params}),
    )
    return _ask_scheduler(request)


def change_reservation(
    reservation: Reservation, params: Mapping[str, object], account: Account
) -> ConferenceBooked:
    """Change a reservation, or the one occurrence that the argument `occurrence` names.

    Raises Refusal. `params`: the arguments of the HTTP API; settings that they leave out stay. Returns its number and
    id.
    """
    _refuse_unless_writable(reservation, account)
    _check_rate(account)
    before, number = reservation.settings.mts, _requested_number(params)
    if number != reservation.e164:
        _check_number(number, account)
    request = ChangeBooking(
        user_domain=reservation.user_domain,
        bookid=reservation.bookid,
        occurrence=words(params.get("occurrence"), "occurrence") or None,
        e164=number,
        starttime=words(params.get("start_time"), "start_time") or None,
        timezone=words(params.get("timezone"), "timezone") or None,
        repeat=words(params.get("repeat"), "repeat") if "repeat" in params else None,
        guests=_guests(params),
        language=get_language(),
        **given_settings(params, before),
    )
    return _ask_scheduler(request)


def cancel_reservation(reservation: Reservation, occurrence: str, account: Account) -> None:
    """Cancel a reservation, or one occurrence of it. Raises Refusal.

    `occurrence`: the original start of the occurrence in ISO 8601; "" means all occurrences.
    """
    _refuse_unless_writable(reservation, account)
    _check_rate(account)
    _ask_scheduler(
        CancelBooking(
            user_domain=reservation.user_domain,
            bookid=reservation.bookid,
            occurrence=occurrence or None,
        )
    )


def open_early(reservation: Reservation, account: Account, key: str | None) -> StartedConference:
    """Start the conference of a reservation's next occurrence before its time.

    Raises Refusal. `key`: the caller's key of this request, so that a repeated request starts no second one. Returns
    the started conference.
    """
    _refuse_unless_writable(reservation, account)
    return commands.start_conference(
        CreateConference(
            reqid=key,
            user_domain=reservation.user_domain,
            creator=Creator(moid=account.moid, name=str(account)[:64]),
            name=reservation.settings.name,
            bookid=reservation.bookid,
        )
    )


def _requested_number(params: Mapping[str, object]) -> str | None:
    """Return the conference number in the arguments; `None`: any, or the one that the reservation has.

    Raises Refusal.
    """
    number = words(params.get("conf_id"), "conf_id")
    if number and not re.fullmatch(r"[0-9]{1,16}", number):
        raise Refusal(int(Err.MALFORMED), "conf_id: must be 1 to 16 digits")
    return number or None


def _guests(params: Mapping[str, object]) -> tuple[Guest, ...] | None:
    """Return the guests in the arguments; `None` if these do not contain any list of guests. Raises Refusal."""
    if params.get("guests") is None:
        return None
    try:
        return tuple(read_as(Guest, item) for item in items(params["guests"], "guests", MAX_GUESTS))
    except InvalidValue as error:
        raise Refusal(int(Err.MALFORMED), f"guests: {error}") from None


def _check_rate(account: Account) -> None:
    """Raise Refusal if a person has booked, changed or cancelled too often within a minute."""
    if not BookingLimit().allows(account):
        sentence = f"at most {BookingLimit.most} bookings a minute are taken; wait a little"
        raise Refusal(BUSY, sentence)


def _check_number(number: str | None, account: Account) -> None:
    """Raise Refusal if an account may not choose this number."""
    if number and not stored_commands.may_have_number(number, account):
        sentence = "conf_id: this number is not for conferences of your domain"
        raise Nack(Err.NOT_PERMITTED, sentence)


def _ask_scheduler(command: Message) -> ConferenceBooked:
    """Send a command about a reservation, and return the answer. Raises Refusal, with field names of the HTTP API."""
    try:
        result = commands.ask_scheduler(command)
    except Nack as nack:
        name, colon, explanation = nack.description.partition(":")
        raise Nack(nack.errcode, f"{_HTTP_NAMES.get(name, name)}{colon}{explanation}") from None
    if result.answer is None:
        raise Refusal(int(Err.SERVICE_STOPPED), "the scheduler did not answer; ask again shortly")
    return from_body(ConferenceBooked, orjson.loads(result.answer))
