"""The protocol of this platform, in the form in which the bus asks for it."""

from __future__ import annotations

import re
from typing import Any

from foundation.bus.message import Message
from foundation.bus.protocol import WireProtocol
from wire import replies
from wire.error_codes import MEANING, Err
from wire.routes import DEAD_QUEUE, Routes, pms_queue

_REQUEST = re.compile(r"_(REQ|CMD)$")

_RESOURCE_ANSWERS = ("GET_RES_ACK", "GET_RES_NACK")

_SENT_BY_CSS = ("CM_MAU_DELAYCONF_ACK", "CM_MAU_DELAYCONF_NACK", "CM_MAU_CONFDURATION_NTF")
"""Types that the CSS sends, although the sources print them with the name of the CM as their sender."""

_READERS = {
    "CM": "CM",
    "MAU": "CM",
    "CMU": "the unit",
    "MCU": "the unit",
    "RES": "RMS",
    "RMS": "RMS",
    "NODE": "RMS",
    "UPU": "UPU",
    "BMC": "BMC",
    "MS": "MS",
}
"""The reader of a type without a handler here, by the second word of the type. `MAU` occurs in `_SENT_BY_CSS` alone."""


class PlatformProtocol(WireProtocol):
    """Messages between conference managers, CSS, media units and the modules around them."""

    routes = tuple(route.value for route in Routes)
    dead_letter_queue = DEAD_QUEUE
    sender_role = "css"
    local_exchanges = frozenset({Routes.CSS_TO_UNIT.value.exchange})
    passed_on_prefix = "CM_MCU_"
    identifying_fields = ("type", "reqid", "confE164", "ip", "pid")
    malformed = Err.MALFORMED.value
    service_stopped = Err.SERVICE_STOPPED.value
    no_answer = Err.UNIT_SILENT.value
    no_answer_detail = MEANING[Err.UNIT_SILENT]
    resumed_flows = ("create", "restore")

    def queues_of(self, platform: str) -> tuple[str, ...]:
        """Return the queue on which a platform's PMS is asked."""
        return (pms_queue(platform),)

    def request_scope(self, body: dict[str, Any]) -> str | None:
        """Return the number or the domain that a request is about. `None` means: not a request."""
        if not _REQUEST.search(body["type"]):
            return None
        return str(body.get("confE164") or body.get("moid") or "")

    def subject_of(self, body: dict[str, Any]) -> str:
        """Return the number of the conference that a request is about, or ""."""
        return str(body.get("confE164") or "")

    def refusal(self, body: dict[str, Any], errcode: str, detail: str) -> Message | None:
        """Return the NACK of a request. `None` means that none can be made."""
        return replies.refusal(body, errcode, detail)

    def default_reply_route(
        self, queue: str, app_id: str, body: dict[str, Any]
    ) -> tuple[str, str] | None:
        """Return exchange and key of an answer whose request named no place. `None` means nowhere."""
        if (route_and_key := replies.default_reply_route(queue, app_id, body)) is None:
            return None
        route, key = route_and_key
        return route.value.exchange, key or route.value.key

    def comes_in(self, wire_type: str) -> bool:
        """Return whether others send this type to a role of ours, as the rule of names says."""
        if wire_type.startswith(_RESOURCE_ANSWERS) or wire_type in _SENT_BY_CSS:
            return False
        sender, _, rest = wire_type.partition("_")
        return sender not in ("MAU", "CSS") and rest.startswith(("MAU_", "CSS_"))

    def is_resumed(self, wire_type: str) -> bool:
        """Return whether this is an answer of the RMS, with which the flow that asked goes on."""
        return wire_type in _RESOURCE_ANSWERS

    def reader_of(self, wire_type: str) -> str:
        """Return the party that reads a type which has no handler here."""
        return _READERS.get(wire_type.split("_")[1], "whoever listens")


PROTOCOL: WireProtocol = PlatformProtocol()
"""The protocol that the project gives to the bus."""
