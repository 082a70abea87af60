"""The rules that say who is told of a changed reservation: client applications by events, its creator by a notice.

An event (HTTP API §5.2) names what has changed; the client application reads it again by `GET /api/v1/mc` followed by
the channel.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import orjson

from conferences.rules.events import DELETE, UPDATE
from conferences.rules.reservation import BookingNews, Happened
from domains.rules.personal_notices import PersonalNotice
from foundation.bus.outgoing import Event
from wire.http_codes import http_code


def events_of(news: BookingNews) -> Iterator[Event]:
    """Yield the events for client applications: a reservation changed or ended, or an occurrence begins or failed."""
    happened, reservation, occurrence = news
    channel, domain = f"/booked_confs/{reservation.bookid}", reservation.user_domain
    if occurrence is not None and happened in (Happened.STARTING, Happened.FAILED):
        details: dict[str, str | int] = {
            "conf_id": reservation.e164,
            "start_time": _text(occurrence.starts_at),
        }
        if happened is Happened.FAILED:
            details["error_code"] = http_code(occurrence.last_code)
        body = orjson.dumps({"method": "notify", "what": happened.value, **details})
        yield Event(domain, channel, body)
    is_gone = occurrence is None and happened in (Happened.CANCELLED, Happened.OVER)
    yield Event(domain, channel, DELETE if is_gone else UPDATE)


def notice_of(news: BookingNews) -> PersonalNotice | None:
    """Return the notice about a reservation to the account that booked it.

    `None`: no account did, or only its regular end is to be told.
    """
    happened, reservation, occurrence = news
    if not reservation.creator_moid or happened is Happened.OVER:
        return None
    settings = (occurrence and occurrence.settings) or reservation.settings
    data = {
        "change": happened.value,
        "bookid": reservation.bookid,
        "confE164": reservation.e164,
        "confname": settings.name,
        "starttime": _text(occurrence.starts_at if occurrence else reservation.starts_at),
    }
    if occurrence is not None:
        data["occurrence"] = _text(occurrence.original)
        if happened is Happened.FAILED:
            data["errcode"] = occurrence.last_code
    return PersonalNotice(reservation.creator_moid, "booking", data)


def _text(moment: datetime) -> str:
    """Return a time in ISO 8601, in whole seconds, for an event or a notice."""
    return moment.isoformat(timespec="seconds")
