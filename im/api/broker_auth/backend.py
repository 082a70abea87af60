"""Answers the broker's questions: reads the token, asks the rules, keeps the pace."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping

import redis
from prometheus_client import Counter

from foundation.cells.directory import own_platform, possible_platforms, redis_of
from im.data import presence_store
from im.data.revocations import RevokedTokens
from im.rules import broker_permissions, tokens
from im.rules.pace import RateLimit

log = logging.getLogger("im.door")

ANSWERS = Counter("im_door_answers", "Questions of the clients' broker", ["question", "answer"])
KNOWN = Counter("im_door_refreshes", "Looks at what is revoked, by what came of them", ["result"])

SIGN_INS = (2.0, 60)
"""A second and at once, for each person: a sign-in asks once, over MQTT and STOMP twice."""
DECLARES = (1.0, 60)
"""Queues that are made or deleted."""
ALLOW, DENY = "allow", "deny"

Asked = Mapping[str, str]


class Desk:
    """One process' memory: what is revoked, who floods, how often each has come."""

    def __init__(self, vhost: str) -> None:
        self._vhost = vhost
        self._revoked = RevokedTokens()
        self._floods: dict[str, int] = {}
        self._sign_ins, self._declares = RateLimit(*SIGN_INS), RateLimit(*DECLARES)
        self.questions: dict[str, Callable[[Asked], str]] = {
            "user": self.user,
            "vhost": self.vhost,
            "resource": self.resource,
            "topic": self.topic,
        }

    @property
    def is_open(self) -> bool:
        """Nobody is let in before it is known who may not."""
        return self._revoked.is_whole

    def refresh(self) -> None:
        """Ask Redis; where it is away, what is known stays known."""
        now = time.time()
        try:
            self._revoked.read(redis_of(own_platform()), now)
            self._floods = presence_store.blocked_flooders(now)
        except redis.RedisError as wrong:
            KNOWN.labels("away").inc()
            log.warning("Redis is away, so who was revoked since is not known: %s", wrong)
            return
        KNOWN.labels("read").inc()
        for pace in (self._sign_ins, self._declares):
            pace.forget_full(time.monotonic())

    def answer(self, question: str, asked: Asked) -> str:
        """`allow`, with tags for a sign-in, or `deny`."""
        ask = self.questions.get(question)
        said = ask(asked) if ask else DENY
        ANSWERS.labels(question if ask else "unknown", said.partition(" ")[0]).inc()
        return said

    def user(self, asked: Asked) -> str:
        """A sign-in: is the password a live token of this user, and the client id his?"""
        user, now = asked.get("username", ""), time.time()
        try:
            token = tokens.read(asked.get("password", ""))
        except tokens.InvalidToken:
            return DENY
        known = (
            token.user == user
            and broker_permissions.is_known(user, token.bearer)
            and _is_of_here(token)
        )
        if not known or not token.is_live(now) or not self.is_open or self._revoked.voids(token):
            return DENY
        client = asked.get("client_id")
        if client is not None and not broker_permissions.owns_client(user, client):
            return DENY
        if self._floods.get(user, 0) > now or not self._sign_ins.allows(user, time.monotonic()):
            return DENY
        return f"{ALLOW} {broker_permissions.BrokerClient(user, token.bearer, client is not None).tags}"

    def vhost(self, asked: Asked) -> str:
        """The clients' own one alone."""
        return _said(_who(asked) is not None and asked.get("vhost") == self._vhost)

    def resource(self, asked: Asked) -> str:
        """A queue or an exchange."""
        client, permission = _who(asked), asked.get("permission", "")
        kind, name = asked.get("resource", ""), asked.get("name", "")
        if client is None or not broker_permissions.may_use(client, kind, name, permission):
            return DENY
        paced = permission != "configure" or self._declares.allows(client.user, time.monotonic())
        return _said(paced)

    def topic(self, asked: Asked) -> str:
        """A key on a topic exchange."""
        client, key = _who(asked), asked.get("routing_key", "")
        name, permission = asked.get("name", ""), asked.get("permission", "")
        return _said(
            client is not None and broker_permissions.may_route(client, name, permission, key)
        )


def _is_of_here(token: tokens.Token) -> bool:
    """People of a platform that this site may have to serve; programs of its own platform alone."""
    if token.bearer is tokens.Bearer.SERVICE:
        return token.platform == own_platform()
    return token.platform in possible_platforms()


def _who(asked: Asked) -> broker_permissions.BrokerClient | None:
    client = broker_permissions.client_of(asked.get("username", ""), asked.get("tags", ""))
    return client if client and broker_permissions.is_known(client.user, client.bearer) else None


def _said(yes: bool) -> str:
    return ALLOW if yes else DENY
