"""Who may join: links that are signed, so that a number alone lets nobody in; accounts of the tenant."""

from __future__ import annotations

import hmac

from django.core.cache import cache
from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpRequest

from conferences.data.queries import JoinInfo
from foundation.signing import shared_key

WRONG_TRIES = 10
"""Wrong passwords per conference and address, in each minute."""


class TooManyTries(Exception):
    """Wrong passwords too often; a minute must pass."""


def _signer() -> TimestampSigner:
    return TimestampSigner(key=shared_key(), salt="join")


def token_for(confid: str) -> str:
    """What proves that somebody was given the link of a conference."""
    return _signer().sign(confid)


def join_link(confid: str, e164: str) -> str:
    """The path of the join page of a conference, with its token. It ends with the conference."""
    return f"/join/{e164}/?t={token_for(confid)}"


def confid_of(token: str) -> str:
    """The conference that a token is for; "" for a forged one."""
    try:
        return str(_signer().unsign(token))
    except BadSignature:
        return ""


def may_join(request: HttpRequest, conference: JoinInfo) -> bool:
    """By a link of this very conference, or signed in with an account of its user domain."""
    confid = confid_of(request.GET.get("t", ""))
    if confid and hmac.compare_digest(confid.encode(), conference.confid.encode()):
        return True
    user = request.user
    domain: str = getattr(user, "domain_id", "") or ""
    return user.is_authenticated and bool(domain) and domain == conference.user_domain


def is_password(conference: JoinInfo, given: str, address: str) -> bool:
    """Is it the conference's password? Compared in constant time. Raises TooManyTries."""
    name = f"join:tries:{conference.e164}:{address}"
    cache.add(name, 0, 60)
    try:
        # Counted before it is compared, so that many tries at once do not slip through.
        tries = cache.incr(name) or 0
    except ValueError:
        tries = 1
    if tries > WRONG_TRIES:
        raise TooManyTries
    if not hmac.compare_digest(given.encode(), conference.password.encode()):
        return False
    cache.delete(name)
    return True
