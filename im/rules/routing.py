"""The module decides which people get which message of the center, and by which keys. It is pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import orjson

from im.rules.messages import (
    BatchResult,
    Data,
    Notice,
    StoredEntry,
    acknowledgement,
    refusal_notice,
    to_wire,
)
from im.rules.topology import BASE, INCOMING, conversation_key, mqtt_key, user_key
from im.rules.vocabulary import KEYS_A_PUBLISH

Protocols = Mapping[str, str]
"""For each person the protocols over which that person listens now; absent means offline.

"a" is AMQP and STOMP, "m" is MQTT.
"""

EVERY_WAY = "am"
TOGETHER = "people"
"""The key of notices that reach people by their further keys (BCC) alone; nothing is bound by it."""


@dataclass(frozen=True, slots=True)
class Publication:
    """A message to publish at the broker. `bcc` holds further routing keys, which no receiver sees."""

    exchange: str
    key: str
    body: bytes
    bcc: tuple[str, ...] = ()

    @property
    def headers(self) -> dict[str, list[str]]:
        """Return the AMQP headers of the message: the further routing keys."""
        return {"BCC": list(self.bcc)} if self.bcc else {}


def publications_of(outcome: BatchResult, protocols: Protocols) -> Iterator[Publication]:
    """Yield everything that is to be published about a handled batch, in the order in which to publish it.

    `protocols`: id of a person who is online -> "a" (AMQP, STOMP), "m" (MQTT) or "am".
    """
    keys: dict[int, tuple[str, ...]] = {}
    for entry in outcome.entries:
        number = entry.conversation
        if number not in keys:
            people = outcome.members.get(number, ())
            keys[number] = keys_of({user: protocols[user] for user in people if user in protocols})
        yield from _publish_in_conversation(number, to_wire(entry), keys[number])
    for entry in outcome.acks:
        yield _publish_to_person(entry.sender, acknowledgement(entry), protocols)
    for refused in outcome.refused:
        if refused.sender:
            yield _publish_to_person(refused.sender, refusal_notice(refused), protocols)
    for note in outcome.notes:
        yield from notice_publications(note, protocols)


def entry_publications(entry: StoredEntry, protocols: Protocols) -> Iterator[Publication]:
    """Yield the messages that bring an entry of a conversation's log to those of its readers who are online.

    `protocols`: id of a person who is online -> "a" (AMQP, STOMP), "m" (MQTT) or "am".
    """
    return _publish_in_conversation(entry.conversation, to_wire(entry), keys_of(protocols))


def notice_publications(note: Notice, protocols: Protocols) -> Iterator[Publication]:
    """Yield the messages that bring a notice to those of its people who are online.

    A notice in a conversation is one message for all, any other is one message for each person. One that is sent to
    many people `together` is one message for up to KEYS_A_PUBLISH of them; its routing key does not tell its receivers
    who the others are.
    `protocols`: id of a person who is online -> "a" (AMQP, STOMP), "m" (MQTT) or "am".
    """
    message = {"cmd": note.cmd.value, "data": note.data}
    listening = {user: protocols[user] for user in note.users if user in protocols}
    if note.together:
        keys, body = keys_of(listening), orjson.dumps(message)
        for first in range(0, len(keys), KEYS_A_PUBLISH):
            yield Publication(BASE, TOGETHER, body, keys[first : first + KEYS_A_PUBLISH])
        return
    if note.conversation:
        if listening:
            yield from _publish_in_conversation(note.conversation, message, keys_of(listening))
        return
    for user in listening:
        yield _publish_to_person(user, message, listening)


def keys_of(protocols: Protocols) -> tuple[str, ...]:
    """Return the routing keys that reach these people; `protocols`: id of a person -> "a", "m" or "am"."""
    return tuple(
        key(user)
        for user, letters in protocols.items()
        for letter, key in (("a", user_key), ("m", mqtt_key))
        if letter in letters
    )


def _publish_in_conversation(
    conversation: int, message: Data, keys: tuple[str, ...]
) -> Iterator[Publication]:
    """Yield the messages that bring `message` to the people whom `keys` reach, KEYS_A_PUBLISH keys each.

    There is one message even without keys, since archivers get it by the conversation's own key.
    """
    body, key = orjson.dumps(message), conversation_key(conversation)
    for first in range(0, len(keys) or 1, KEYS_A_PUBLISH):
        yield Publication(INCOMING, key, body, keys[first : first + KEYS_A_PUBLISH])


def _publish_to_person(user: str, message: Data, protocols: Protocols) -> Publication:
    """Return the publication that brings `message` to one person.

    If `protocols` does not say over which protocols the person listens, it goes to all of them.
    """
    letters = protocols.get(user, EVERY_WAY)
    key, *further_keys = [*keys_of({user: letters})] or [user_key(user)]
    return Publication(BASE, key, orjson.dumps(message), tuple(further_keys))
