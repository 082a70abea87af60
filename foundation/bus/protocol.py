"""The interface by which the bus learns of the protocol that it carries: routes, requests and answers, error codes.

This library knows no message type and no party. It asks the `WireProtocol` that the project sets once, at start-up
(`confplatform/apps.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from foundation.bus.limits import QueueLimit
    from foundation.bus.message import Message


@dataclass(frozen=True, slots=True)
class Route:
    """A route says where messages of a kind go: by this exchange (`kind` is its type) and routing key into `queue`.

    `queue` is "" if each reader declares a queue of its own. A route with a `role` exists only at sites that play it.
    """

    exchange: str
    kind: str
    key: str
    queue: str
    role: str = ""


class NamedRoute(Enum):
    """The base of a protocol's table of routes, an enum whose values are of the class `Route`."""

    _value_: Route


class WireProtocol(Protocol):
    """A wire protocol answers the questions of the bus about the messages that it carries."""

    routes: Collection[Route]
    """All routes, so that exchanges, queues and bindings can be declared."""

    dead_letter_queue: str
    """The queue of messages that could not be handled. Nothing consumes it."""

    limits: Collection[QueueLimit]
    """Limits of queues that others may never read: how much lies in them on the broker, and for how long."""

    sender_role: str
    """The first part of the `app_id` of messages that we send: `role@platform`."""

    local_exchanges: Collection[str]
    """Exchanges whose readers belong to one site. At another site another party may have the same routing key."""

    site_exchanges: Collection[str]
    """Exchanges of messages to a module of the site that writes them: another site sends them to that site's broker."""

    passed_on_prefix: str
    """The types of requests that we pass on to another party, which answers them, begin with this."""

    identifying_fields: Collection[str]
    """The fields of a request that are needed to refuse it, if its body is too large to be read."""

    malformed: str
    """The error code of a request that cannot be read, or whose id was used for another request."""

    service_stopped: str
    """The error code of a request that came too late, or is for a platform that this site does not serve."""

    no_answer: str
    """The error code of a request that was passed on and not answered in time."""

    no_answer_detail: str
    """The detail that goes with `no_answer`."""

    http_statuses: Mapping[int, int]
    """The HTTP status of a refusal over HTTP for new client applications, by its code; 409 for all others."""

    resumed_flows: Collection[str]
    """Names of flows that ask another party a question and go on when its answer comes."""

    def queues_of(self, platform: str) -> Collection[str]:
        """Return further queues to declare on the broker of a platform, besides those of the routes."""

    def request_scope(self, body: dict[str, Any]) -> str | None:
        """Return the scope within which the id of a request is unique. `None` means that it is no request."""

    def subject_of(self, body: dict[str, Any]) -> str:
        """Return the number of the conference that a message is about, or ""."""

    def refusal(self, body: dict[str, Any], errcode: str, detail: str) -> Message | None:
        """Return the refusal (NACK) of a request. `None` means that its type has none."""

    def default_reply_route(
        self, queue: str, app_id: str, body: dict[str, Any]
    ) -> tuple[str, str] | None:
        """Return exchange and routing key for the answer to a request without `reply_to`. `None` means no answer."""

    def is_sent_to_us(self, wire_type: str) -> bool:
        """Return whether other parties send messages of this type to us, so that it needs a handler."""

    def is_resumed(self, wire_type: str) -> bool:
        """Return whether messages of this type answer a request by which one of `resumed_flows` asked another party."""

    def reader_of(self, wire_type: str) -> str:
        """Return, for docs/messages.md, who reads messages of a type that we only send."""


_installed: list[WireProtocol] = []


def install(protocol: WireProtocol) -> None:
    """Set the protocol that the bus carries, in place of any former one."""
    _installed[:] = [protocol]


def current() -> WireProtocol:
    """Return the protocol that the bus carries. Raises RuntimeError if `install` was not called."""
    if not _installed:
        text = "the bus has no protocol: call foundation.bus.protocol.install at start-up"
        raise RuntimeError(text)
    return _installed[0]
