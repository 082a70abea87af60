"""These links and accounts may join a conference.

Links are signed, so that a number alone lets nobody in; accounts of the tenant need no link.
"""

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
    """Wrong passwords were given too often; a minute must pass."""


def _signer() -> TimestampSigner:
    return TimestampSigner(key=shared_key(), salt="join")


def token_for(confid: str) -> str:
    """Return the token which proves that its holder was given the link of a conference."""
    return _signer().sign(confid)


def join_link(confid: str, e164: str) -> str:
    """Return the path of the join page of a conference, with its token; it ends with the conference."""
    return f"/join/{e164}/?t={token_for(confid)}"


def confid_of(token: str) -> str:
    """Return the conference that a token is for; "" for a forged one."""
    try:
        return str(_signer().unsign(token))
    except BadSignature:
        return ""


def may_join(request: HttpRequest, conference: JoinInfo) -> bool:
    """Tell whether a visitor may join: by a link of this conference, or by an account of its user domain."""
    confid = confid_of(request.GET.get("t", ""))
    if confid and hmac.compare_digest(confid.encode(), conference.confid.encode()):
        return True
    user = request.user
    domain: str = getattr(user, "domain_id", "") or ""
    return user.is_authenticated and bool(domain) and domain == conference.user_domain


def is_password(conference: JoinInfo, password: str, address: str) -> bool:
    """Tell whether this is the conference's password, in constant time. Raises TooManyTries."""
    name = f"join:tries:{conference.e164}:{address}"
    cache.add(name, 0, 60)
    try:
        # Counted before it is compared, so that many tries at once do not slip through.
        tries = cache.incr(name) or 0
    except ValueError:
        tries = 1
    if tries > WRONG_TRIES:
        raise TooManyTries
    if not hmac.compare_digest(password.encode(), conference.password.encode()):
        return False
    cache.delete(name)
    return True
