"""Functions by which the HTTP API and the console page send commands to the scheduler, and wait for the answer."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from conferences.data import hooks, queries
from conferences.data.platform_resolver import served_elsewhere
from conferences.rules.states import Conference
from foundation.bus.gateway import Result, gateway
from foundation.bus.message import Message, from_body
from foundation.bus.typed_json import read_as
from foundation.cells.directory import own_platform
from foundation.json_value import JSONObject
from foundation.plain_text import cleaned
from foundation.web.errors import Refusal
from wire.conference_control import CallTerminals, ControlOrder
from wire.conference_manager import ConferenceCreated, CreateConference
from wire.error_codes import Err
from wire.fields import InvitedTerminal, Join, Terminal, may_be_number
from wire.http_codes import UNSPECIFIED, http_code
from wire.templates import CreateByTemplate

NO_CONFERENCE = 12103
MAX_REASON_LENGTH = 400
"""Characters of a reason for a refusal that are kept."""
REPORT_WAIT_SECONDS = 2.0
"""Within this time after it has acknowledged an order, a media unit reports the change."""


class Nack(Refusal):
    """A command was refused by a NACK message; `errcode` is the error code of that message."""

    def __init__(self, errcode: str, detail: str) -> None:
        """Take the error code of a NACK message, and the sentence in it."""
        super().__init__(http_code(errcode), detail)
        self.errcode = errcode


def refusal_if_served_elsewhere(platform: str = "") -> Refusal | None:
    """Return a refusal if another site handles a platform's requests (serves it) now; `None` if this site does.

    `platform`: its MOID; "" means the site's own platform. The refusal names the address of the other site.
    """
    elsewhere = served_elsewhere(platform or own_platform())
    if elsewhere is None:
        return None
    description = f"this platform is served at {elsewhere.url or elsewhere.platform} now"
    serving = {"platformmoid": elsewhere.platform, "url": elsewhere.url}
    return Refusal(int(Err.SERVICE_STOPPED), description, serving=serving)


def own_conference(conf_id: str, domain: str) -> Conference:
    """Return the live conference with this number, if it belongs to this user domain.

    `conf_id`: the number (E.164); `domain`: the MOID of the domain. Raises Refusal, which is the same for a conference
    of another domain and for an unused number.
    """
    conference = queries.live_by_number(conf_id) if may_be_number(conf_id) else None
    if conference is None or not domain or conference.user_domain != domain:
        raise Refusal(NO_CONFERENCE, "conference does not exist")
    return conference


def ask_scheduler(command: Message) -> Result:
    """Send a command to the scheduler (CSS), and wait up to 4 s for its answer. Raises Nack if that is a refusal."""
    result = gateway().ask(command)
    if result.answer is not None:
        body = orjson.loads(result.answer)
        if body["type"].endswith("_NACK"):
            raise nack_of(body)
    return result


def nack_of(body: Mapping[str, object]) -> Nack:
    """Return the refusal (`Nack`) that a media unit has answered: its code, and one short line of its reason.

    A unit is another program and may send any text as `detail`; without one the reason is
    "refused".
    """
    detail = cleaned(str(body.get("detail") or "")[:MAX_REASON_LENGTH])
    return Nack(str(body.get("errcode")), detail or "refused")


def ask_unit(order: ControlOrder) -> JSONObject:
    """Send a control order to a media unit, and return its answer. Raises Nack; raises Refusal if no answer comes."""
    result = ask_scheduler(order)
    if result.answer is None:
        raise Refusal(20001, "the media unit did not answer")
    if isinstance(order, CallTerminals):
        _notify_called(order.e164, order.mts)
    answer: JSONObject = orjson.loads(result.answer)
    return answer


def _notify_called(e164: str, terminals: Sequence[InvitedTerminal]) -> None:
    """Notify the apps above this one whom a conference calls, so that clients of these people ring."""
    if terminals:
        hooks.TERMINALS_CALLED.call(e164, [terminal.account for terminal in terminals])


def wait_for_called_terminals(
    conf_id: str, requested: Sequence[InvitedTerminal], answer: Mapping[str, object]
) -> list[Terminal]:
    """Return the terminals that a media unit has called on request, each with its id in the conference.

    `requested`: the terminals that it was asked to call; `answer`: the unit's answer. A unit may
    leave terminals out of it. Then they are taken from the conference, once the unit has reported
    them; after 2 s, those reported until then are returned.
    """
    answered = answer.get("mts")
    terminals = [
        read_as(Terminal, terminal)
        for terminal in (answered if isinstance(answered, list) else [])
        if isinstance(terminal, dict)
    ]
    if terminals and all(terminal.mtid for terminal in terminals):
        return terminals
    deadline = time.monotonic() + REPORT_WAIT_SECONDS
    while True:
        conference = queries.live_by_number(conf_id)
        by_account = {
            terminal.account: terminal for terminal in (conference.mts if conference else ())
        }
        called = [
            by_account[terminal.account] for terminal in requested if terminal.account in by_account
        ]
        if len(called) == len(requested) or time.monotonic() > deadline:
            return called
        time.sleep(0.1)


@dataclass(frozen=True, slots=True)
class StartedConference:
    """Represent a conference whose start was requested.

    `running` is false if it does not run after 4 s; then it starts a little later. `join` says how to enter it.
    """

    e164: str
    confid: str
    running: bool
    join: Join | None


def start_conference(command: CreateConference | CreateByTemplate) -> StartedConference:
    """Send a create request, and return the conference.

    Raises Nack; raises Refusal while the same request is handled.
    """
    result = ask_scheduler(command)
    if result.answer is not None:
        created = from_body(ConferenceCreated, orjson.loads(result.answer))
        if isinstance(command, CreateConference):
            # Their clients ring; what a template calls, the scheduler itself has notified.
            _notify_called(created.e164, command.mts)
        return StartedConference(created.e164, created.confid, True, created.join)
    # The request came before, with the same key: there is no new answer.
    if result.created_conference is None:
        raise Refusal(UNSPECIFIED, "the same request is still in progress; ask again shortly")
    return StartedConference(*result.created_conference, False, None)
