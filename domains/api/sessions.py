"""Software tokens and logins: made, found again, and idle for 30 minutes at most (HTTP API §1.3)."""

from __future__ import annotations

import secrets
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth import authenticate
from django.core.cache import cache
from django.db.models import Q

from confplatform.api.errors import Refusal
from domains.models import Account, ApiKey, ApiToken, hashed

IDLE = timedelta(minutes=30)
REFRESH = timedelta(seconds=30)
"""A session's last use is written at most so often."""

BELIEVED_SECONDS = 1.0
MOST_RECENT = 10_000

WRONG_TRIES = 20
TRIES_SECONDS = 300

BAD_KEY = 10001
BAD_TOKEN = 10002
BAD_PASSWORD = 10101
BAD_LOGIN = 10102


@dataclass(frozen=True, slots=True)
class Session:
    """Who calls: the person and the tenant."""

    account: Account
    token: ApiToken

    @property
    def domain(self) -> str:
        """The MOID of the person's domain."""
        return self.account.domain_id or ""

    @property
    def domain_name(self) -> str:
        """Its name."""
        return self.account.domain.name if self.account.domain else ""


def _throttle(what: str, key: str) -> None:
    """Count a wrong try; too many are refused for a while. Without Redis nothing is counted."""
    name = f"tries:{what}:{hashed(key)[:32]}"
    cache.add(name, 0, TRIES_SECONDS)
    try:
        tries = cache.incr(name)
    except ValueError:
        tries = 1
    if tries and tries > WRONG_TRIES:
        raise Refusal(BAD_PASSWORD, "too many wrong tries; wait five minutes")


def _is_throttled(what: str, key: str) -> bool:
    return (cache.get(f"tries:{what}:{hashed(key)[:32]}") or 0) > WRONG_TRIES


def new_token(key: str, secret: str, now: datetime) -> str:
    """A software token for a key pair. Raises Refusal 10001."""
    found = ApiKey.objects.filter(key=key[:64], enabled=True).first()
    if found is None or not secrets.compare_digest(found.secret_hash, hashed(secret)):
        raise Refusal(BAD_KEY, "software key or secret refused")
    token = secrets.token_hex(16)
    ApiToken.objects.create(token_hash=hashed(token), key=found, used_at=now)
    return token


def use_token(token: str, now: datetime) -> ApiToken:
    """The live token; using it keeps it alive. Raises Refusal 10002."""
    found = (
        ApiToken.objects.select_related("account__domain", "key")
        .filter(token_hash=hashed(token), used_at__gt=now - IDLE, key__enabled=True)
        .first()
    )
    if found is None:
        raise Refusal(BAD_TOKEN, "account token unknown or expired; fetch a new one")
    if now - found.used_at > REFRESH:
        ApiToken.objects.filter(pk=found.pk).update(used_at=now)
    return found


def log_in(token: str, username: str, password: str, now: datetime) -> str:
    """Log a person in under a token; the cookie's value. Raises Refusal."""
    found = use_token(token, now)
    if _is_throttled("login", username):
        raise Refusal(BAD_PASSWORD, "too many wrong tries; wait five minutes")
    account = authenticate(None, username=username, password=password)
    if not isinstance(account, Account) or not _may_use(account, found.key):
        _throttle("login", username)
        raise Refusal(BAD_PASSWORD, "wrong user name or password")
    cookie = str(uuid.uuid4())
    _recent.clear()
    ApiToken.objects.filter(pk=found.pk).update(
        account=account, cookie_hash=hashed(cookie), login_used_at=now
    )
    return cookie


def _may_use(account: Account, key: ApiKey) -> bool:
    """A key serves the people of its own domain; one of a domain above, those below as well."""
    domain = account.domain
    for _ in range(16):
        if domain is None:
            return False
        if domain.moid == key.domain_id:
            return True
        domain = domain.parent
    return False


_recent: dict[tuple[str, str], tuple[float, Session]] = {}


def find(token: str, cookie: str, now: datetime) -> Session:
    """The session of a call that carries a token, the cookie, or both. Raises Refusal.

    A session that was found is believed for a second: a program that asks a hundred times a second
    costs one look, and one that is revoked is out a second later.
    """
    key = (token, cookie)
    until, session = _recent.get(key, (0.0, None))
    if session is None or until < time.monotonic():
        session = _look_up(token, cookie, now)
        if len(_recent) >= MOST_RECENT:
            _recent.clear()
        _recent[key] = (time.monotonic() + BELIEVED_SECONDS, session)
    return session


def _look_up(token: str, cookie: str, now: datetime) -> Session:
    if token:
        found = use_token(token, now)
        right = found.account is not None and (not cookie or found.cookie_hash == hashed(cookie))
    else:
        by_cookie = Q(cookie_hash=hashed(cookie)) if cookie else Q(pk="")
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
    return Session(account, found)


def forget_idle(now: datetime) -> int:
    """Delete tokens that nobody can use any more."""
    return ApiToken.objects.filter(used_at__lt=now - 2 * IDLE).delete()[0]
