"""All dates of a series move to another time, but those that were changed, cancelled or held singly."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from conferences.flows.occurrences import handle_due
from conferences.rules.booking import moved_start
from conferences.rules.reservation import OccurrenceState
from foundation.bus.message import loads
from tests.factories import NOW, book, hear, memory_unit_of_work, unit_accepts
from tests.memory import MemoryUnitOfWork
from wire.routes import Routes

_S = OccurrenceState
HOUR = timedelta(hours=1)


def _ask(uow: MemoryUnitOfWork, kind: str, **fields: Any) -> dict[str, Any]:
    """Send a request about a reservation of tenant `u1`, and return its answer."""
    usual = {"type": f"CM_MAU_{kind}BOOKCONF_REQ", "reqid": f"ask-{len(uow.inbox)}", "moid": "u1"}
    hear(uow, {**usual, **fields}, Routes.CM_TO_CSS)
    return loads(uow.outgoing[0].body)


def test_all_dates_move_to_another_time_but_those_that_were_changed_or_held_singly() -> None:
    uow = memory_unit_of_work()
    answer = book(uow, repeat="FREQ=DAILY;COUNT=5")
    number, bookid = answer["confE164"], answer["bookid"]
    second, third, fourth = (f"2030-01-0{day}T13:00:00Z" for day in (2, 3, 4))
    _ask(uow, "MDF", bookid=bookid, occurrence=second, starttime="2030-01-02T18:00:00Z")
    _ask(uow, "DEL", bookid=bookid, occurrence=third)
    _ask(uow, "MDF", bookid=bookid, occurrence=fourth, starttime=fourth, confname="Special")
    uow.begin(NOW + HOUR)
    for reservation, date in uow.reservations.due(uow.now):
        handle_due(uow, reservation, date)
    unit_accepts(uow, number)
    moved = _ask(uow, "MDF", bookid=bookid, starttime="2030-01-01T16:30:00Z")
    assert moved["type"] == "MAU_CM_MDFBOOKCONF_ACK"
    dates = uow.reservations.occurrences_of(bookid)
    open_dates = [
        (f"{d.starts_at:%d %H:%M}", d.state) for d in dates if d.state is not _S.CANCELLED
    ]
    assert open_dates == [
        ("01 13:00", _S.BEGUN),
        ("02 18:00", _S.PLANNED),
        ("04 16:30", _S.PLANNED),
        ("05 16:30", _S.PLANNED),
    ]
    names = {d.original.day: d.settings.name for d in dates if d.settings}
    assert names == {4: "Special"}


def test_a_series_moves_by_the_clock_of_its_zone_through_a_change_of_clocks() -> None:
    zone = {"timezone": "Europe/Berlin", "repeat": "FREQ=WEEKLY;COUNT=3"}
    uow = memory_unit_of_work()
    answer = book(uow, starttime="2030-03-20T09:00:00+01:00", **zone)
    reservation = uow.reservations.books[answer["bookid"]]
    last = datetime.fromisoformat("2030-04-03T09:00:00+02:00")
    start = moved_start(reservation, last, last + timedelta(hours=2))
    assert start == datetime.fromisoformat("2030-03-20T11:00:00+01:00")
    _ask(uow, "MDF", bookid=answer["bookid"], starttime=start.isoformat(), **zone)
    dates = uow.reservations.occurrences_of(answer["bookid"])
    assert [f"{d.starts_at:%d %H}" for d in dates] == ["20 10", "27 10", "03 09"]
