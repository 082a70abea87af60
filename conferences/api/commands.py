"""A command handed in over HTTP, and its answer: what the API and the console's page share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from conferences.data import queries
from conferences.data.platform_resolver import served_elsewhere
from conferences.rules.states import Conference
from foundation.bus.gateway import Result, gateway
from foundation.bus.message import Message, from_body
from foundation.cells.directory import own_platform
from foundation.web.errors import Refusal
from wire.conference_control import ControlOrder
from wire.conference_manager import ConferenceCreated, CreateConference
from wire.error_codes import Err
from wire.fields import Join
from wire.http_codes import UNSPECIFIED, http_code

NO_CONFERENCE = 12103


class Nack(Refusal):
    """The command was understood and refused; `errcode` is the wire's."""

    def __init__(self, errcode: str, detail: str) -> None:
        super().__init__(http_code(errcode), detail)
        self.errcode = errcode


def closed(platform: str = "") -> Refusal | None:
    """The refusal of a site that does not serve a platform (empty: its own) now: who does, and where."""
    elsewhere = served_elsewhere(platform or own_platform())
    if elsewhere is None:
        return None
    words = f"this platform is served at {elsewhere.url or elsewhere.platform} now"
    serving = {"platformmoid": elsewhere.platform, "url": elsewhere.url}
    return Refusal(int(Err.SERVICE_STOPPED), words, serving=serving)


def own(conf_id: str, domain: str) -> Conference:
    """A live conference of this tenant. Another's is as unknown as none. Raises Refusal."""
    c = queries.live_by_number(conf_id) if conf_id.isdigit() and len(conf_id) <= 16 else None
    if c is None or not domain or c.user_domain != domain:
        raise Refusal(NO_CONFERENCE, "conference does not exist")
    return c


def ask(command: Message) -> Result:
    """Hand a command in, and wait for its answer. Raises Nack."""
    result = gateway().ask(command)
    if result.answer is not None:
        said = orjson.loads(result.answer)
        if said["type"].endswith("_NACK"):
            raise Nack(str(said.get("errcode")), str(said.get("detail") or "refused"))
    return result


def ask_unit(order: ControlOrder) -> dict[str, Any]:
    """Hand a control in; what the media unit says. Raises Nack, and Refusal where it is silent."""
    result = ask(order)
    if result.answer is None:
        raise Refusal(20001, "the media unit did not answer")
    said: dict[str, Any] = orjson.loads(result.answer)
    return said


@dataclass(frozen=True, slots=True)
class Started:
    """A conference that was asked for; without an outcome in 4 s it is not running yet, and goes on."""

    e164: str
    confid: str
    running: bool
    join: Join | None


def start(command: CreateConference) -> Started:
    """Ask for a conference. Raises Nack, and Refusal while the very same request is on its way."""
    result = ask(command)
    if result.answer is not None:
        created = from_body(ConferenceCreated, orjson.loads(result.answer))
        return Started(created.e164, created.confid, True, created.join)
    if result.created_conference is None:
        raise Refusal(UNSPECIFIED, "the same request is still in progress; ask again shortly")
    return Started(*result.created_conference, False, None)
