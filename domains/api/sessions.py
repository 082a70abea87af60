"""The module creates and looks up the tokens of client applications, and people's logins under them (HTTP API §1.3).

A client application gets a token for its API key, and a person logs in under that token. Both end after 30 minutes
without use. They lie in the data of the platform that they belong to, and go on where another site takes it over.
"""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product

from django.contrib.auth import authenticate
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from oauth2_provider.models import AbstractAccessToken, get_access_token_model

from domains.api.oauth.validator import serves_account
from domains.data import homes, lockout, queries
from domains.data.tokens import delete_expired
from domains.flows import sign_in
from domains.models import Account, ApiKey, ApiToken, hash_secret
from foundation.web.errors import REFUSAL_WHILE_CLOSED, Refusal, TokenRefused

IDLE = timedelta(minutes=30)
REFRESH = timedelta(seconds=30)
"""A session's last use is written at most this often."""

CACHE_SECONDS = 1.0
MAX_CACHED = 10_000

BAD_KEY = 10001
BAD_TOKEN = 10002
BAD_PASSWORD = 10101
BAD_LOGIN = 10102


@dataclass(frozen=True, slots=True)
class Session:
    """A session is the proof, by a token or a cookie, of which person makes a call."""

    account: Account

    @property
    def domain(self) -> str:
        """Return the MOID of the person's domain."""
        return self.account.domain_id or ""

    @property
    def domain_name(self) -> str:
        """Return the name of the person's domain."""
        return self.account.domain.name if self.account.domain else ""


def new_token(key: str, secret: str, now: datetime) -> str:
    """Return a new token for a client application that has an API key and its secret.

    Raises Refusal, 10001 if they are wrong; another one if another site has the key's data.
    """
    api_key = homes.search(lambda database: _find_api_key(database, key, secret))
    if api_key is None:
        _refuse_if_elsewhere(lambda database: _find_api_key(database, key, secret))
        raise Refusal(BAD_KEY, "software key or secret refused")
    token = secrets.token_hex(16)
    tokens = ApiToken.objects.using(api_key._state.db)
    tokens.create(token_hash=hash_secret(token), key=api_key, used_at=now)
    return token


def _find_api_key(database: str, key: str, secret: str) -> ApiKey | None:
    """Return the enabled API key of this name (`key`) in a database, if `secret` is its secret. Else `None`."""
    api_key = ApiKey.objects.using(database).filter(key=key[:64], enabled=True).first()
    if api_key is None or not secrets.compare_digest(api_key.secret_hash, hash_secret(secret)):
        return None
    return api_key


def _refuse_if_elsewhere(look_up: Callable[[str], object | None]) -> None:
    """Raise Refusal 29005, with the serving site's address, if a platform that another site serves knows the caller.

    `look_up` gets the alias of a database, and returns the caller's row there or `None`.
    """
    homes.search_copies(lambda database: _raise_if_known(database, look_up))


def _raise_if_known(database: str, look_up: Callable[[str], object | None]) -> None:
    """Raise the refusal with the serving site's address if `look_up` finds the caller in this database."""
    refusal = REFUSAL_WHILE_CLOSED.call(homes.platform_of(database)) if look_up(database) else None
    if refusal is not None:
        raise refusal


def use_token(token: str, now: datetime) -> ApiToken:
    """Return the row of a client application's token that has not expired, and record its use.

    Raises Refusal, 10002 if it is unknown or has expired; another one if another site has its data.
    """

    def look_up(database: str) -> ApiToken | None:
        """Return the row of the client application's token in one database, if it is valid; else `None`."""
        return _live_tokens(database, now).filter(token_hash=hash_secret(token)).first()

    api_token = homes.search(look_up)
    if api_token is None:
        _refuse_if_elsewhere(look_up)
        raise Refusal(BAD_TOKEN, "account token unknown or expired; fetch a new one")
    if now - api_token.used_at > REFRESH:
        _query_row(api_token).update(used_at=now)
    return api_token


def _live_tokens(database: str, now: datetime) -> QuerySet[ApiToken]:
    """Return the tokens in a database that have not expired and whose API key is enabled."""
    tokens = ApiToken.objects.using(database).select_related("account__domain", "key")
    return tokens.filter(used_at__gt=now - IDLE, key__enabled=True)


def _query_row(api_token: ApiToken) -> QuerySet[ApiToken]:
    """Return a query of the row of a client application's token, in the database from which it was read."""
    return ApiToken.objects.using(api_token._state.db).filter(pk=api_token.pk)


