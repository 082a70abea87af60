"""The bus is given the protocol that it carries: routes, requests and their answers, error codes.

The library knows no message and no party. What it has to know of them it asks the `WireProtocol`
that the project gives it once, at start-up (`confplatform/apps.py`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from foundation.bus.message import Message


@dataclass(frozen=True, slots=True)
class Route:
    """A route is where a kind of message goes. An empty `queue` means that each reader declares its own."""

    exchange: str
    kind: str
    key: str
    queue: str


class NamedRoute(Enum):
    """The base of a protocol's table of routes, an enum whose values are of the class `Route`."""

    _value_: Route


class WireProtocol(Protocol):
    """The interface through which the bus learns what it has to know of the protocol that it carries."""

    routes: Collection[Route]
    """All routes, so that exchanges, queues and bindings can be declared."""

    dead_letter_queue: str
    """The queue of messages that could not be handled. Nothing consumes it."""

    sender_role: str
    """The role in the `app_id` of what a unit of work sends: `role@platform`."""

    local_exchanges: Collection[str]
    """Exchanges to parties of the site that wrote a message: at another site a stranger may have the same key."""

    passed_on_prefix: str
    """How the types of requests begin that another party answers."""

    identifying_fields: Collection[str]
    """Fields that are enough to refuse a request whose body breaks a limit."""

    malformed: str
    """The error code of a request that cannot be read, or whose id was used for another request."""

    service_stopped: str
    """The error code of a request that is late, or for data that this site does not serve."""

    no_answer: str
    """The error code of a request that was passed on and not answered in time."""

    no_answer_detail: str
    """The detail that goes with `no_answer`."""

    resumed_flows: Collection[str]
    """Flows that ask a question and go on when its answer comes."""

    def queues_of(self, platform: str) -> Collection[str]:
        """Return further queues on the broker of a platform, beside those of the routes."""

    def request_scope(self, body: dict[str, Any]) -> str | None:
        """Return the scope within which the id of a request is unique. `None` means: not a request."""

    def subject_of(self, body: dict[str, Any]) -> str:
        """Return the number of what a request is about, or ""."""

    def refusal(self, body: dict[str, Any], errcode: str, detail: str) -> Message | None:
        """Return the NACK of a request. `None` means that none can be made."""

    def default_reply_route(
        self, queue: str, app_id: str, body: dict[str, Any]
    ) -> tuple[str, str] | None:
        """Return exchange and key for an answer whose request named no place. `None` means nowhere."""

    def comes_in(self, wire_type: str) -> bool:
        """Return whether others send this type to us, so that it needs a handler."""

    def is_resumed(self, wire_type: str) -> bool:
        """Return whether this type answers a question, which one of `resumed_flows` has asked."""

    def reader_of(self, wire_type: str) -> str:
        """Return, for the page of messages, who reads a type that has no handler here."""


_given: list[WireProtocol] = []


def give(protocol: WireProtocol) -> None:
    """Give the bus its protocol, in place of any that it had before."""
    _given[:] = [protocol]


def current() -> WireProtocol:
    """Return the protocol that the bus was given. Raises RuntimeError where it was given none."""
    if not _given:
        raise RuntimeError("the bus has no protocol: call foundation.bus.protocol.give at start-up")
    return _given[0]
