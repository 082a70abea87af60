"""A conference is booked, starts by itself at its time, is moved and cancelled: the messages, field by field."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.wire.actors import TENANT, TO_UPU, Manager, MediaUnit
from tests.wire.conftest import Taps
from tests.wire.line import ReceivedMessage
from tests.wire.saying import minutes_from_now

pytestmark = pytest.mark.xdist_group("wire")


def _in(**length: float) -> str:
    return (datetime.now(UTC) + timedelta(**length)).isoformat(timespec="seconds")


def _books(cm: Manager, **fields: Any) -> ReceivedMessage:
    usual = {"moid": TENANT, "creator": {"moid": "a1", "name": "Anna"}, "confname": "Board"}
    return cm.ask("CM_MAU_ADDBOOKCONF_REQ", **{**usual, "starttime": _in(days=1), **fields})


def _cancels(cm: Manager, booked: ReceivedMessage) -> ReceivedMessage:
    return cm.ask("CM_MAU_DELBOOKCONF_REQ", moid=TENANT, bookid=booked["bookid"])


def test_a_booked_conference_starts_by_itself_at_its_time(
    cm: Manager, unit: MediaUnit, tap: Taps, platform: str
) -> None:
    registry = tap(TO_UPU)
    booked = _books(cm, starttime=_in(seconds=1), duration=60, confpwd="secret", maxjoinedmt=32)
    assert booked.body.keys() == {"type", "reqid", "bookid", "confE164"}
    number = booked["confE164"]
    entry = registry.hears("CSS_UPU_ADDCONF_NTF", confE164=number)
    assert (entry["conftype"], entry["state"]) == (2, "booked")
    assert (entry["platformmoid"], entry["userdomainmoid"]) == (platform, TENANT)
    order = unit.takes(confE164=number)
    assert (order["confname"], order["confpwd"], order["maxjoinedmt"]) == ("Board", "secret", 32)
    assert minutes_from_now(60, order["endtime"])
    started = cm.hears("MAU_CM_CONFSTART_NTF", confE164=number)
    assert started["bookid"] == booked["bookid"]
    assert started["join"] == unit.join(number)
    running = registry.hears("CSS_UPU_ADDCONF_NTF", confE164=number, state="running")
    assert running["conftype"] == 2
    [listed] = [c for c in cm.lists(TENANT)["confs"] if c["confE164"] == number]
    assert listed["conftype"] == 2
    assert cm.release(number)["type"] == "MAU_CM_RELEASECONF_ACK"
    assert _cancels(cm, booked)["type"] == "MAU_CM_DELBOOKCONF_ACK"
    registry.hears("CSS_UPU_DELCONF_NTF", confE164=number, state="booked")


def test_a_reservation_is_moved_and_opened_early(cm: Manager, unit: MediaUnit) -> None:
    booked = _books(cm, duration=30)
    bookid = booked["bookid"]
    moved = cm.ask("CM_MAU_MDFBOOKCONF_REQ", moid=TENANT, bookid=bookid, starttime=_in(hours=1))
    assert moved["type"] == "MAU_CM_MDFBOOKCONF_ACK"
    assert (moved["bookid"], moved["confE164"]) == (bookid, booked["confE164"])
    early = cm.asks_to_create(bookid=bookid)
    order = unit.takes(confE164=booked["confE164"])
    assert minutes_from_now(90, order["endtime"])
    assert cm.answer(early)["type"] == "MAU_CM_CREATECONF_ACK"
    _cancels(cm, booked)


def test_what_is_kept_is_refused_to_others_and_what_cannot_be_is_refused_in_words(
    cm: Manager,
) -> None:
    booked = _books(cm, confE164="4711000", bookid="mine-1")
    assert (booked["confE164"], booked["bookid"]) == ("4711000", "mine-1")
    cm.is_refused("29009", cm.asks_to_create(confE164="4711000"))
    taken = _books(cm, confE164="4711000")
    assert (taken["type"], taken["errcode"]) == ("MAU_CM_ADDBOOKCONF_NACK", "29009")
    assert _books(cm, bookid="mine-1")["errcode"] == "29019"
    wrong = _books(cm, repeat="FREQ=SECONDLY")
    assert (wrong["errcode"], wrong["detail"].partition(":")[0]) == ("29001", "repeat")
    other = cm.ask("CM_MAU_DELBOOKCONF_REQ", moid="elsewhere", bookid="mine-1")
    assert other["errcode"] == "29020"
    assert _cancels(cm, booked)["type"] == "MAU_CM_DELBOOKCONF_ACK"
    assert _cancels(cm, booked)["errcode"] == "29018"
