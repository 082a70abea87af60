"""The functions find the person whom a request to the push process comes from: by cookie, token, or OAuth2."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

from conferences.api import commands
from conferences.data.platform_resolver import platform_of_domain
from domains.api import sessions
from domains.api.authentication import COOKIE
from foundation import clock
from foundation.web.errors import NOT_LOGGED_IN, Refusal

_COOKIE = re.compile(rf"(?:^|[;,\s]){COOKIE}=([^;,\s\"]+)")


class Credentials(NamedTuple):
    """Credentials prove who has sent a request; what a request does not have is "".

    `bearer` is an OAuth2 token, `token` the token of a client application (`account_token`), `cookie` the value of a
    login cookie.
    """

    bearer: str = ""
    token: str = ""
    cookie: str = ""


class Caller(NamedTuple):
    """A caller is a person to whom events are pushed.

    `account` is the person's MOID, `user_domain` the MOID of the domain whose events the person may see, `platform` the
    MOID of the platform of that domain.
    """

    credentials: Credentials
    account: str
    user_domain: str
    platform: str


def credentials_of(headers: Mapping[str, str], query: Mapping[str, str]) -> Credentials:
    """Return the credentials of a request.

    Some clients send the attributes of the cookie (`Path`, `Domain`) back as well; these are ignored.
    """
    kind, _, bearer = headers.get("Authorization", "").partition(" ")
    cookie = _COOKIE.search(headers.get("Cookie", ""))
    return Credentials(
        _as_ascii(bearer.strip()) if kind.lower() == "bearer" else "",
        _as_ascii(query.get("account_token", "")),
        _as_ascii(cookie[1]) if cookie else "",
    )


def _as_ascii(secret: str) -> str:
    """Return a secret with "?" for characters outside ASCII: our secrets have none, and some cannot be encoded."""
    return secret.encode("ascii", "replace").decode()


def identify_caller(credentials: Credentials) -> Caller:
    """Return the person from whom a request comes.

    Raises Refusal if nobody is signed in, or another site serves (handles the requests of) the person's platform.
    """
    if credentials.bearer:
        session = sessions.find_bearer_session(credentials.bearer, "read")
    elif credentials.token or credentials.cookie:
        session = sessions.find_session(credentials.token, credentials.cookie, clock.now())
    else:
        raise Refusal(NOT_LOGGED_IN, f"log in first; the cookie {COOKIE} is missing")
    if not session.domain:
        raise Refusal(
            NOT_LOGGED_IN, "this account belongs to no user domain, so there are no events for it"
        )
    platform = platform_of_domain(session.domain)
    if refusal := commands.refusal_if_served_elsewhere(platform):
        raise refusal
    return Caller(credentials, session.account.moid, session.domain, platform)


def callers_still_valid(callers: Collection[Caller]) -> frozenset[Caller]:
    """Return those callers whose sign-in is still valid, and prolong their logins, which end when unused for long.

    A caller who has been moved to another domain since, or whose token somebody else uses now, is not among them.
    """
    now = clock.now()
    known = [caller.credentials for caller in callers]
    logins = [(token, cookie) for bearer, token, cookie in known if not bearer]
    by_login = sessions.live_logins(logins, now)
    by_bearer = sessions.live_bearers([bearer for bearer, _, _ in known if bearer])

    def is_valid(caller: Caller) -> bool:
        """Return whether the caller's credentials still belong to the same person of the same domain.

        The people are those to whom the live tokens (`by_bearer`) and logins (`by_login`) belong now.
        """
        bearer, token, cookie = caller.credentials
        person = by_bearer.get(bearer) if bearer else by_login.get((token, cookie))
        return person is not None and (
            (person.moid, person.domain_id) == (caller.account, caller.user_domain)
        )

    return frozenset(filter(is_valid, callers))
