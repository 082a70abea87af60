"""The functions here decide who may enter a conference by its join page: people with a link, and the tenant's accounts.

Links are signed. Whoever types the number on the page "Join by number" gets a link, after the password if there is one.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from django.core.cache import cache
from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpRequest

from conferences.data import tries
from conferences.rules.stored import StoredConference
from foundation.signing import shared_key

if TYPE_CHECKING:
    from conferences.data.join_info import JoinInfo


def _signer() -> TimestampSigner:
    """Return the signer of the tokens in join links, which all sites share."""
    return TimestampSigner(key=shared_key(), salt="join")


def token_for(confid: str) -> str:
    """Return the signed token in the join link of the conference, or virtual room, with this id."""
    return _signer().sign(confid)


def join_link(confid: str, e164: str) -> str:
    """Return the path of a conference's join page, with the token that admits whoever has the link.

    `confid`: the id of a conference, until whose end the link works; or that of a reservation, for all of its
    meetings.
    """
    return f"/join/{e164}/?t={token_for(confid)}"


def room_link(room: StoredConference) -> str:
    """Return the path of a virtual room's join page, with its token. The link works until the room is deleted."""
    return join_link(room.id, room.e164)


def confid_of(token: str) -> str:
    """Return the id of the conference, reservation or room that a join link's token is for; "" if it is forged."""
    try:
        return str(_signer().unsign(token))
    except BadSignature:
        return ""


def may_join(request: HttpRequest, conference: JoinInfo) -> bool:
    """Return whether a visitor may enter: with a link to the conference, its reservation or room, or signed in.

    The link's token is the query parameter `t`; one for the conference or its reservation is always valid. An
    exclusive room otherwise admits only its own people. Signed in admits people of the conference's user domain.
    """
    linked_id, room = confid_of(request.GET.get("t", "")), conference.room
    if _is_id(linked_id, conference.confid) and not conference.is_idle:
        return True
    if _is_id(linked_id, conference.bookid):
        return True
    user = request.user
    if room is not None and not room.admits(getattr(user, "moid", "")):
        return False
    if room is not None and _is_id(linked_id, room.id):
        return True
    domain: str = getattr(user, "domain_id", "") or ""
    return user.is_authenticated and bool(domain) and domain == conference.user_domain


def is_open_by_number(request: HttpRequest, conference: JoinInfo) -> bool:
    """Return whether a visitor may enter who has typed the number and, if there is one, the password.

    Numbers follow each other, so where there is neither password nor lobby a number admits nobody: people of the user
    domain sign in, others need the link. A call of two people, and a room for named people, admit nobody else either.
    """
    is_guarded = bool(conference.password) or bool(conference.arrangement.lobby)
    if conference.is_call or not is_guarded:
        return False
    return conference.room is None or conference.room.admits(getattr(request.user, "moid", ""))


def link_by_number(conference: JoinInfo) -> str:
    """Return the path of the join page for a visitor who has typed the number of a conference.

    With a password it is the link of the virtual room, if it has one; without, the visitor gets in by the lobby
    alone, so the link ends with this conference.
    """
    if conference.room is not None and conference.password:
        return room_link(conference.room)
    return join_link(conference.confid, conference.e164)


def may_begin(request: HttpRequest, room: StoredConference) -> bool:
    """Return whether a visitor who may enter a room may begin a conference in it by this request.

    The request has to contain the token of the room's link (`t`), so that no foreign page can make a browser begin one.
    """
    return _is_id(confid_of(request.GET.get("t", "")), room.id)


def _is_id(linked_id: str, expected: str) -> bool:
    """Return whether a link names this id of a conference or room; compare in constant time."""
    return bool(linked_id) and hmac.compare_digest(linked_id.encode(), expected.encode())


def is_password(conference: JoinInfo, password: str, address: str) -> bool:
    """Return whether a password is that of the conference; compare in constant time. Raises TooManyTries.

    `address`: the visitor's IP address or network, for which attempts are counted.
    """
    cache_key = _count_try(conference.e164, address)
    if not hmac.compare_digest(password.encode(), conference.password.encode()):
        return False
    cache.delete(cache_key)
    return True


def is_number_and_password(conference: JoinInfo | None, password: str, address: str) -> bool:
    """Return whether a typed number belongs to a conference, and the password (if it needs one) is right.

    `conference`: the one with that number, `None` if there is none. Raises TooManyTries: attempts are counted for all
    numbers together, and those with a password for the conference, too. `address`: the visitor's IP address or
    network.
    """
    cache_key = _count_try(_ANY_NUMBER, address)
    if conference is None:
        return False
    if conference.password and not is_password(conference, password, address):
        return False
    # Only this attempt is taken back: who knows one conference must not guess others without end.
    tries.take_back(cache_key)
    return True


_ANY_NUMBER = "any"


def _count_try(number: str, address: str) -> str:
    """Count an attempt from an address to guess a number or password, and return the cache's key of the count.

    Raises TooManyTries above `tries.MOST_PER_MINUTE` in a minute. Counting comes before the comparison, so that
    simultaneous attempts are all counted.
    """
    return tries.count(f"join:{number}:{address}", tries.MOST_PER_MINUTE, 60)
