"""Operators publish parked messages (those that could not be handled) again, or discard them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from foundation.bus import protocol
from foundation.bus.models import Parked
from foundation.bus.unit_of_work import begin
from foundation.cells import sql
from foundation.cells.directory import store_of


def publish_again(platform: str, ids: Collection[int]) -> list[int]:
    """Send parked messages (those that could not be handled) to the queues they came from, and mark them as published.

    `ids` are their primary keys; return those of the messages that were sent. A message that came over HTTP is left
    out: its sender has had a refusal, and there is no queue for it.
    """
    published = []
    queues = {route.queue for route in protocol.current().routes if route.queue}
    with begin(platform) as uow:
        rows = (
            Parked.objects.using(uow.database)
            .select_for_update()
            .filter(pk__in=ids, queue__in=queues)
            .order_by("pk")
        )
        for row in rows:
            uow.put(bytes(row.body), "", row.queue, **_reply_properties(row.properties))
            row.retried_at = uow.now
            row.save(using=uow.database, update_fields=["retried_at"])
            published.append(row.pk)
    return published


def discard(platform: str, row_id: int) -> bool:
    """Delete a parked message, and return whether there was one.

    Its copy in the queue `mau.dead.q` stays until the broker's limits drop it.
    """
    query = "DELETE FROM bus_parked WHERE id=%s"
    return sql.execute(store_of(platform).database, query, [row_id]) == 1


def _reply_properties(properties: dict[str, Any]) -> dict[str, Any]:
    """Return those AMQP properties of a parked message that say where its answer goes, to be sent with it again."""
    return {name: properties.get(name) for name in ("correlation_id", "reply_to")}


def count_undecided(database: str, limit: int) -> int:
    """Return how many parked messages (which could not be handled) wait for an operator, counted up to `limit`."""
    query = (
        "SELECT COUNT(*) FROM"
        " (SELECT id FROM bus_parked WHERE retried_at IS NULL LIMIT %s) undecided"
    )
    return int(sql.select(database, query, [limit])[0][0])
