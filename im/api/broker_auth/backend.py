"""The decisions of the clients' broker's auth backend: by token, by names, and by rate limits."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping

import redis
from prometheus_client import Counter

from foundation import clock
from foundation.cells.directory import own_platform, possible_platforms, redis_of
from im.data import presence_store
from im.data.revocations import RevokedTokens
from im.rules import broker_permissions, tokens
from im.rules.pace import RateLimit

log = logging.getLogger("im.door")

ANSWERS = Counter("im_door_answers", "Questions of the clients' broker", ["question", "answer"])
REFRESHES = Counter(
    "im_door_refreshes", "Looks at what is revoked, by what came of them", ["result"]
)

SIGN_IN_RATE = (2.0, 60)
"""A person's rate limit: 2 sign-ins a second, 60 in a burst. MQTT and STOMP ask twice for each."""
DECLARE_RATE = (1.0, 60)
"""A person's rate limit: 1 queue created or deleted a second, 60 in a burst."""
ALLOW, DENY = "allow", "deny"

Fields = Mapping[str, str]


class AuthBackend:
    """The part that decides for the clients' message broker who may sign in, and what a client may do.

    A process holds one, with the revoked tokens, the people refused for flooding, and the rates of sign-ins.
    """

    def __init__(self, vhost: str) -> None:
        """Decide for `vhost`, the clients' virtual host of the broker. `refresh` must be called before sign-ins."""
        self._vhost = vhost
        self._revoked = RevokedTokens()
        self._platform_clock = clock.FarClock()
        # The user whom the backend refuses for flooding -> until when, in seconds since 1970.
        self._blocked_until: dict[str, int] = {}
        self._sign_ins, self._declares = RateLimit(*SIGN_IN_RATE), RateLimit(*DECLARE_RATE)
        # The last part of the request's path -> the method that decides on the request.
        self.questions: dict[str, Callable[[Fields], str]] = {
            "user": self.user,
            "vhost": self.vhost,
            "resource": self.resource,
            "topic": self.topic,
        }

    @property
    def is_open(self) -> bool:
        """Return whether the revoked tokens have been read from Redis; before that all sign-ins are denied."""
        return self._revoked.is_whole

    def refresh(self) -> None:
        """Read the revoked tokens and the refused people from Redis.

        If Redis is unavailable, what was read before stays.
        """
        now = clock.timestamp()
        try:
            self._revoked.read(redis_of(own_platform()), now)
            self._platform_clock.note_platform_time(self._revoked.copied_at())
            self._blocked_until = presence_store.blocked_flooders(now)
        except redis.RedisError as error:
            REFRESHES.labels("away").inc()
            log.warning("Redis is away, so who was revoked since is not known: %s", error)
            return
        REFRESHES.labels("read").inc()
        for limit in (self._sign_ins, self._declares):
            limit.forget_full(time.monotonic())

    def answer(self, question: str, fields: Fields) -> str:
        """Return the answer to a question of the broker, `allow` or `deny`.

        `question` is `user`, `vhost`, `resource` or `topic`, `fields` what the broker says with it. The `allow` of a
        sign-in (`user`) is followed by the tags that the broker stores for the client.
        """
        decide = self.questions.get(question)
        reply = decide(fields) if decide else DENY
        ANSWERS.labels(question if decide else "unknown", reply.partition(" ")[0]).inc()
        return reply

    def user(self, fields: Fields) -> str:
        """Return `allow` and the client's tags, or `deny`, for a sign-in to the broker.

        The password must be a token of this user that is neither expired nor revoked; an MQTT client id must
        begin as this user's do.
        """
        user, now = fields.get("username", ""), clock.timestamp()
        try:
            token = tokens.read(fields.get("password", ""))
        except tokens.InvalidToken:
            return DENY
        is_known = (
            token.user == user
            and broker_permissions.is_known(user, token.bearer)
            and _may_be_served_here(token)
        )
        if (
            not is_known
            or not token.is_live(now)
            or not self.is_open
            or self._revoked.is_revoked(token)
        ):
            return DENY
        client_id = fields.get("client_id")
        if client_id is not None and not broker_permissions.owns_client(user, client_id):
            return DENY
        if self._blocked_until.get(user, 0) > now or not self._sign_ins.allows(
            user, time.monotonic()
        ):
            return DENY
        return f"{ALLOW} {broker_permissions.BrokerClient(user, token.bearer, client_id is not None).tags}"

    def vhost(self, fields: Fields) -> str:
        """Return `allow` or `deny` for the use of a virtual host of the broker: clients may use only their own."""
        return _allow_or_deny(_client_of(fields) is not None and fields.get("vhost") == self._vhost)

    def resource(self, fields: Fields) -> str:
        """Return `allow` or `deny` for a client that declares, writes to or reads from a queue or an exchange.

        What may be declared or deleted is also limited by the person's rate (DECLARE_RATE).
        """
        client, permission = _client_of(fields), fields.get("permission", "")
        kind, name = fields.get("resource", ""), fields.get("name", "")
        if client is None or not broker_permissions.may_use(client, kind, name, permission):
            return DENY
        is_within_rate = permission != "configure" or self._declares.allows(
            client.user, time.monotonic()
        )
        return _allow_or_deny(is_within_rate)

    def topic(self, fields: Fields) -> str:
        """Return `allow` or `deny` for a client that publishes or binds with a routing key of a topic exchange."""
        client, key = _client_of(fields), fields.get("routing_key", "")
        name, permission = fields.get("name", ""), fields.get("permission", "")
        return _allow_or_deny(
            client is not None and broker_permissions.may_route(client, name, permission, key)
        )


def _may_be_served_here(token: tokens.Token) -> bool:
    """Return whether this site holds the data of the token's platform, and so may have to take its requests.

    Tokens of programs are accepted only for the site's own platform.
    """
    if token.bearer is tokens.Bearer.SERVICE:
        return token.platform == own_platform()
    return token.platform in possible_platforms()


def _client_of(fields: Fields) -> broker_permissions.BrokerClient | None:
    """Return the client that a question of the broker names; `None` if it is no client of ours."""
    client = broker_permissions.client_of(fields.get("username", ""), fields.get("tags", ""))
    return client if client and broker_permissions.is_known(client.user, client.bearer) else None


def _allow_or_deny(is_allowed: bool) -> str:
    """Return the answer, `allow` or `deny`, by which the broker understands a decision."""
    return ALLOW if is_allowed else DENY