def log_in(request: HttpRequest, token: str, username: str, password: str, now: datetime) -> str:
    """Log a person in under the token of a client application; return the value of the login cookie.

    Raises Refusal for a wrong password, an expired token, or a person who may not use this application.
    """
    api_token = use_token(token, now)
    account = authenticate(request, username=username, password=password)
    if not isinstance(account, Account):
        if elsewhere := sign_in.refusal_elsewhere(request):
            raise elsewhere
        raise Refusal(BAD_PASSWORD, sign_in.failure_reason(request))
    database, owner = account._state.db or "default", api_token.key.domain_id
    if not queries.is_available_below(database, owner, account.domain_id):
        raise Refusal(BAD_PASSWORD, sign_in.WRONG)
    _move_token_to(database, api_token)
    cookie = str(uuid.uuid4())
    _session_cache.clear()  # It may hold the session of a person who used the token before.
    _query_row(api_token).update(
        account=account, cookie_hash=hash_secret(cookie), login_used_at=now
    )
    return cookie


def _move_token_to(database: str, api_token: ApiToken) -> None:
    """Move a client application's token into the database of the person who logs in under it. Raises Refusal.

    The key of a domain above several platforms serves people of all of them, and each platform's data has it. Does
    nothing if it is there.
    """
    if api_token._state.db == database:
        return
    if not ApiKey.objects.using(database).filter(pk=api_token.key_id, enabled=True).exists():
        raise Refusal(BAD_PASSWORD, sign_in.WRONG)
    _query_row(api_token).delete()
    moved = ApiToken(
        token_hash=api_token.token_hash, key_id=api_token.key_id, used_at=api_token.used_at
    )
    moved.save(using=database)
    api_token._state.db = database


_session_cache: dict[tuple[str, str], tuple[float, Session]] = {}
"""(token, cookie or scope) -> (until when it counts, by the monotonic clock; the session)."""


def find_session(token: str, cookie: str, now: datetime) -> Session:
    """Return the session of a call that carries a client application's token, a login cookie, or both.

    Raises Refusal.
    """
    return _cached_session((token, cookie), lambda: _find_session(token, cookie, now))


def find_bearer_session(value: str, scope: str) -> Session:
    """Return the session of an OAuth2 access token with this scope. Raises TokenRefused."""
    return _cached_session(("Bearer " + value, scope), lambda: _find_bearer_session(value, scope))


def _cached_session(key: tuple[str, str], look_up: Callable[[], Session]) -> Session:
    """Return the session of a call from the cache, where it stays for a second, or by `look_up`.

    So a client application that calls a hundred times a second costs one look-up a second, and a revoked session ends
    within one.
    """
    until, session = _session_cache.get(key, (0.0, None))
    if session is None or until < time.monotonic():
        session = look_up()
        if len(_session_cache) >= MAX_CACHED:
            _session_cache.clear()
        _session_cache[key] = (time.monotonic() + CACHE_SECONDS, session)
    return session


def _find_bearer_session(value: str, scope: str) -> Session:
    """Return the session of an OAuth2 access token from the database. Raises TokenRefused."""
    access_token = homes.search(lambda database: access_token_of(database, value))
    if (
        access_token is None
        or access_token.is_expired()
        or access_token.user is None
        or access_token.application is None
    ):
        raise TokenRefused("invalid_token", "the access token is unknown, expired or revoked")
    if not serves_account(access_token.application, access_token.user):
        raise TokenRefused("invalid_token", "the application does not serve this account any more")
    if not access_token.allow_scopes([scope]):
        raise TokenRefused("insufficient_scope", f"the access token lacks the scope {scope}")
    return Session(access_token.user)


def access_token_of(database: str, value: str) -> AbstractAccessToken | None:
    """Return the row of an OAuth2 access token in a database, with its person and application, or `None`."""
    tokens = get_access_token_model().objects.using(database)
    with_person = tokens.select_related("user__domain", "application")
    token: AbstractAccessToken | None = with_person.filter(
        token_checksum=hash_secret(value)
    ).first()
    return token


def _find_session(token: str, cookie: str, now: datetime) -> Session:
    """Return the session of a client application's token, a login cookie, or both, and record its use.

    Raises Refusal.
    """
    if token:
        api_token = use_token(token, now)
        is_cookie_right = not cookie or api_token.cookie_hash == hash_secret(cookie)
    else:
        api_token, is_cookie_right = _token_of_cookie(cookie, now), True
    account, used_at = api_token.account, api_token.login_used_at
    if not is_cookie_right or account is None or used_at is None or now - used_at > IDLE:
        raise Refusal(BAD_LOGIN, "login expired, or not logged in; log in again")
    if not queries.may_act(account, api_token.key.domain_id):
        raise Refusal(BAD_LOGIN, "this account, or a domain above it, is disabled")
    if now - used_at > REFRESH:
        _query_row(api_token).update(login_used_at=now, used_at=now)
    return Session(account)


