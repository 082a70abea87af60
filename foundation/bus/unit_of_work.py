"""A unit of work is one transaction on one platform's database.

It holds what came in, what is staged and what goes out. Many messages share a transaction, so that statements
and commits are paid once per batch. All rows that a batch needs are read and locked first, decisions are made
in memory one message after the other, and everything is written at the end. A conference therefore has one
writer at a time, as with compare-and-set, but at a fraction of its statements.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from django.db import transaction

from foundation.bus import outbox, protocol, wake_up
from foundation.bus.inbox import InboxOfWork, InboxRequest
from foundation.bus.message import Message, dumps, to_body
from foundation.bus.outgoing import Answer, Outgoing, Send
from foundation.cells import serving
from foundation.cells.directory import PlatformStore, own_platform, store_of
from foundation.cells.serving import Serving

log = logging.getLogger("confplatform.bus")

LONGEST_KEY = 255
"""Bytes of a routing key (AMQP). A row with a longer key could never be sent, and would hold up
all rows behind it."""


class AppUnitOfWork(Protocol):
    """The part of a unit of work that reads and writes one app's data."""

    def __init__(self, uow: UnitOfWork) -> None: ...

    def prepare(self, messages: Sequence[Message]) -> None:
        """Read and lock the rows that these messages will need."""

    def flush(self) -> None:
        """Write all that was staged."""

    def after_commit(self) -> None:
        """Bring projections up to date; must not fail."""


Part = TypeVar("Part", bound=AppUnitOfWork)

APP_UNITS_OF_WORK: dict[str, type[AppUnitOfWork]] = {}
"""The class that each app adds to a unit of work, by the app's name. Each `AppConfig.connect` fills its own."""


class NotProvisioned(LookupError):
    """The database has no row for this platform."""


class UnitOfWork:
    """A unit of work stages what one transaction will write and send.

    Handlers see their app's part of it only (`AppUnitOfWork`).
    """

    def __init__(self, store: PlatformStore, served: Serving) -> None:
        self.platform, self.database = store.platform, store.database
        self.epoch, self.now, self.owner = served.epoch, served.now, served.owner
        self.read_only = served.read_only
        """The data may hold writes that were never acknowledged: not even stored answers are repeated from it."""
        self.is_open = served.is_served_here
        self.is_changing = served.is_changing
        self.serving_site = served.serving_site
        self.serving = frozenset({store.platform}) if self.is_open else frozenset()
        self.inbox = InboxOfWork(self.database, self.now)
        self.rows: list[outbox.OutboxRow] = []
        self.answers: dict[str, bytes] = {}
        self.created_conferences: dict[str, tuple[str, str]] = {}
        self._parts: dict[type[AppUnitOfWork], AppUnitOfWork] = {}
        self._app_id = f"{protocol.current().sender_role}@{own_platform()}"

    def part(self, kind: type[Part]) -> Part:
        """Return an app's part of this unit of work; it is created at the first call."""
        part = self._parts.get(kind)
        if part is None:
            part = self._parts[kind] = kind(self)
        assert isinstance(part, kind)
        return part

    def part_of(self, app: str) -> AppUnitOfWork:
        """Return the part of this unit of work that belongs to the app with this name."""
        return self.part(APP_UNITS_OF_WORK[app])

    # ---- sending ----------------------------------------------------------------------------

    def send(self, outgoing: Outgoing) -> None:
        """Stage a message, or the answer to a request."""
        if isinstance(outgoing, Answer):
            self._answer(outgoing)
        else:
            self._send(outgoing)

    def _send(self, send: Send) -> None:
        route = send.route.value
        self.put(
            send.message,
            route.exchange,
            send.key or route.key,
            correlation_id=send.correlation_id,
            reply_to=send.reply_to,
            expiration=str(send.expires_ms) if send.expires_ms else "",
            destination=send.destination,
            headers=send.headers,
        )

    def _answer(self, answer: Answer) -> None:
        request = self.inbox.get(answer.request)
        if request is None:
            self._send(
                Send(
                    message=answer.message,
                    route=answer.route,
                    key=answer.key,
                    destination=answer.destination,
                )
            )
            return
        if request.answer is None:
            request.answer, request.changed = dumps(to_body(answer.message)), True
        route = answer.route.value
        self.answer_again(request, route.exchange, answer.key or route.key, answer.destination)

    def answer_again(
        self, request: InboxRequest, exchange: str, key: str, destination: str = ""
    ) -> None:
        """Stage the answer of a request for its latest sender.

        It goes to the queue that the request named, else by this exchange and key; nowhere where the key is "".
        """
        if request.answer is None:
            return
        if request.origin == "http":
            self.answers[request.key] = request.answer
            return
        destination = destination or request.peer
        if request.reply_to:
            exchange, key, destination = "", request.reply_to, request.peer
        if key:
            mark = request.correlation_id
            self.put(request.answer, exchange, key, correlation_id=mark, destination=destination)

    def put(self, message: Message | bytes, exchange: str, key: str, **properties: Any) -> None:
        """Stage one outbox row. A message whose routing key is too long is left out: no party can have it."""
        if len(key.encode()) > LONGEST_KEY:
            log.warning("nobody has so long an address; not sent: %.64r...", key)
            return
        if properties.get("destination") == own_platform():
            properties["destination"] = ""
        sender = properties.pop("app_id", "") or self._app_id
        row = outbox.row(message, exchange, key, self.now, sender, **properties)
        self.rows.append(row)

    # ---- the end ----------------------------------------------------------------------------

    def flush(self, publish_inline: bool) -> None:
        """Write all that is staged. `publish_inline`: this process publishes the rows itself."""
        for part in self._parts.values():
            part.flush()
        self.inbox.flush()
        outbox.put(self.database, self.rows, self.now, publish_inline=publish_inline)

    def after_commit(self) -> None:
        """Wake the links, and let each app bring its projections up to date."""
        if peers := {row.destination for row in self.rows} - {""}:
            wake_up.everywhere(self.platform, peers)
        for part in self._parts.values():
            part.after_commit()


@contextmanager
def begin(platform: str, *, publish_inline: bool = False) -> Iterator[UnitOfWork]:
    """Run a unit of work on a platform's data; its epoch and time come from the same database.

    Where another site serves the platform nothing is written, whatever was staged. Raises NotProvisioned.
    """
    store = store_of(platform)
    with transaction.atomic(using=store.database):
        served = serving.read(platform, lock=True)
        if served is None:
            raise NotProvisioned(f"no cell {platform}; run manage.py load_demo or provision")
        uow = UnitOfWork(store, served)
        yield uow
        if uow.is_open:
            uow.flush(publish_inline)
    uow.after_commit()
