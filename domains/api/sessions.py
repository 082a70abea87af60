"""Software tokens and logins: made, found again, and idle for 30 minutes at most (HTTP API §1.3)."""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth import authenticate
from django.db.models import Q
from django.http import HttpRequest
from oauth2_provider.models import get_access_token_model

from domains.api.oauth.validator import serves
from domains.data import lockout, queries
from domains.data.tokens import delete_expired
from domains.flows import sign_in
from domains.models import Account, ApiKey, ApiToken, hash_secret
from foundation.web.errors import Refusal, TokenRefused

IDLE = timedelta(minutes=30)
REFRESH = timedelta(seconds=30)
"""A session's last use is written at most so often."""

BELIEVED_SECONDS = 1.0
MOST_RECENT = 10_000

BAD_KEY = 10001
BAD_TOKEN = 10002
BAD_PASSWORD = 10101
BAD_LOGIN = 10102


@dataclass(frozen=True, slots=True)
class Session:
    """Who calls, however that was proved: the person and the tenant."""

    account: Account

    @property
    def domain(self) -> str:
        """The MOID of the person's domain."""
        return self.account.domain_id or ""

    @property
    def domain_name(self) -> str:
        """Its name."""
        return self.account.domain.name if self.account.domain else ""


def new_token(key: str, secret: str, now: datetime) -> str:
    """A software token for a key pair. Raises Refusal 10001."""
    found = ApiKey.objects.filter(key=key[:64], enabled=True).first()
    if found is None or not secrets.compare_digest(found.secret_hash, hash_secret(secret)):
        raise Refusal(BAD_KEY, "software key or secret refused")
    token = secrets.token_hex(16)
    ApiToken.objects.create(token_hash=hash_secret(token), key=found, used_at=now)
    return token


def use_token(token: str, now: datetime) -> ApiToken:
    """The live token; using it keeps it alive. Raises Refusal 10002."""
    found = (
        ApiToken.objects.select_related("account__domain", "key")
        .filter(token_hash=hash_secret(token), used_at__gt=now - IDLE, key__enabled=True)
        .first()
    )
    if found is None:
        raise Refusal(BAD_TOKEN, "account token unknown or expired; fetch a new one")
    if now - found.used_at > REFRESH:
        ApiToken.objects.filter(pk=found.pk).update(used_at=now)
    return found


def log_in(request: HttpRequest, token: str, username: str, password: str, now: datetime) -> str:
    """Log a person in under a token; the cookie's value. Raises Refusal."""
    found = use_token(token, now)
    account = authenticate(request, username=username, password=password)
    if not isinstance(account, Account):
        raise Refusal(BAD_PASSWORD, sign_in.failure_reason(request))
    if not queries.is_available_below("default", found.key.domain_id, account.domain_id):
        raise Refusal(BAD_PASSWORD, sign_in.WRONG)
    cookie = str(uuid.uuid4())
    _recent.clear()
    ApiToken.objects.filter(pk=found.pk).update(
        account=account, cookie_hash=hash_secret(cookie), login_used_at=now
    )
    return cookie


_recent: dict[tuple[str, str], tuple[float, Session]] = {}


def find(token: str, cookie: str, now: datetime) -> Session:
    """The session of a call that carries a token, the cookie, or both. Raises Refusal."""
    return _believed((token, cookie), lambda: _look_up(token, cookie, now))


def of_bearer(value: str, scope: str) -> Session:
    """The session of an OAuth2 access token that was given for this scope. Raises TokenRefused."""
    return _believed(("Bearer " + value, scope), lambda: _look_up_bearer(value, scope))


def _believed(key: tuple[str, str], look_up: Callable[[], Session]) -> Session:
    """A session that was found is believed for a second: a program that asks a hundred times a
    second costs one look, and one that is revoked is out a second later."""
    until, session = _recent.get(key, (0.0, None))
    if session is None or until < time.monotonic():
        session = look_up()
        if len(_recent) >= MOST_RECENT:
            _recent.clear()
        _recent[key] = (time.monotonic() + BELIEVED_SECONDS, session)
    return session


def _look_up_bearer(value: str, scope: str) -> Session:
    tokens = get_access_token_model().objects.select_related("user__domain", "application")
    found = tokens.filter(token_checksum=hash_secret(value)).first()
    if found is None or found.is_expired() or found.user is None or found.application is None:
        raise TokenRefused("invalid_token", "the access token is unknown, expired or revoked")
    if not serves(found.application, found.user):
        raise TokenRefused("invalid_token", "the application does not serve this account any more")
    if not found.allow_scopes([scope]):
        raise TokenRefused("insufficient_scope", f"the access token lacks the scope {scope}")
    return Session(found.user)


def _look_up(token: str, cookie: str, now: datetime) -> Session:
    if token:
        found = use_token(token, now)
        right = found.account is not None and (
            not cookie or found.cookie_hash == hash_secret(cookie)
        )
    else:
        by_cookie = Q(cookie_hash=hash_secret(cookie)) if cookie else Q(pk="")
        one = ApiToken.objects.select_related("account__domain", "key").filter(by_cookie).first()
        if one is None:
            raise Refusal(BAD_TOKEN, "account_token is missing, or expired; fetch a new one")
        found, right = one, True
    account, used_at = found.account, found.login_used_at
    if not right or account is None or used_at is None or now - used_at > IDLE:
        raise Refusal(BAD_LOGIN, "login expired, or not logged in; log in again")
    if not account.is_active:
        raise Refusal(BAD_LOGIN, "this account is disabled")
    if now - used_at > REFRESH:
        ApiToken.objects.filter(pk=found.pk).update(login_used_at=now, used_at=now)
    return Session(account)


def forget_idle(now: datetime) -> int:
    """Delete what nobody can use any more: software tokens, OAuth2 tokens, old wrong tries."""
    delete_expired()
    lockout.delete_old_tries(now)
    return ApiToken.objects.filter(used_at__lt=now - 2 * IDLE).delete()[0]