def _token_of_cookie(cookie: str, now: datetime) -> ApiToken:
    """Return the valid client application's token of a login whose call carries the cookie alone.

    Raises Refusal 10002.
    """

    def look_up(database: str) -> ApiToken | None:
        """Return the token with this login cookie in one database, if it is valid; else `None`."""
        return _live_tokens(database, now).filter(cookie_hash=hash_secret(cookie)).first()

    api_token = homes.search(look_up) if cookie else None
    if api_token is None:
        raise Refusal(BAD_TOKEN, "account_token is missing, or expired; fetch a new one")
    return api_token


KEPT_IN_USE = timedelta(minutes=5)
"""The last use of a login that is in use by a connection is written at most this often."""
_LOOKED_UP_AT_ONCE = 500


def live_logins(
    logins: Collection[tuple[str, str]], now: datetime
) -> dict[tuple[str, str], Account]:
    """Return the people of those logins that are still valid, in few queries: login -> account.

    A login is (token of a client application, login cookie); one of the two may be "".

    Open connections use these logins, so they are recorded as used now.
    """
    people: dict[tuple[str, str], Account] = {}
    for database in homes.served_databases():
        people |= _live_logins(database, logins, now)
    return people


def _live_logins(
    database: str, logins: Collection[tuple[str, str]], now: datetime
) -> dict[tuple[str, str], Account]:
    """Return the people of those of these logins that are valid by one platform's database: login -> account.

    A login is (token of a client application, login cookie); one of the two may be "". Logins whose last use is older
    than KEPT_IN_USE are recorded as used now.
    """
    rows: list[ApiToken] = []
    hashes = sorted({hash_secret(secret) for pair in logins for secret in pair if secret})
    tokens = _live_tokens(database, now).filter(account__isnull=False, login_used_at__gt=now - IDLE)
    for start in range(0, len(hashes), _LOOKED_UP_AT_ONCE):
        hashes_of_query = hashes[start : start + _LOOKED_UP_AT_ONCE]
        rows += tokens.filter(
            Q(token_hash__in=hashes_of_query) | Q(cookie_hash__in=hashes_of_query)
        )
    may_act = _MayAct()
    live = [row for row in rows if row.account and may_act(row.account, row.key.domain_id)]
    stale = [row.pk for row in live if row.login_used_at and now - row.login_used_at > KEPT_IN_USE]
    if stale:
        used = ApiToken.objects.using(database).filter(pk__in=stale)
        used.update(login_used_at=now, used_at=now)
    by_token = {row.token_hash: row for row in live}
    by_cookie = {row.cookie_hash: row for row in live}

    def person_of(token: str, cookie: str) -> Account | None:
        """Return the account that is logged in with this token and cookie; `None` if they do not belong together."""
        row = by_token.get(hash_secret(token)) if token else by_cookie.get(hash_secret(cookie))
        if row is None or (cookie and row.cookie_hash != hash_secret(cookie)):
            return None
        return row.account

    return {pair: person for pair in logins if (person := person_of(*pair))}


def live_bearers(values: Collection[str]) -> dict[str, Account]:
    """Return the people of those OAuth2 access tokens that are valid and allow reading: token -> account."""
    by_hash = {hash_secret(value): value for value in values}
    hashes, may_act = sorted(by_hash), _MayAct()
    people: dict[str, Account] = {}
    starts = range(0, len(hashes), _LOOKED_UP_AT_ONCE)
    for database, start in product(homes.served_databases(), starts):
        tokens = get_access_token_model().objects.using(database)
        rows = tokens.select_related("user__domain", "application")
        for row in rows.filter(token_checksum__in=hashes[start : start + _LOOKED_UP_AT_ONCE]):
            is_valid = row.is_valid(["read"]) and row.user and row.application
            if is_valid and may_act(row.user, row.application.domain_id):
                people[by_hash[row.token_checksum]] = row.user
    return people


class _MayAct:
    """A function says for many accounts whether they may act, with one query for each domain."""

    def __init__(self) -> None:
        """Begin without answers; each is found by a query when it is first asked for."""
        self._of_domains: dict[tuple[str | None, str, bool], bool] = {}
        """(domain of an account, domain of the key or application, whether superuser) -> whether it may act."""

    def __call__(self, account: Account, program_domain: str) -> bool:
        """Return whether an account may act by an API key or application of the domain `program_domain`."""
        if not account.is_active:
            return False
        key = (account.domain_id, program_domain, account.is_superuser)
        if key not in self._of_domains:
            self._of_domains[key] = queries.may_act(account, program_domain)
        return self._of_domains[key]


def delete_expired_tokens(now: datetime) -> int:
    """Delete client applications' tokens, OAuth2 tokens and wrong sign-in tries that have expired.

    Return how many client applications' tokens were deleted. A token expires after `IDLE` (30 minutes) without use. It
    is deleted only after twice that time, so that a process whose clock is behind does not lose a token that it finds
    valid.
    """
    delete_expired()
    lockout.delete_old_tries(now)
    return ApiToken.objects.filter(used_at__lt=now - 2 * IDLE).delete()[0]
