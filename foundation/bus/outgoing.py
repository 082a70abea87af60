"""The rules, which are pure functions, return messages to send as these values, which are then stored as rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from foundation.bus.message import Message
from foundation.bus.protocol import NamedRoute


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """A message to be stored for sending, with its route (exchange and routing key).

    `key` takes the place of the route's key if the message is for one party only. `destination` is the platform on
    whose broker the message is published; "" means our own. `expires_ms` is its time to live; 0 means no limit.
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
    """Represent the answer to a request. `request` is the request's key in the inbox (the table of received requests).

    It goes to the queue that the request names in `reply_to`, or else by `route` to the broker of `destination`.
    """

    request: str
    message: Message
    route: NamedRoute
    key: str = ""
    destination: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """A change of which client applications that listen for its user domain are told (HTTP API).

    `channel` begins with a slash and names what has changed; `body` is a JSON object, already written as text.
    """

    user_domain: str
    channel: str
    body: bytes


Outgoing = Send | Answer
