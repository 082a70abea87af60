"""A delivery is a message as it came from a queue; an outcome is the result of a batch of deliveries."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

from foundation.bus import registry
from foundation.bus.envelope import Envelope
from foundation.bus.message import BadMessage, Message, loads
from foundation.bus.outbox import OutboxRow
from foundation.clock import next_id

log = logging.getLogger("confplatform.bus")


@dataclass(slots=True)
class Delivery:
    """A delivery is a message as it came from a queue.

    `parsed` is its JSON object and `message` the typed message; `None` if they could not be read. `unreadable` says
    why, or why the message cannot be handled; "" means that it can.
    """

    body: bytes
    envelope: Envelope
    properties: dict[str, Any] = field(default_factory=dict)
    parsed: dict[str, Any] | None = None
    message: Message | None = None
    unreadable: str = ""

    def __post_init__(self) -> None:
        """Read the body. If it cannot be read, set `unreadable`."""
        try:
            self.parsed = loads(self.body)
            self.envelope = self.envelope.with_request_key(self.parsed, f"alone-{next_id():x}")
            self.message = registry.read_message(self.parsed)
        except BadMessage as error:
            self.unreadable = self.unreadable or error.detail[:400]
        except Exception as error:
            log.exception("a message could not be read")
            self.unreadable = f"{type(error).__name__} while it was read"


@dataclass(slots=True)
class Outcome:
    """An outcome is the result of handling a batch: messages to publish (`rows`), and answers to requests over HTTP.

    `answers`: key of a request in the inbox (the table of received requests) -> body of its answer.
    """

    rows: list[OutboxRow] = field(default_factory=list)
    answers: dict[str, bytes] = field(default_factory=dict)
    created_conferences: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Key of a request in the inbox -> number and id of the conference that was created for it."""
    database: str = ""
    """The database in whose outbox the rows are stored, to be deleted once they are published; "" means none."""


class DatabaseAway(Exception):
    """The exception says that the database is unavailable: nothing was done, the broker has to deliver again."""
