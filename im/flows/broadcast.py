"""An administrator tells everybody in a domain and below something: those who listen just now at once,
the others when they ask for what they have missed."""

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
"""People whose ways are asked for in one exchange with Redis."""


def send(place: PlatformStore, domain: Domain, text: str, by: str) -> Broadcast:
    """Keep it, and stage what those who are online get. Raises journal.NotServedHere."""
    with transaction.atomic(using=place.database):
        journal.require_serving(place)
        row = Broadcast(domain=domain, text=text, by=by)
        row.save(using=place.database)
        people = accounts_below(place.database, domain.moid)
        notices.stage(place, list(_pushes(row, people)))
    return row


def _pushes(row: Broadcast, people: list[str]) -> Iterator[Publication]:
    body = orjson.dumps({"cmd": Cmd.BROADCAST.value, "data": shown(row)})
    for first in range(0, len(people), AT_ONCE):
        some = people[first : first + AT_ONCE]
        keys = keys_of(presence_store.ways(some, clock.now().timestamp()))
        for one in range(0, len(keys), KEYS_A_PUBLISH):
            key, *more = keys[one : one + KEYS_A_PUBLISH]
            yield Publication(BASE, key, body, tuple(more))


def shown(row: Broadcast) -> Data:
    """As clients get it, pushed and asked for alike."""
    return {"id": str(row.pk), "text": row.text, "by": row.by, "sent_at": wire_time(row.at)}
