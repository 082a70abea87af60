"""The API and the console's page use these functions to send commands and wait for the answers."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from conferences.data import queries
from conferences.data.platform_resolver import served_elsewhere
from conferences.rules.states import Conference
from foundation.bus.gateway import Result, gateway
from foundation.bus.message import Message, from_body
from foundation.bus.typed_json import read_as
from foundation.cells.directory import own_platform
from foundation.json_value import JSONObject
from foundation.web.errors import Refusal
from wire.conference_control import ControlOrder
from wire.conference_manager import ConferenceCreated, CreateConference
from wire.error_codes import Err
from wire.fields import InvitedTerminal, Join, Terminal
from wire.http_codes import UNSPECIFIED, http_code

NO_CONFERENCE = 12103
REPORTED_IN = 2.0
"""Seconds within which a unit reports a change that it has acknowledged."""


class Nack(Refusal):
    """A command was understood and refused; `errcode` is the wire's."""

    def __init__(self, errcode: str, detail: str) -> None:
        super().__init__(http_code(errcode), detail)
        self.errcode = errcode


def closed(platform: str = "") -> Refusal | None:
    """Return the refusal if this site does not serve a platform now; `None` if it does.

    An empty platform means the site's own. The refusal names the site that serves, and its address.
    """
    elsewhere = served_elsewhere(platform or own_platform())
    if elsewhere is None:
        return None
    words = f"this platform is served at {elsewhere.url or elsewhere.platform} now"
    serving = {"platformmoid": elsewhere.platform, "url": elsewhere.url}
    return Refusal(int(Err.SERVICE_STOPPED), words, serving=serving)


def own(conf_id: str, domain: str) -> Conference:
    """Return a live conference of a tenant.

    Raises Refusal, the same for another tenant's conference and for none.
    """
    c = queries.live_by_number(conf_id) if conf_id.isdigit() and len(conf_id) <= 16 else None
    if c is None or not domain or c.user_domain != domain:
        raise Refusal(NO_CONFERENCE, "conference does not exist")
    return c


def ask(command: Message) -> Result:
    """Send a command and wait for its answer. Raises Nack."""
    result = gateway().ask(command)
    if result.answer is not None:
        body = orjson.loads(result.answer)
        if body["type"].endswith("_NACK"):
            raise Nack(str(body.get("errcode")), str(body.get("detail") or "refused"))
    return result


def ask_unit(order: ControlOrder) -> JSONObject:
    """Send a control and return the media unit's answer. Raises Nack, and Refusal without an answer."""
    result = ask(order)
    if result.answer is None:
        raise Refusal(20001, "the media unit did not answer")
    answer: JSONObject = orjson.loads(result.answer)
    return answer


def called_terminals(
    conf_id: str, wanted: Sequence[InvitedTerminal], answer: Mapping[str, object]
) -> list[Terminal]:
    """Return the terminals that a unit has called, each with its number in the conference.

    A unit may leave them out of its answer. Then they are those of our own list, which its report completes shortly
    after the answer.
    """
    added = answer.get("mts")
    told = [
        read_as(Terminal, terminal)
        for terminal in (added if isinstance(added, list) else [])
        if isinstance(terminal, dict)
    ]
    if told and all(terminal.mtid for terminal in told):
        return told
    deadline = time.monotonic() + REPORTED_IN
    while True:
        c = queries.live_by_number(conf_id)
        by_account = {terminal.account: terminal for terminal in (c.mts if c else ())}
        found = [by_account[one.account] for one in wanted if one.account in by_account]
        if len(found) == len(wanted) or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


@dataclass(frozen=True, slots=True)
class Started:
    """A conference that was requested; if it does not run within 4 s, its start goes on."""

    e164: str
    confid: str
    running: bool
    join: Join | None


def start(command: CreateConference) -> Started:
    """Request a conference. Raises Nack, and Refusal while the same request is still in progress."""
    result = ask(command)
    if result.answer is not None:
        created = from_body(ConferenceCreated, orjson.loads(result.answer))
        return Started(created.e164, created.confid, True, created.join)
    if result.created_conference is None:
        raise Refusal(UNSPECIFIED, "the same request is still in progress; ask again shortly")
    return Started(*result.created_conference, False, None)
