"""A decision returns the messages to send as pure values, which the unit of work turns into outbox rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from foundation.bus.message import Message
from foundation.bus.protocol import NamedRoute


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """A message to send, with its route.

    `key` takes the place of the route's own key where the message is for one party.
    `destination` is the platform on whose broker the message is published; "" means our own.
    """

    message: Message
    route: NamedRoute
    key: str = ""
    correlation_id: str = ""
    reply_to: str = ""
    expires_ms: int = 0
    destination: str = ""
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The one answer to a request. It goes where the request said, else by `route` to `destination`."""

    request: str
    message: Message
    route: NamedRoute
    key: str = ""
    destination: str = ""


Outgoing = Send | Answer
