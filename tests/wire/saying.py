"""Many tests share these checks of messages on the wire."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.wire.actors import Manager, MediaUnit
from tests.wire.line import PATIENCE, Body, ReceivedMessage

MOST_BYTES = 256 * 1024
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")


def moment(text: str) -> datetime:
    """Return a time of the wire: ISO 8601 in UTC, whole seconds, `+00:00`."""
    assert _TIME.fullmatch(text), text
    return datetime.fromisoformat(text)


def minutes_from_now(minutes: float, text: str) -> bool:
    """Tell whether a moment lies about so many minutes from now."""
    return abs(moment(text) - datetime.now(UTC) - timedelta(minutes=minutes)) < timedelta(
        seconds=40
    )


def is_well_formed(message: ReceivedMessage, app_id: str) -> None:
    """Assert the properties and the size that every message has."""
    properties = message.properties
    assert properties.content_type == "application/json"
    assert properties.delivery_mode == 2
    assert properties.message_id
    assert properties.app_id == app_id
    assert abs(properties.timestamp - datetime.now(UTC).timestamp()) < 60
    assert len(message.raw) <= MOST_BYTES
    message.raw.decode("utf-8")


def start(cm: Manager, unit: MediaUnit, **fields: Any) -> Body:
    """Return a conference that runs on this unit: the ACK, and the incarnation that it has."""
    request = cm.asks_to_create(**fields)
    wanted: Body = {k: v for k, v in fields.items() if k == "confE164"}
    cm.line.wait(
        lambda: unit.has_heard("MAU_MCU_CREATECONF_REQ", **wanted) or cm.answers(request) or None,
        PATIENCE,
        lambda: f"an order to the unit or an answer to {request.body}; the unit heard {unit.heard}",
    )
    assert not cm.answers(request), f"refused: {cm.answer(request).body}"
    order = unit.takes(**wanted)
    ack = cm.answer(request)
    assert ack["type"] == "MAU_CM_CREATECONF_ACK", ack.body
    return {**ack.body, "incarnation": order["incarnation"]}


def held(conf: Body, **fields: object) -> Body:
    """Return a conference as a unit lists it."""
    entry = {"confE164": conf["confE164"], "incarnation": conf["incarnation"]}
    return {**entry, "confname": conf["confname"], "mts": [], **fields}


def member(number: int, **fields: object) -> Body:
    """Return a member of a conference as a unit lists it."""
    usual = {"mtid": f"m{number}", "account": f"88{number}", "name": f"Member {number}"}
    state = {"type": "e164", "online": 1, "mute": 0, "silence": 0}
    return {**usual, **state, **fields}
