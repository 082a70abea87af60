"""Two decorators register which handler takes which message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from foundation.bus.message import TYPES, BadMessage, Message, Raw, from_body

F = TypeVar("F", bound=Callable[..., None])

HANDLERS: dict[type[Message], Callable[..., None]] = {}
RESUMPTIONS: dict[str, Callable[..., None]] = {}
RESUMING: set[type[Message]] = set()
PASSED: list[tuple[str, type[Raw]]] = []


def handles(*kinds: type[Message]) -> Callable[[F], F]:
    """Mark the one handler of these messages: `(uow, message, envelope) -> None`."""

    def register(function: F) -> F:
        for kind in kinds:
            if kind in HANDLERS:
                raise TypeError(f"{kind.__name__} has two handlers")
            HANDLERS[kind] = function
        return function

    return register


def resumes(flow: str, *kinds: type[Message]) -> Callable[[F], F]:
    """Mark the function that goes on with a flow at these answers to its question.

    The correlation id of the question begins with `flow:`.
    """

    def register(function: F) -> F:
        if flow in RESUMPTIONS:
            raise TypeError(f"{flow} is resumed twice")
        RESUMPTIONS[flow] = function
        RESUMING.update(kinds)
        return function

    return register


def passes(prefix: str, kind: type[Raw]) -> None:
    """Register the class of all messages whose type begins with a prefix (conference control)."""
    PASSED.append((prefix, kind))


def is_passed(message: Message | None) -> bool:
    """Return whether a message is passed on, so that another party answers it."""
    return isinstance(message, tuple(kind for _, kind in PASSED))


def app_of(handler: Callable[..., None]) -> str:
    """Return the app whose part of the unit of work a handler gets: the first part of its module's name."""
    return handler.__module__.partition(".")[0]


def read(body: dict[str, Any]) -> Message:
    """Return the message of a JSON object. Raises BadMessage, also for an unknown type."""
    wire_type = body["type"]
    if kind := TYPES.get(wire_type):
        return from_body(kind, body)
    for prefix, passed in PASSED:
        if wire_type.startswith(prefix):
            return passed(body)
    raise BadMessage(f"unknown type {wire_type[:64]!r}", "type")


def handler_of(message: Message, correlation_id: str) -> Callable[..., None]:
    """Return the handler of a message. Raises BadMessage where it has none."""
    kind = type(message)
    if handler := HANDLERS.get(kind):
        return handler
    flow = correlation_id.partition(":")[0]
    if kind in RESUMING and (handler := RESUMPTIONS.get(flow)):
        return handler
    raise BadMessage(f"{message.type} is not taken here", "type")
