"""An administrator sends a broadcast to everybody in a domain and the domains below it.

People who are online get it at once, the others when they ask for what they have missed.
"""

from __future__ import annotations

from collections.abc import Iterator

import orjson
from django.db import transaction

from domains.data.queries import accounts_below
from domains.models import Domain
from foundation import clock
from foundation.cells.directory import PlatformStore
from im.data import journal, notices, presence_store
from im.models import Broadcast
from im.rules.messages import Data, wire_time
from im.rules.routing import Publication, keys_of
from im.rules.topology import BASE
from im.rules.vocabulary import KEYS_A_PUBLISH, Cmd

AT_ONCE = 5000
"""The protocols of this many people are read in one exchange with Redis."""


def send_broadcast(store: PlatformStore, domain: Domain, text: str, by: str) -> Broadcast:
    """Save a broadcast to all people of a user domain and its subdomains, and return its row.

    Those who are online are notified; the notices are stored in the outbox, in the same transaction. Raises
    journal.NotServedHere at another site than the one that takes requests for the platform.
    """
    with transaction.atomic(using=store.database):
        journal.require_serving(store)
        row = Broadcast(domain=domain, text=text, by=by)
        row.save(using=store.database)
        people = accounts_below(store.database, domain.moid)
        notices.stage_messages(store, list(_broadcast_publications(row, people)))
    return row


def _broadcast_publications(row: Broadcast, people: list[str]) -> Iterator[Publication]:
    """Yield the messages that bring a broadcast to those of these people who are online."""
    body = orjson.dumps({"cmd": Cmd.BROADCAST.value, "data": to_wire(row)})
    for first in range(0, len(people), AT_ONCE):
        users = people[first : first + AT_ONCE]
        keys = keys_of(presence_store.protocols_of_online(users, clock.now().timestamp()))
        for start in range(0, len(keys), KEYS_A_PUBLISH):
            key, *further_keys = keys[start : start + KEYS_A_PUBLISH]
            yield Publication(BASE, key, body, tuple(further_keys))


def to_wire(row: Broadcast) -> Data:
    """Return a broadcast in the form in which clients get it, pushed or on request."""
    return {"id": str(row.pk), "text": row.text, "by": row.by, "sent_at": wire_time(row.at)}
