"""Who is told what, and by which keys: what is stored becomes what is published. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from im.rules.messages import Note, Outcome, Stored, acknowledged, refusal, shown
from im.rules.topology import BASE, INCOMING, conversation_key, mqtt_key, user_key
from im.rules.vocabulary import KEYS_A_PUBLISH

Ways = Mapping[str, str]
"""By person: over which protocols he listens just now ("a": AMQP and STOMP, "m": MQTT); absent: offline."""

EVERY_WAY = "am"


@dataclass(frozen=True, slots=True)
class Push:
    """One publication. `bcc`: keys by which it is routed as well, and which no receiver sees."""

    exchange: str
    key: str
    body: bytes
    bcc: tuple[str, ...] = ()

    @property
    def headers(self) -> dict[str, list[str]]:
        """As AMQP carries them."""
        return {"BCC": list(self.bcc)} if self.bcc else {}


def route(outcome: Outcome, ways: Ways) -> Iterator[Push]:
    """All that a batch has led to, in the order in which it is published."""
    keys: dict[int, tuple[str, ...]] = {}
    for entry in outcome.entries:
        number = entry.conversation
        if number not in keys:
            people = outcome.members.get(number, ())
            keys[number] = keys_of({u: ways[u] for u in people if u in ways})
        yield from _to_all(number, shown(entry), keys[number])
    for entry in outcome.acks:
        yield _to_one(entry.sender, acknowledged(entry), ways)
    for refused in outcome.refused:
        if refused.sender:
            yield _to_one(refused.sender, refusal(refused), ways)
    for note in outcome.notes:
        yield from noted(note, ways)


def pushes(entry: Stored, ways: Ways) -> Iterator[Push]:
    """An entry, to those of these people who are online."""
    return _to_all(entry.conversation, shown(entry), keys_of(ways))


def noted(note: Note, ways: Ways) -> Iterator[Push]:
    """What is kept nowhere: by a conversation's key, or to each person alone."""
    said = {"cmd": note.cmd.value, "data": note.data}
    listening = {user: ways[user] for user in note.users if user in ways}
    if note.conversation:
        if listening:
            yield from _to_all(note.conversation, said, keys_of(listening))
        return
    for user in listening:
        yield _to_one(user, said, listening)


def keys_of(ways: Ways) -> tuple[str, ...]:
    """By which keys these people are reached."""
    return tuple(
        key(user)
        for user, how in ways.items()
        for way, key in (("a", user_key), ("m", mqtt_key))
        if way in how
    )


def _to_all(conversation: int, said: dict[str, Any], keys: tuple[str, ...]) -> Iterator[Push]:
    """Even when nobody is online: archivers listen by the conversation's key."""
    body, key = orjson.dumps(said), conversation_key(conversation)
    for first in range(0, len(keys) or 1, KEYS_A_PUBLISH):
        yield Push(INCOMING, key, body, keys[first : first + KEYS_A_PUBLISH])


def _to_one(user: str, said: dict[str, Any], ways: Ways) -> Push:
    """Of whom we do not know where he listens, he may listen anywhere."""
    how = ways.get(user, EVERY_WAY)
    key, *more = [*keys_of({user: how})] or [user_key(user)]
    return Push(BASE, key, orjson.dumps(said), tuple(more))
