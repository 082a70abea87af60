"""The registry has the handler of each message class. The decorators `handles` and `resumes` fill it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from foundation.bus.message import TYPES, BadMessage, Message, Raw, from_body

F = TypeVar("F", bound=Callable[..., None])

HANDLERS: dict[type[Message], Callable[..., None]] = {}
RESUMPTIONS: dict[str, Callable[..., None]] = {}
"""Name of a flow that asks a question -> function that goes on with it when the answer comes."""

RESUMING: set[type[Message]] = set()
"""Classes of messages that answer such questions."""

PASSED_ON: list[tuple[str, type[Raw]]] = []
"""First letters of a message's type, and the class of these messages, which we pass on to another party."""


def handles(*classes: type[Message]) -> Callable[[F], F]:
    """Return a decorator that registers a function as the only handler of messages of these classes.

    It is called as `(uow, message, envelope)`; `uow` is the open transaction.
    """

    def register(function: F) -> F:
        """Store the function as the handler of these messages. Raises TypeError if one of them has a handler."""
        for message_class in classes:
            if message_class in HANDLERS:
                raise TypeError(f"{message_class.__name__} has two handlers")
            HANDLERS[message_class] = function
        return function

    return register


def resumes(flow: str, *classes: type[Message]) -> Callable[[F], F]:
    """Return a decorator for the function that continues a task when another party's answer to a request of ours comes.

    `classes` are the messages that such an answer may be. `flow` names the task: the correlation id of the request,
    which the answer repeats, begins with this name and a colon.
    """

    def register(function: F) -> F:
        """Store the function as the one that continues the task. Raises TypeError if the task has one."""
        if flow in RESUMPTIONS:
            raise TypeError(f"{flow} is resumed twice")
        RESUMPTIONS[flow] = function
        RESUMING.update(classes)
        return function

    return register


def passes_on(prefix: str, message_class: type[Raw]) -> None:
    """Register the class of messages whose type begins with a prefix, and which we pass on to another party."""
    PASSED_ON.append((prefix, message_class))


def is_passed_on(message: Message | None) -> bool:
    """Return whether a message is passed on to another party, which answers it."""
    return isinstance(message, tuple(message_class for _, message_class in PASSED_ON))


def app_of(handler: Callable[..., None]) -> str:
    """Return the name of the app that a message handler belongs to: the first part of its module's name.

    The handler gets that app's part of the unit of work (the transaction).
    """
    return handler.__module__.partition(".")[0]


def read_message(body: dict[str, Any]) -> Message:
    """Return a received JSON object as a message of the class for its `type`. Raises BadMessage if there is none."""
    wire_type = body["type"]
    if message_class := TYPES.get(wire_type):
        return from_body(message_class, body)
    for prefix, raw_class in PASSED_ON:
        if wire_type.startswith(prefix):
            return raw_class(body)
    raise BadMessage(f"unknown type {wire_type[:64]!r}", "type")


def handler_of(message: Message, correlation_id: str) -> Callable[..., None]:
    """Return the function that handles a message. Raises BadMessage if there is none.

    An answer to a request of ours is handled by the task (flow) whose name begins its correlation id.
    """
    message_class = type(message)
    if handler := HANDLERS.get(message_class):
        return handler
    flow = correlation_id.partition(":")[0]
    if message_class in RESUMING and (handler := RESUMPTIONS.get(flow)):
        return handler
    raise BadMessage(f"{message.type} is not taken here", "type")
