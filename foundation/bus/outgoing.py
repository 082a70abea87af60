"""What a decision asks to be sent, before anybody knows how: pure values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from foundation.bus.message import Message
from foundation.bus.protocol import NamedRoute


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """One message and its way. `key` stands in for the route's own, where that names one party;
    `destination` is the platform on whose broker it is published, empty: our own."""

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
    """The one answer to a request; it goes where the asker said, else by `route` to `destination`."""

    request: str
    message: Message
    route: NamedRoute
    key: str = ""
    destination: str = ""


Outgoing = Send | Answer
