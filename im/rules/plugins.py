"""What a plugin of messages sees and returns, and when it counts as broken (docs/howto/write-a-plugin.md).

A plugin is a Python package of its own. It imports this module alone, and is found by an entry point. It is pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from foundation.plain_text import fault_of
from im.rules.messages import Data, IncomingRequest, Say
from im.rules.vocabulary import TEXT_BYTES, Type

NAME = re.compile(r"[a-z][a-z0-9-]{0,19}")
"""The name of a plugin; it is a part of names of queues and of `client_msg_id`s."""
MOST_ANSWERS = 5
"""A plugin may answer a message with so many messages."""
TRIES = 3
"""A message that a plugin fails on is tried so often before it is set aside."""
FAILURES_IN_A_ROW = 3
"""After so many messages on which it failed, with no success between them, a plugin is put out."""

Settings = Mapping[str, object]
"""A plugin's own settings, as IM_PLUGINS has them."""


class Place(StrEnum):
    """A plugin takes part before a message is stored, or after. The value is the group of its entry point."""

    PARSE = "confplatform.parsers"
    """It checks or changes a text before it is stored, within the stage that parses."""
    PROCESS = "confplatform.processors"
    """It hears of messages after they are stored, in a process of its own, and may answer."""


@dataclass(frozen=True, slots=True)
class HeardMessage:
    """Represent a message that has been stored, as a plugin hears of it. `sent_at` is in UTC, as on the wire."""

    conversation: int
    seq: int
    sender: str
    sender_name: str
    type: str
    body: str
    sent_at: str


@dataclass(frozen=True, slots=True)
class SentText:
    """Represent a text that a person wants to say, or to put in place of an earlier one; it is not stored yet."""

    conversation: int
    sender: str
    body: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Represent a plugin's refusal of a text, with a sentence for its sender."""

    reason: str


class ProcessorPlugin(Protocol):
    """A plugin that hears of stored messages and may answer them (Place.PROCESS), such as a bot.

    It is made with its settings, and is used by one thread at a time.
    """

    def handle(self, message: HeardMessage) -> Sequence[str]:
        """Return the texts with which the plugin's account answers a message, at most MOST_ANSWERS.

        The same message may come again after a crash. Its answers then count once.
        """


class ParserPlugin(Protocol):
    """A plugin that checks or changes texts before they are stored (Place.PARSE), such as a filter.

    It is made with its settings, and is used by one thread at a time.
    """

    def check(self, text: SentText) -> str | Refusal:
        """Return the text that is stored instead of the sender's, changed or not, or a refusal."""


class PluginFault(Exception):
    """A plugin has raised, has taken too long, or has returned what it may not."""


@dataclass(slots=True)
class Streak:
    """Represent a count of a plugin's failures since its last success."""

    failures: int = 0

    def note_success(self) -> None:
        """Set the count of failures to 0, since the plugin has handled a message."""
        self.failures = 0

    def note_failure(self) -> bool:
        """Count a failure, and return whether there were so many in a row that the plugin is to be switched off."""
        self.failures += 1
        return self.failures >= FAILURES_IN_A_ROW


def plugin_queue(name: str) -> str:
    """Return the name of the broker's queue in which stored messages wait for a plugin."""
    return f"im.plugin.{name}"


def parked_queue(name: str) -> str:
    """Return the name of the queue of messages on which a plugin has failed, while it did well with others."""
    return f"im.plugin.{name}.parked"


def heard_message(cmd: object, data: Data) -> HeardMessage | None:
    """Return, in the form for plugins, a message that the message center has published.

    `cmd` and `data` are its two fields. `None` means that it is something else, such as an edit or a notice.
    """
    if cmd != "msg":
        return None
    return HeardMessage(
        int(data["conversation_id"]),
        int(data["seq"]),
        str(data["publisher_id"]),
        str(data["publisher_name"]),
        str(data["type"]),
        str(data["body"]),
        str(data["sent_at"]),
    )


def answers_of(
    name: str, account: str, message: HeardMessage, texts: object
) -> list[IncomingRequest]:
    """Return the texts with which the plugin `name` answers a message, as requests of the plugin's `account`.

    Each has a `client_msg_id` made of the message that it answers, so that it is stored once, however often the
    message comes. Raises PluginFault for what is no list of texts.
    """
    if isinstance(texts, str | bytes) or not isinstance(texts, Sequence):
        raise PluginFault("handle: a list of texts is expected")
    if len(texts) > MOST_ANSWERS:
        raise PluginFault(f"handle: at most {MOST_ANSWERS} answers")
    place = f"{name}.{message.conversation}.{message.seq}"
    return [
        IncomingRequest(
            account,
            "",
            Say(message.conversation, Type.TEXT, checked_text(text)),
            f"{place}.{number}",
        )
        for number, text in enumerate(texts)
    ]


def checked_text(text: object) -> str:
    """Return a plugin's text if a person could have sent it.

    Raises PluginFault for one that is empty, too long or has forbidden characters.
    """
    if not isinstance(text, str) or not text:
        raise PluginFault("a text is expected")
    if len(text.encode(errors="replace")) > TEXT_BYTES:
        raise PluginFault(f"a text has at most {TEXT_BYTES} bytes")
    if fault := fault_of(text, may_have_lines=True):
        raise PluginFault(f"text: {fault}")
    return text
