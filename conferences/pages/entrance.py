"""The entrance to a conference by its join page: who may enter now gets the address of the media unit, and a pass.

A pass is signed, and proves that the visitor was let in.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse, JsonResponse

from conferences.api import commands
from conferences.data import attendees, lobby, poll_rows, shared_document_rows
from conferences.data.join_info import JoinInfo
from conferences.data.join_passes import (
    Pass,
    pass_of,
    random_visitor,
    signed_pass,
    visitor_of,
)
from conferences.pages.failover_urls import is_page_of_other_site, site_urls_of
from conferences.rules.admission import Entry, asks_for_consent, decide_entry, is_kept_out
from conferences.rules.chairs import Role, role_of
from conferences.rules.lobby import Lobby
from domains.data import hooks
from foundation.bus.typed_json import to_json
from foundation.cells.directory import store_of
from foundation.plain_text import cleaned
from foundation.web.audit import counted_address_of
from foundation.web.errors import Refusal
from wire.arrangement import MOST_CO_CHAIRS
from wire.conference_control import Arrange
from wire.visitor_token import visitor_token

MOST_CHARACTERS_OF_NAME = 48


def let_in(request: HttpRequest, conference: JoinInfo, answer: dict[str, object]) -> HttpResponse:
    """Answer a visitor of the join page: how to enter the conference, with `visitor` and `pass`, or why not now.

    `answer`: what is sent if the visitor may enter. Else `entry` says why not: "locked", "removed", "recorded" (the
    form lacks `recorded=agreed`), or what the lobby says ("waiting", "refused", "full", "late"), without `join`, so
    without secrets of the media unit. An account of the user domain is added to chat and attendees.
    """
    earlier = valid_pass(request, conference)
    account = _account_of(request, conference) or (earlier.account if earlier else "")
    browser = request.POST.get("browser", "")
    visitor = earlier.visitor if earlier else visitor_of(conference.confid, browser)
    entry: Entry | Lobby = decide_entry(
        conference.arrangement,
        visitor,
        was_let_in=earlier is not None,
        is_of_tenant=bool(account),
        is_creator=bool(account) and account == conference.creator_moid,
    )
    is_asked = asks_for_consent(
        conference.arrangement,
        has_agreed=request.POST.get("recorded") == "agreed",
        enters="entering" in request.GET,
        was_let_in=earlier is not None,
    )
    if is_asked and entry in (Entry.OPEN, Entry.WAITING):
        entry = Entry.RECORDED
    if entry is Entry.WAITING:
        name = cleaned(request.POST.get("name", ""))[:MOST_CHARACTERS_OF_NAME]
        entry = _answer_in_lobby(conference, visitor, name, counted_address_of(request) or "")
    if entry is not Entry.OPEN:
        refusal = {"state": conference.state, "name": conference.name, "entry": entry}
        return JsonResponse(refusal)
    if account:
        hooks.PERSON_JOINED.call(conference.confid, account)
        if earlier is None or earlier.account != account:
            attendees.record_entry(conference.platform, conference.confid, account, visitor)
    answer["join"] = _join_of_visitor(conference, visitor or random_visitor())
    if visitor:
        granted = Pass(conference.confid, visitor, account)
        answer |= {"visitor": visitor, "pass": signed_pass(granted)}
        answer |= news_for_insiders(conference)
        answer |= _facts_for_steering(conference, granted)
        answer |= facts_about_rooms(conference, granted)
        _let_creator_do_all(conference, granted)
    return JsonResponse(answer)


def _let_creator_do_all(conference: JoinInfo, granted: Pass) -> None:
    """Make the creator a co-chair where a right is kept for chairs: the media unit knows visitors, and no accounts.

    Needed only if the creator has come with another browser since the right was kept. Nothing is done for others, nor
    twice. If the unit does not answer, or refuses, the page's next question tries again.
    """
    arrangement, visitor = conference.arrangement, granted.visitor
    is_creator = role_in(conference, granted) is Role.CREATOR and visitor in conference.present
    if not is_creator or not arrangement.chairsonly or visitor in arrangement.cochairs:
        return
    changes: dict[str, object] = {"cochairs": [*arrangement.cochairs, visitor][-MOST_CO_CHAIRS:]}
    order = Arrange(e164=conference.e164, user_domain=conference.user_domain, changes=changes)
    with contextlib.suppress(Refusal):
        commands.ask_unit(order)


def _join_of_visitor(conference: JoinInfo, visitor: str) -> dict[str, object] | None:
    """Return how the visitor with this id, and nobody else, enters a conference; `None` while it does not run.

    The token of the media unit is good for this visitor alone, unless the unit's gate is of an earlier release.
    """
    place = conference.join_of(visitor)
    if place is None:
        return None
    join: dict[str, object] = to_json(place)
    webrtc = place.webrtc
    if webrtc is not None and webrtc.token and webrtc.visitortokens:
        join["webrtc"] = {**to_json(webrtc), "token": visitor_token(webrtc.token, visitor)}
    return join


def _answer_in_lobby(conference: JoinInfo, visitor: str, name: str, address: str) -> Entry | Lobby:
    """Return whether a guest who has typed this name may enter now (`Entry.OPEN`), or the lobby's answer.

    Without an id of the browser the guest cannot be let in, so is told to wait, but is not listed. `address`: the IP
    address or network from which the guest comes.
    """
    if not visitor:
        return Lobby.WAITING
    answer = lobby.ask_to_enter(conference.platform, conference.confid, visitor, name, address)
    return Entry.OPEN if answer is Lobby.LET_IN else answer


def news_for_insiders(conference: JoinInfo) -> dict[str, object]:
    """Return numbers that rise when there is something new, so that the page of somebody in the call fetches it.

    `chat`: the last entry of the conversation, left out while there is none. `polls`: the version of the polls.
    `shared`: for the notes and the whiteboard the last change, {} while there is neither.
    """
    database = store_of(conference.platform).database
    last_seq = hooks.CHAT_LAST_SEQ.call(database, conference.confid)
    news: dict[str, object] = {
        "polls": poll_rows.last_version(database, conference.confid),
        "shared": shared_document_rows.last_seqs(database, conference.confid),
    }
    return news if last_seq is None else news | {"chat": last_seq}


def valid_pass(request: HttpRequest, conference: JoinInfo) -> Pass | None:
    """Return the pass (proof of being let in) that a page has sent; `None` if it is forged or the visitor was removed.

    Nobody takes that of the creator away. The account counts only as long as the browser is signed in with it; pages of
    the other sites, whose requests have no cookie, keep it.
    """
    granted = pass_of(request.POST.get("pass", ""), conference.confid)
    if granted is None:
        return None
    is_signed_in = granted.account == _account_of(request, conference)
    if not is_signed_in and not is_page_of_other_site(request, site_urls_of(conference.platform)):
        granted = granted._replace(account="")
    is_creators = bool(granted.account) and granted.account == conference.creator_moid
    if is_kept_out(conference.arrangement, granted.visitor) and not is_creators:
        return None
    return granted


def role_in(conference: JoinInfo, granted: Pass) -> Role:
    """Return the role (chair, co-chair, creator, none) in which the visitor with this pass steers a conference."""
    return role_of(
        conference.arrangement,
        conference.creator_moid,
        conference.chairman_visitor,
        visitor=granted.visitor,
        account=granted.account,
    )


def facts_about_rooms(conference: JoinInfo, granted: Pass) -> dict[str, object]:
    """Return what the page shows of the breakout rooms; {} while there are none.

    `mine`: the index of the visitor's own room, `null` for the conference itself. Who steers gets the `people`, too.
    """
    breakout = conference.breakout
    if breakout is None:
        return {}
    rooms: dict[str, object] = {
        "names": [room.name for room in breakout.rooms],
        "mine": conference.room_index_of(granted.visitor),
        "choose": breakout.may_choose,
        "ends": breakout.ends_at.isoformat(),
    }
    if role_in(conference, granted) is not Role.NONE:
        rooms["people"] = [person._asdict() for person in conference.people]
    return {"rooms": rooms}


def _facts_for_steering(conference: JoinInfo, granted: Pass) -> dict[str, object]:
    """Return a visitor's role, and who waits in the lobby, if the visitor may steer; {} for all others."""
    role = role_in(conference, granted)
    if role is Role.NONE:
        return {}
    waiting: Sequence[lobby.WaitingVisitor] = ()
    if conference.arrangement.lobby:
        everybody = lobby.waiting_visitors(conference.platform, [conference.confid])
        waiting = everybody.get(conference.confid, ())
    return {"role": role, "waiting": [visitor._asdict() for visitor in waiting]}


def _account_of(request: HttpRequest, conference: JoinInfo) -> str:
    """Return the MOID of the visitor's account in the conference's user domain; "" for a guest."""
    user = request.user
    if user.is_authenticated and user.domain_id == conference.user_domain:
        return str(user.moid)
    return ""
