"""A person's client signs in and gets a token and an exchange at the broker (IM §6.5, §9).

1. Check that the account may sign in. Raises Denied.
2. Create the exchange to which the person's queues are bound. Raises BrokerUnavailable.
3. Issue a token that is younger than every revocation.
4. Record a sign of life, so that whoever has bound a queue is told everything from then on.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import redis
from django.conf import settings

from domains.data import queries
from domains.models import Account
from foundation.cells.directory import own_platform, redis_of
from im.data import broker, presence_store, revocations
from im.data.locked_conversation import Denied
from im.rules import tokens
from im.rules.conversation_decisions import DenyReason
from im.rules.topology import USER

log = logging.getLogger("im.signin")


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Represent a new access token of a person who has signed in, as text for the client and as its content."""

    text: str
    token: tokens.Token


WAYS = {"amqp": "a", "stomp": "a", "web_stomp": "a", "mqtt": "m", "web_mqtt": "m"}
"""The protocols that a client may name, as `presence_store` keeps them. Another name may mean any of them."""


def sign_in(account: Account, platform: str, now: float, *, way: str = "") -> SignedIn:
    """Sign in an account whose password was checked, and return its new access token.

    `way` is the protocol of its client, such as "amqp" or "mqtt"; "" for an unknown one. All but MQTT need an exchange
    of the person's at the broker. `now` is in seconds since 1970. Raises Denied or BrokerUnavailable.
    """
    user, database = account.moid, account._state.db or "default"
    if not USER.fullmatch(user) or user == _servers_user_name():
        # The user name of our servers would give a person their rights.
        raise Denied(DenyReason.NOT_ALLOWED, "this account's id cannot be a name at the broker")
    if account.domain_id and not account.is_superuser:
        _refuse_disabled(database, account.domain_id)
    protocols = WAYS.get(way, "am")  # "a" is AMQP and STOMP, "m" MQTT
    if "a" in protocols:
        broker.ensure_user(user)
    bearer = tokens.Bearer.MANAGER if account.is_staff else tokens.Bearer.USER
    text, token = tokens.issue(user, platform, bearer, _after_revocations(user, now))
    try:
        presence_store.record_sign_in(user, protocols, now)
    except redis.RedisError as error:
        # The person is then shown as offline until the client's next heartbeat.
        log.warning("signs of life are lost: %s", error)
    return SignedIn(text, token)


def _servers_user_name() -> str:
    """Return the user name with which our own servers sign in at the broker; no person may have it."""
    return str(settings.IM_AMQP_URL).partition("://")[2].partition(":")[0]


def _refuse_disabled(database: str, domain: str) -> None:
    """Check that neither the user domain nor one above it is disabled. Raises Denied."""
    if disabled_domain := queries.disabled_above(database, domain):
        raise Denied(
            DenyReason.NOT_ALLOWED, f"{disabled_domain} is disabled: ask its administrator"
        )


def _after_revocations(user: str, now: float) -> float:
    """Return a time of issue, for a new token, that is later than the last revocation of this person's tokens.

    A token issued in the second of the revocation would be revoked as well.
    """
    try:
        revocations.revoked_tokens.read(redis_of(own_platform()), now)
    except redis.RedisError as error:
        log.warning("what is revoked is not known: %s", error)
    return max(now, revocations.revoked_tokens.revoked_up_to(user) + 1.0)
