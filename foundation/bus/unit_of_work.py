"""One transaction on one platform's database: what came in, what is staged, what goes out.

Many messages share a transaction, so that statements and commits are paid once per batch. All
rows that a batch needs are read and locked first, decisions are made in memory one message after
the other, and everything is written at the end. A conference therefore has one writer at a time,
which is what compare-and-set would give, at a fraction of its statements.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from django.db import transaction

from foundation.bus import outbox, wake_up
from foundation.bus.inbox import Asked, InboxOfWork
from foundation.bus.message import Message, dumps, to_body
from foundation.bus.outgoing import Answer, Outgoing, Send
from foundation.cells import serving
from foundation.cells.directory import PlatformStore, own_platform, store_of
from foundation.cells.serving import Serving

log = logging.getLogger("confplatform.bus")

LONGEST_KEY = 255
"""Bytes of a routing key (AMQP). A row with a longer one could never be sent, and would hold up
all that lie behind it."""


class AppSite(Protocol):
    """What an app adds to a transaction: its part of the data."""

    def prepare(self, messages: Sequence[Message]) -> None:
        """Read and lock what these messages will need."""

    def flush(self) -> None:
        """Write what was staged."""

    def after_commit(self) -> None:
        """Bring projections up to date; must not fail."""


SITES: dict[str, Callable[[Work], AppSite]] = {}
"""The site of each app, filled by the wiring."""


class NotProvisioned(LookupError):
    """The database has no row for this platform."""


class Work:
    """A transaction in the making. Handlers see it through their app's site."""

    def __init__(self, store: PlatformStore, served: Serving) -> None:
        self.platform, self.database = store.platform, store.database
        self.epoch, self.now, self.owner = served.epoch, served.now, served.owner
        self.read_only = served.read_only
        """The data may hold what was never acknowledged: not even answers given before are repeated."""
        self.is_open = served.is_served_here
        self.is_changing = served.is_changing
        self.serving_site = served.serving_site
        self.serving = frozenset({store.platform}) if self.is_open else frozenset()
        self.inbox = InboxOfWork(self.database, self.now)
        self.rows: list[outbox.Row] = []
        self.answers: dict[str, bytes] = {}
        self.made: dict[str, tuple[str, str]] = {}
        self._sites: dict[str, AppSite] = {}
        self._app_id = f"css@{own_platform()}"

    def site(self, app: str) -> AppSite:
        """The part of this transaction that belongs to an app."""
        if app not in self._sites:
            self._sites[app] = SITES[app](self)
        return self._sites[app]

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
        asked = self.inbox.get(answer.request)
        if asked is None:
            at = answer.destination
            self._send(
                Send(message=answer.message, route=answer.route, key=answer.key, destination=at)
            )
            return
        if asked.answer is None:
            asked.answer, asked.changed = dumps(to_body(answer.message)), True
        route = answer.route.value
        self.answer_again(asked, route.exchange, answer.key or route.key, answer.destination)

    def answer_again(self, asked: Asked, exchange: str, key: str, destination: str = "") -> None:
        """Send the answer of a request to whoever asked last: where that said, else this way."""
        if asked.answer is None:
            return
        if asked.origin == "http":
            self.answers[asked.key] = asked.answer
            return
        where, at = (exchange, key), destination or asked.peer
        if asked.reply_to:
            where, at = ("", asked.reply_to), asked.peer
        if where[1]:
            mark = asked.correlation_id
            self.put(asked.answer, *where, correlation_id=mark, destination=at)

    def put(self, message: Message | bytes, exchange: str, key: str, **properties: Any) -> None:
        """Stage one outbox row; what is for a party that cannot exist is left out."""
        if len(key.encode()) > LONGEST_KEY:
            log.warning("nobody has so long an address; not sent: %.64r...", key)
            return
        if properties.get("destination") == own_platform():
            properties["destination"] = ""
        sender = properties.pop("app_id", "") or self._app_id
        made = outbox.row(message, exchange, key, self.now, sender, **properties)
        self.rows.append(made)

    # ---- the end ----------------------------------------------------------------------------

    def flush(self, first_turn: bool) -> None:
        """Write all that is staged; `first_turn`: this process publishes the rows itself."""
        for site in self._sites.values():
            site.flush()
        self.inbox.flush()
        outbox.put(self.database, self.rows, self.now, first_turn=first_turn)

    def after_commit(self) -> None:
        """Wake the links, and let the sites bring their projections up to date."""
        if peers := {row.destination for row in self.rows} - {""}:
            wake_up.everywhere(self.platform, peers)
        for site in self._sites.values():
            site.after_commit()


@contextmanager
def begin(platform: str, *, first_turn: bool = False) -> Iterator[Work]:
    """A transaction on a platform's data. The gate, the epoch and the time come from there too.

    Where another site serves the platform nothing is written, whatever was staged.
    """
    store = store_of(platform)
    with transaction.atomic(using=store.database):
        served = serving.read(platform, lock=True)
        if served is None:
            raise NotProvisioned(f"no cell {platform}; run manage.py load_demo or provision")
        work = Work(store, served)
        yield work
        if work.is_open:
            work.flush(first_turn)
    work.after_commit()
