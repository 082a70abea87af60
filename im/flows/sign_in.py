"""A person's client signs in: his token, and his exchange at the broker (IM §6.5, §9).

sign_in
  -> is the account one that may                             else Denied
  -> its exchange, to which his queues are bound             BrokerAway
  -> a token, younger than all that was revoked
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import redis
from django.conf import settings

from domains.data import queries
from domains.models import Account
from foundation.cells.directory import own_platform, redis_of
from im.data import broker, revocations
from im.data.locked_conversation import Denied
from im.rules import tokens
from im.rules.conversation_decisions import DenyReason
from im.rules.topology import USER

log = logging.getLogger("im.signin")


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new token, as text and as value."""

    text: str
    token: tokens.Token


def sign_in(account: Account, platform: str, now: float, *, way: str = "amqp") -> SignedIn:
    """A token for somebody of this platform who has proved who he is; `way`: the protocol he will speak.
    Raises Denied, BrokerAway."""
    user, database = account.moid, account._state.db or "default"
    if not USER.fullmatch(user) or user == _our_name():
        raise Denied(DenyReason.NOT_ALLOWED, "this account's id cannot be a name at the broker")
    if account.domain_id and not account.is_superuser:
        _refuse_disabled(database, account.domain_id)
    if way != "mqtt":
        broker.ensure_user(user)
    bearer = tokens.Bearer.MANAGER if account.is_staff else tokens.Bearer.USER
    text, token = tokens.issue(user, platform, bearer, _after_revocations(user, now))
    return SignedIn(text, token)


def _our_name() -> str:
    """Our servers' user at the broker: closing a person's connections must never close theirs."""
    return str(settings.IM_AMQP_URL).partition("://")[2].partition(":")[0]


def _refuse_disabled(database: str, domain: str) -> None:
    if off := queries.disabled_above(database, domain):
        raise Denied(DenyReason.NOT_ALLOWED, f"{off} is disabled: ask its administrator")


def _after_revocations(user: str, now: float) -> float:
    """A token of the second in which all others were revoked would be void as well."""
    try:
        revocations.revoked_tokens.read(redis_of(own_platform()), now)
    except redis.RedisError as wrong:
        log.warning("what is revoked is not known: %s", wrong)
    return max(now, revocations.revoked_tokens.since(user) + 1.0)
