"""A relay sends messages of the outbox (the table of messages to send), and deletes confirmed ones.

A consumer publishes the messages of its own batches. The relay sends those of web requests, of timers, and of processes
that died between commit and publishing.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial

from django.db import DatabaseError, InterfaceError, close_old_connections, connections, transaction

from foundation.bus import metrics, outbox, protocol, wake_up
from foundation.bus.amqp import BROKER_ERRORS, Publisher
from foundation.bus.backlog import waiting_for_unconfigured_destinations
from foundation.bus.reconnect import LONGEST_PAUSE, Backoff
from foundation.cells.directory import PlatformStore, own_platform
from foundation.cells.serving import is_served_here

log = logging.getLogger("confplatform.bus.relay")

BATCH = 500
WARNING_SECONDS = 60.0


class Relay(threading.Thread):
    """A relay is a thread that sends due messages of the outbox. The relays of all processes share these.

    `destination` is the platform on whose broker it publishes; "" means our own. A relay skips rows
    that another one has locked. `lenient`: see Publisher.
    """

    safety_seconds = 2.0
    """Without being woken the thread looks for messages after so many seconds: a process that should have published
    them itself, and died, wakes nobody."""

    def __init__(
        self, store: PlatformStore, broker_url: str, destination: str = "", *, lenient: bool = False
    ) -> None:
        """Prepare the thread that sends messages from the database of `store` to the broker at `broker_url`.

        `destination` is the platform that this broker belongs to; "" means our own. `lenient`: a message that the
        broker refuses counts as sent.
        """
        super().__init__(name=f"relay {destination}".rstrip(), daemon=True)
        self._store, self._url, self.destination = store, broker_url, destination
        self.wake_name = destination
        """The name under which `wake_up` wakes this thread."""
        self._publisher: Publisher | None = None
        self._lenient = lenient
        self._stop_asked = threading.Event()
        self._next_warning_at = 0.0
        """Before this time no warning about peers without a broker is logged again (`time.monotonic`)."""

    def ask_to_stop(self) -> None:
        """Let the thread finish its batch and end."""
        self._stop_asked.set()
        wake_up.wake_thread(self._store.platform, self.wake_name)

    def stop(self) -> None:
        """Ask the thread to stop, and wait for its end."""
        self.ask_to_stop()
        self.join(timeout=10)

    def run(self) -> None:
        """Send all due messages, then wait to be woken. After a failure, pause a little longer each time."""
        backoff = Backoff()
        while not self._stop_asked.is_set():
            try:
                while self._send_batch() and not self._stop_asked.is_set():
                    pass
                backoff.reset()
                self._warn_of_unconfigured_destinations()
                wake_up.wait(self._store.platform, self.safety_seconds, self.wake_name)
            except (*BROKER_ERRORS, DatabaseError, InterfaceError) as error:
                receiver = f"to {self.destination} " if self.destination else ""
                kind = type(error).__name__
                pause = backoff.next_pause()
                log.warning(
                    "outbox %swaits (%s: %s), again in %.1f s", receiver, kind, error, pause
                )
                self._disconnect()
                self._stop_asked.wait(pause)
            except Exception:
                log.exception("the relay met the unforeseen, and goes on")
                self._disconnect()
                self._stop_asked.wait(LONGEST_PAUSE)
        self._disconnect()
        connections.close_all()

    def _disconnect(self) -> None:
        """Drop the connection to the broker, if there is one, without waiting for the broker's answer."""
        if self._publisher:
            self._publisher.close(politely=False)
            self._publisher = None

    def _send_batch(self) -> bool:
        """Send the oldest messages of the outbox, at most BATCH of them; return whether there may be more."""
        publisher = self._connected_publisher()
        return send_due_rows(self._store, publisher.publish, self.destination) == BATCH

    def _warn_of_unconfigured_destinations(self) -> None:
        """Log once a minute how many messages wait for platforms whose broker the settings do not name.

        Only the relay that sends to our own broker (no `destination`) does so, for all of them.
        """
        if self.destination or time.monotonic() < self._next_warning_at:
            return
        self._next_warning_at = time.monotonic() + WARNING_SECONDS
        for waiting in waiting_for_unconfigured_destinations(self._store.database):
            text = "%d messages wait for %s, the oldest for %.0f s: PEERS does not name its broker"
            log.warning(text, waiting.count, waiting.destination, waiting.age)

    def _connected_publisher(self) -> Publisher:
        """Return the publisher, connected to the broker if it was not, after a heartbeat has shown that it answers."""
        close_old_connections()
        if self._publisher is None:
            self._publisher = Publisher(self._url, lenient=self._lenient)
        self._publisher.tick()
        return self._publisher


def send_due_rows(
    store: PlatformStore,
    publish: Callable[[list[outbox.OutboxRow]], None],
    destination: str = "",
    *,
    exclusive: bool = False,
) -> int:
    """Publish the oldest due outbox rows for a destination, and delete them; return how many were due.

    The outbox is the table of messages to send. Rows that another site wrote for a party of its own
    are deleted unsent, and those for a module of that site are left for its broker. Nothing is done
    if another site serves the platform of this store. Other processes skip these rows meanwhile.
    With `exclusive` the caller ensures that no other process sends them: no row is locked, and they
    are sent in order.
    """
    with transaction.atomic(using=store.database):
        if not is_served_here(store.platform, lock=True):
            return 0
        rows = outbox.select_due(store.database, BATCH, destination, exclusive=exclusive)
        if rows:
            elsewhere = {} if destination else _find_rows_for_other_sites(rows)
            finished_rows = [row for row in rows if row.id not in elsewhere]
            publish(
                [row for row in finished_rows if not _is_for_party_of_other_site(row, destination)]
            )
            outbox.delete_rows(store.database, [row.id for row in finished_rows])
            outbox.redirect_rows(store.database, elsewhere)
            transaction.on_commit(
                partial(wake_up.wake_senders, store.platform, set(elsewhere.values())),
                using=store.database,
            )
            metrics.PUBLISHED.inc(len(finished_rows))
    return len(rows)


def _find_rows_for_other_sites(rows: list[outbox.OutboxRow]) -> dict[int, str]:
    """Return the messages for a part of another site's own software: id of the row -> site to whose broker it goes.

    A site whose platform this site has taken over may have left them unsent.
    """
    exchanges = protocol.current().site_exchanges
    sites = {row.id: _receiving_site(row) for row in rows if row.exchange in exchanges}
    return {row_id: site for row_id, site in sites.items() if site not in ("", own_platform())}


def _receiving_site(row: outbox.OutboxRow) -> str:
    """Return the site to which a message goes: the one in its header x-via, else the one that wrote it."""
    headers = row.properties.get("headers") or {}
    return str(headers.get("x-via") or row.properties.get("app_id", "").partition("@")[2])


def _is_for_party_of_other_site(row: outbox.OutboxRow, destination: str) -> bool:
    """Return whether a message (row) was written by another site for a party at that site, so must not be sent here.

    Here another party might have the same address. The intended party learns the present state when it next reports.
    """
    wire_protocol = protocol.current()
    own_sender = f"{wire_protocol.sender_role}@{own_platform()}"
    is_local = row.exchange in wire_protocol.local_exchanges
    return not destination and is_local and row.properties.get("app_id") != own_sender
