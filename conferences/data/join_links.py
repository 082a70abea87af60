"""The functions here check who may enter a conference by its join page: holders of a link, and the tenant's accounts.

Links are signed, so that a conference's number alone lets nobody in.
"""

from __future__ import annotations

import hmac

from django.core.cache import cache
from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpRequest

from conferences.data.queries import JoinInfo
from foundation.signing import shared_key

MAX_TRIES_PER_MINUTE = 10
"""Passwords that may be tried for a conference from one IP address."""


class TooManyTries(Exception):
    """Too many passwords were tried for a conference from one IP address; a minute must pass."""


def _signer() -> TimestampSigner:
    return TimestampSigner(key=shared_key(), salt="join")


def token_for(confid: str) -> str:
    """Return the signed token of a conference's join link."""
    return _signer().sign(confid)


def join_link(confid: str, e164: str) -> str:
    """Return the path of a conference's join page, with its token. The link works until the conference ends."""
    return f"/join/{e164}/?t={token_for(confid)}"


def confid_of(token: str) -> str:
    """Return the id (`confid`) of the conference that a join link's token is for; "" if the token is forged."""
    try:
        return str(_signer().unsign(token))
    except BadSignature:
        return ""


def may_join(request: HttpRequest, conference: JoinInfo) -> bool:
    """Tell whether a visitor may enter: with a join link of this conference, or signed in in its user domain."""
    confid = confid_of(request.GET.get("t", ""))
    if confid and hmac.compare_digest(confid.encode(), conference.confid.encode()):
        return True
    user = request.user
    domain: str = getattr(user, "domain_id", "") or ""
    return user.is_authenticated and bool(domain) and domain == conference.user_domain


def is_password(conference: JoinInfo, password: str, address: str) -> bool:
    """Tell whether a password is the conference's, in constant time. Raises TooManyTries.

    `address`: the visitor's IP address, for which the tries are counted.
    """
    cache_key = f"join:tries:{conference.e164}:{address}"
    cache.add(cache_key, 0, 60)
    try:
        # Counted before it is compared, so that many tries at once do not slip through.
        tries = cache.incr(cache_key) or 0
    except ValueError:
        tries = 1
    if tries > MAX_TRIES_PER_MINUTE:
        raise TooManyTries
    if not hmac.compare_digest(password.encode(), conference.password.encode()):
        return False
    cache.delete(cache_key)
    return True
