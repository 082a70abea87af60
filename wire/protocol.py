"""The facts of our message protocol that the message library (`foundation.bus`) has to know."""

from __future__ import annotations

import re
from typing import Any

from foundation.bus.message import Message
from foundation.bus.protocol import WireProtocol
from wire import replies
from wire.error_codes import MEANING, Err
from wire.http_codes import HTTP_STATUSES
from wire.routes import DEAD_QUEUE, LIMITS, Routes, pms_queue

_REQUEST = re.compile(r"_(REQ|CMD)$")

_RESOURCE_ANSWERS = ("GET_RES_ACK", "GET_RES_NACK")

_SENT_BY_CSS = ("CM_MAU_DELAYCONF_ACK", "CM_MAU_DELAYCONF_NACK", "CM_MAU_CONFDURATION_NTF")
"""Types that the scheduler (CSS) sends, although their names begin with CM, as in the specification."""

_READER_BY_WORD = {
    "CM": "CM",
    "MAU": "CM",
    "CMU": "the unit",
    "MCU": "the unit",
    "RES": "RMS",
    "RMS": "RMS",
    "NODE": "RMS",
    "UPU": "UPU",
    "GW": "the gateway",
    "APS": "the gate of telephones",
    "BMC": "BMC",
    "MS": "MS",
    "NGI": "NGI",
    "NMS": "NMS",
}
"""The readers of message types that we do not handle, by the second word. `MAU` is for `_SENT_BY_CSS` only."""


class PlatformProtocol(WireProtocol):
    """The protocol between conference managers (CM), scheduler (CSS), media units (CMU) and other modules."""

    routes = tuple(route.value for route in Routes)
    dead_letter_queue = DEAD_QUEUE
    limits = LIMITS
    sender_role = "css"
    local_exchanges = frozenset({Routes.CSS_TO_UNIT.value.exchange, Routes.TO_GATES.value.exchange})
    site_exchanges = frozenset({Routes.TO_UPU.value.exchange})
    passed_on_prefix = "CM_MCU_"
    identifying_fields = ("type", "reqid", "confE164", "ip", "pid")
    malformed = Err.MALFORMED.value
    service_stopped = Err.SERVICE_STOPPED.value
    no_answer = Err.UNIT_SILENT.value
    no_answer_detail = MEANING[Err.UNIT_SILENT]
    http_statuses = HTTP_STATUSES
    resumed_flows = ("create", "restore", "record")

    def queues_of(self, platform: str) -> tuple[str, ...]:
        """Return the names of those queues that exist once for each platform: one, of requests to its monitor (PMS)."""
        return (pms_queue(platform),)

    def request_scope(self, body: dict[str, Any]) -> str | None:
        """Return the number or domain that a request (`body`: its JSON) is about, or ""; `None`: it is no request."""
        if not _REQUEST.search(body["type"]):
            return None
        return str(body.get("confE164") or body.get("moid") or "")

    def subject_of(self, body: dict[str, Any]) -> str:
        """Return the number of the conference that a message is about, or ""."""
        return str(body.get("confE164") or "")

    def refusal(self, body: dict[str, Any], errcode: str, detail: str) -> Message | None:
        """Return the NACK that refuses a request; `None` if its type has no NACK."""
        return replies.refusal(body, errcode, detail)

    def default_reply_route(
        self, queue: str, app_id: str, body: dict[str, Any]
    ) -> tuple[str, str] | None:
        """Return exchange and routing key for the answer to a request without `reply_to`; `None`: it is not sent."""
        if (route_and_key := replies.default_reply_route(queue, app_id, body)) is None:
            return None
        route, key = route_and_key
        return route.value.exchange, key or route.value.key

    def is_sent_to_us(self, wire_type: str) -> bool:
        """Return whether other parties send us messages of this type, whose name is `<sender>_<receiver>_<content>`.

        `CM_MAU_CREATECONF_REQ` is one. In such names we are `MAU` or `CSS` (both mean the scheduler), or `NPP` in
        messages from a neighbouring system (NGI).
        """
        if wire_type in _SENT_BY_CSS:
            return False
        sender, _, receiver_and_content = wire_type.partition("_")
        own_names = ("MAU_", "CSS_", "NPP_")
        return sender not in ("MAU", "CSS") and receiver_and_content.startswith(own_names)

    def is_resumed(self, wire_type: str) -> bool:
        """Return whether this type is an answer of the resource manager (RMS), with which a waiting flow goes on."""
        return wire_type in _RESOURCE_ANSWERS

    def reader_of(self, wire_type: str) -> str:
        """Return who receives messages of a type that this software only sends, in words for docs/messages.md."""
        return _READER_BY_WORD.get(wire_type.split("_")[1], "whoever listens")


PROTOCOL: WireProtocol = PlatformProtocol()
"""The protocol that the project gives to the bus."""
