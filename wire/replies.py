"""Replies: the NACK that refuses a request, and the route of an answer whose request named no queue."""

from __future__ import annotations

import re
from typing import Any

from foundation.bus.message import TYPES, Message, Raw
from wire.routes import Routes, unit_key

_DEFAULT_ROUTES = {
    Routes.CM_TO_CSS.value.queue: Routes.CSS_TO_CM,
    Routes.CM_TO_UNIT.value.queue: Routes.STATE_TO_CM,
    Routes.TO_RMS.value.queue: Routes.RMS_TO_CSS,
}
"""The route of an answer, by the queue on which its request came."""


def nack_type(wire_type: str) -> str:
    """Return the type of a request's NACK, or "" where none can be made."""
    if kind := TYPES.get(wire_type):
        return kind.nack
    if control := re.fullmatch(r"CM_MCU_([A-Z0-9_]{1,40})_REQ", wire_type):
        return f"MCU_CM_{control[1]}_NACK"
    if unknown := re.fullmatch(r"([A-Z]{2,8})_([A-Z]{2,8})_([A-Z0-9_]{1,48})_REQ", wire_type):
        return f"{unknown[2]}_{unknown[1]}_{unknown[3]}_NACK"
    return ""


def refusal(body: dict[str, Any], errcode: str, detail: str) -> Message | None:
    """Return the NACK of an unreadable, unknown, late or repeated request. `None`: none can be made."""
    wire_type = nack_type(body["type"])
    if not wire_type:
        return None
    echo = {
        name: body[name]
        for name in ("reqid", "confE164")
        if isinstance(body.get(name), str) and len(body[name]) <= 64
    }
    return Raw({"type": wire_type, **echo, "errcode": errcode, "detail": detail})


def default_reply_route(queue: str, app_id: str, body: dict[str, Any]) -> tuple[Routes, str] | None:
    """Return route and key of an answer whose request named no queue; the key "" means the route's own.

    A media unit is answered at the address that its request gives, or else its `app_id`.
    """
    if route := _DEFAULT_ROUTES.get(queue):
        return route, ""
    if queue == Routes.UNIT_TO_CSS.value.queue:
        ip = body.get("ip") or app_id.partition("@")[2]
        pid = body.get("pid") or ""
        if isinstance(ip, str) and ip and isinstance(pid, str):
            return Routes.CSS_TO_UNIT, unit_key(ip, pid)
    return None
