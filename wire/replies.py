"""Requests are answered by these rules: the NACK that refuses one, and the route without `reply_to`."""

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
"""The route of the answer to a request without `reply_to`, by the queue on which the request came."""


def nack_type(wire_type: str) -> str:
    """Return the type of the NACK (negative answer) that refuses a request of this type; "" if there is none."""
    if message_class := TYPES.get(wire_type):
        return message_class.nack
    if control := re.fullmatch(r"CM_MCU_([A-Z0-9_]{1,40})_REQ", wire_type):
        return f"MCU_CM_{control[1]}_NACK"
    if unknown := re.fullmatch(r"([A-Z]{2,8})_([A-Z]{2,8})_([A-Z0-9_]{1,48})_REQ", wire_type):
        return f"{unknown[2]}_{unknown[1]}_{unknown[3]}_NACK"
    return ""


def refusal(body: dict[str, Any], errcode: str, detail: str) -> Message | None:
    """Return the NACK that refuses a request (`body`: its JSON), with code and reason; `None` if its type has none."""
    wire_type = nack_type(body["type"])
    if not wire_type:
        return None
    repeated_fields = {
        name: body[name]
        for name in ("reqid", "confE164")
        if isinstance(body.get(name), str) and len(body[name]) <= 64
    }
    return Raw({"type": wire_type, **repeated_fields, "errcode": errcode, "detail": detail})


def default_reply_route(queue: str, app_id: str, body: dict[str, Any]) -> tuple[Routes, str] | None:
    """Return route and routing key for the answer to a request without `reply_to`; `None`: it is not sent.

    `queue` is where the request came, `app_id` its sender (`role@address`). The key "" means the route's own. A media
    unit is answered at the address in its request, else in `app_id`.
    """
    if route := _DEFAULT_ROUTES.get(queue):
        return route, ""
    if queue == Routes.UNIT_TO_CSS.value.queue:
        ip = body.get("ip") or app_id.partition("@")[2]
        pid = body.get("pid") or ""
        if isinstance(ip, str) and ip and isinstance(pid, str):
            return Routes.CSS_TO_UNIT, unit_key(ip, pid)
    return None
