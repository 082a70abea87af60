"""Programs and the creator are told what becomes of a reservation, each date once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson

from conferences.flows.occurrences import handle_due
from foundation.bus.message import loads
from tests.factories import NOW, book, hear, memory_unit_of_work, unit_accepts
from tests.memory import MemoryUnitOfWork
from wire.routes import Routes

HOUR = timedelta(hours=1)


def _ask(uow: MemoryUnitOfWork, kind: str, **fields: Any) -> None:
    body = {"type": f"CM_MAU_{kind}BOOKCONF_REQ", "reqid": f"n-{len(uow.inbox)}", "moid": "u1"}
    hear(uow, {**body, **fields}, Routes.CM_TO_CSS)
    assert loads(uow.outgoing[0].body)["type"].endswith("_ACK")


def _tick(uow: MemoryUnitOfWork, later: timedelta) -> None:
    uow.begin(NOW + later)
    for reservation, date in uow.reservations.due(uow.now):
        handle_due(uow, reservation, date)


def _told(uow: MemoryUnitOfWork) -> tuple[list[str], list[str]]:
    """Return what the last transaction tells the person, and the programs that listen to the reservation."""
    bodies = [orjson.loads(e.body) for e in uow.events if e.channel.startswith("/booked_confs/")]
    people = [notice.data["change"] for notice in uow.reservations.notices]
    return people, [body.get("what") or body["method"] for body in bodies]


def test_a_reservation_is_told_of_from_its_booking_to_its_cancellation() -> None:
    uow = memory_unit_of_work()
    answer = book(uow, repeat="FREQ=DAILY;COUNT=3")
    bookid, number = answer["bookid"], answer["confE164"]
    assert _told(uow) == (["created"], ["update"])
    [notice] = uow.reservations.notices
    assert (notice.account, notice.what) == ("p1", "booking")
    assert notice.data["confE164"] == number
    assert uow.events[0].channel == f"/booked_confs/{bookid}"
    second = (NOW + HOUR + timedelta(days=1)).isoformat()
    _ask(uow, "MDF", bookid=bookid, confname="Board")
    assert _told(uow) == (["changed"], ["update"])
    _ask(uow, "DEL", bookid=bookid, occurrence=second)
    assert _told(uow) == (["cancelled"], ["update"])
    assert uow.reservations.notices[0].data["occurrence"] == second
    _tick(uow, HOUR)
    assert _told(uow) == (["starting"], ["starting", "update"])
    unit_accepts(uow, number)
    _ask(uow, "DEL", bookid=bookid)
    assert _told(uow) == (["cancelled"], ["delete"])


def test_a_date_that_is_tried_again_begins_once_for_its_creator_and_its_failure_is_told() -> None:
    uow = memory_unit_of_work()
    answer = book(uow)
    _tick(uow, HOUR)
    assert _told(uow)[0] == ["starting"]
    unit_accepts(uow, answer["confE164"], no_unit=True)
    _tick(uow, HOUR + timedelta(seconds=11))
    assert answer["confE164"] in uow.live
    assert _told(uow) == ([], [])
    unit_accepts(uow, answer["confE164"], no_unit=True)
    _tick(uow, HOUR + timedelta(minutes=10))
    assert _told(uow) == (["failed"], ["failed", "update", "delete"])
    assert uow.reservations.notices[0].data["errcode"] == "29502"


def test_nobody_is_told_where_no_person_has_booked() -> None:
    uow = memory_unit_of_work()
    book(uow, creator=None)
    assert _told(uow) == ([], ["update"])
