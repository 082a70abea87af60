"""A unit of work is one transaction on one platform's database, with the messages that it causes.

Many messages share a transaction, so that statements and commits are needed once per batch. All rows that a batch
needs are read and locked first, decisions are made in memory one message after the other, and everything is written
at the end. A conference therefore has one writer at a time, as with compare-and-set, but with far fewer statements.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, Protocol, TypeVar

from django.db import transaction

from foundation.bus import events, outbox, protocol, wake_up
from foundation.bus.inbox import InboxRequest, InboxUnitOfWork
from foundation.bus.message import Message, dumps, to_body
from foundation.bus.outgoing import Answer, Event, Outgoing, Send
from foundation.cells import serving
from foundation.cells.directory import PlatformStore, own_platform, store_of
from foundation.cells.serving import Serving

log = logging.getLogger("confplatform.bus")

LONGEST_KEY = 255
"""AMQP allows this many bytes for a routing key. A row with a longer one could never be sent, and would hold up all
rows after it."""


class AppUnitOfWork(Protocol):
    """The part of a unit of work (one transaction) that reads and writes one app's data."""

    def __init__(self, uow: UnitOfWork) -> None: ...

    def prepare(self, messages: Sequence[Message]) -> None:
        """Read and lock the rows that the handlers of these messages will need."""

    def flush(self) -> None:
        """Write all staged changes of this app to the database, in the open transaction."""

    def after_commit(self) -> None:
        """Update copies of the data outside the database, for instance in Redis. It must not fail."""


Part = TypeVar("Part", bound=AppUnitOfWork)

APP_UNITS_OF_WORK: dict[str, type[AppUnitOfWork]] = {}
"""Name of an app -> class of its part of a unit of work. Each app adds its own in `AppConfig.connect`."""


class NotProvisioned(LookupError):
    """The exception says that a platform was not set up: its database has no row that says which site serves it."""


class UnitOfWork:
    """A unit of work collects the changes that a transaction will write, and the messages it will send.

    Handlers get their app's part of it only (`AppUnitOfWork`).
    """

    def __init__(self, store: PlatformStore, served: Serving) -> None:
        """Begin a transaction with nothing staged.

        `served` says which site serves the platform, as it has just been read.
        """
        self.platform, self.database = store.platform, store.database
        self.epoch, self.now, self.owner = served.epoch, served.now, served.owner
        self.read_only = served.read_only
        """Whether the database takes no writes. Then it may hold writes that were acknowledged to nobody, so not
        even stored answers are sent from it.
        """
        self.is_open = served.is_served_here
        self.is_changing = served.is_changing
        self.serving_site = served.serving_site
        self.serving = frozenset({store.platform}) if self.is_open else frozenset()
        self.inbox = InboxUnitOfWork(self.database, self.now)
        self.rows: list[outbox.OutboxRow] = []
        """The messages to send."""
        self.events: list[Event] = []
        """The events to write, for client applications that listen for changes."""
        self._last_events: dict[str, int] = {}
        """User domain -> number of the last event that `flush` has written for it."""
        self.answers: dict[str, bytes] = {}
        """Key of a request that came over HTTP -> body of its answer."""
        self.created_conferences: dict[str, tuple[str, str]] = {}
        """Key of a request -> (number, id) of the conference that it has created."""
        self._parts: dict[type[AppUnitOfWork], AppUnitOfWork] = {}
        self._held_locks = ExitStack()
        self._app_id = f"{protocol.current().sender_role}@{own_platform()}"

    def part(self, part_class: type[Part]) -> Part:
        """Return an app's part of this unit of work, given by its class. It is created at the first call.

        A unit of work is one transaction.
        """
        part = self._parts.get(part_class)
        if part is None:
            part = self._parts[part_class] = part_class(self)
        assert isinstance(part, part_class)
        return part

    def part_of(self, app: str) -> AppUnitOfWork:
        """Return the part of this unit of work (one transaction) that belongs to the app with this name."""
        return self.part(APP_UNITS_OF_WORK[app])

    def hold_lock(self, lock: AbstractContextManager[None]) -> None:
        """Enter a lock that is no lock of a row, and hold it until the transaction is committed or rolled back."""
        self._held_locks.enter_context(lock)

    def release_locks(self) -> None:
        """Leave the locks (other than those of rows) that were held until the end of the transaction."""
        self._held_locks.close()

    # ---- sending ----------------------------------------------------------------------------

    def send(self, outgoing: Outgoing) -> None:
        """Stage a message, or the answer to a request: it is sent once the transaction has committed."""
        if isinstance(outgoing, Answer):
            self._stage_answer(outgoing)
        else:
            self._stage_message(outgoing)

    def publish_event(self, event: Event) -> None:
        """Stage an event (a change), to be written at the end, for client applications that listen for its tenant."""
        self.events.append(event)

    def _stage_message(self, send: Send) -> None:
        """Stage a message that is no answer to a stored request: it is sent once the transaction has committed."""
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

    def _stage_answer(self, answer: Answer) -> None:
        """Stage the answer to a request, and store it in the inbox (the table of received requests).

        If the request has a stored answer already, that one is staged again, and the new one is dropped. An answer to a
        request that is not in the inbox is staged as an ordinary message.
        """
        request = self.inbox.find_request(answer.request)
        if request is None:
            self._stage_message(
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
        self.stage_stored_answer(
            request, route.exchange, answer.key or route.key, answer.destination
        )

    def stage_stored_answer(
        self, request: InboxRequest, exchange: str, key: str, destination: str = ""
    ) -> None:
        """Stage the answer that is stored with a request, for its latest sender; do nothing if there is none.

        It goes to the queue that the request names in `reply_to`, or else by this exchange and key; `key` "" means that
        there is no way to answer. The answer to a request over HTTP is noted in `answers`.
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
            self.put(
                request.answer,
                exchange,
                key,
                correlation_id=request.correlation_id,
                destination=destination,
            )

    def put(self, message: Message | bytes, exchange: str, key: str, **properties: Any) -> None:
        """Stage a message for an exchange and a routing key: it is sent once the transaction has committed.

        `properties` are AMQP properties, and `destination`, the platform on whose broker to publish it. A message
        whose routing key is longer than AMQP allows is left out, since no party can have such a key.
        """
        if len(key.encode()) > LONGEST_KEY:
            log.warning("nobody has so long an address; not sent: %.64r...", key)
            return
        if properties.get("destination") == own_platform():
            properties["destination"] = ""
        sender = properties.pop("app_id", "") or self._app_id
        row = outbox.new_row(message, exchange, key, self.now, sender, **properties)
        self.rows.append(row)

    # ---- writing ----------------------------------------------------------------------------

    def flush(self, publish_inline: bool) -> None:
        """Write all staged changes, messages and events to the database. `publish_inline`: see `outbox.insert_rows`.

        Events come last: until the commit no other transaction can number events of the same tenants.
        """
        for part in self._parts.values():
            part.flush()
        self.inbox.flush()
        outbox.insert_rows(self.database, self.rows, self.now, publish_inline=publish_inline)
        self._last_events = events.insert_events(self.database, self.events)

    def after_commit(self, publish_inline: bool) -> None:
        """Wake the threads that send this transaction's messages, and the processes that push events.

        Also let each app update its copies of the data outside the database. `publish_inline`: the caller sends the
        messages for our own broker itself, so the relay, the thread that else sends them, sleeps on.
        """
        if self._last_events:
            events.announce_events(self.platform, self._last_events)
        own = {""} if publish_inline else frozenset[str]()
        if destinations := {row.destination for row in self.rows} - own:
            wake_up.wake_senders(self.platform, destinations)
        for part in self._parts.values():
            part.after_commit()


@contextmanager
def begin(platform: str, *, publish_inline: bool = False) -> Iterator[UnitOfWork]:
    """Open a transaction on a platform's data, yield its unit of work, and write what that has collected at the end.

    A unit of work collects changes and messages. It is closed if another site serves the platform: then what it has
    collected is dropped. `publish_inline`: the caller publishes the messages itself, right after the commit; else the
    relay does. Raises NotProvisioned.
    """
    store = store_of(platform)
    with ExitStack() as afterwards, transaction.atomic(using=store.database):
        served = serving.read(platform, lock=True)
        if served is None:
            raise NotProvisioned(
                f"no data of platform {platform}; run manage.py load_demo or provision"
            )
        uow = UnitOfWork(store, served)
        afterwards.callback(uow.release_locks)  # Only after the commit, whether it succeeds or not.
        yield uow
        if uow.is_open:
            uow.flush(publish_inline)
    uow.after_commit(publish_inline)
