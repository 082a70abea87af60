"""An operator publishes a parked message again, or discards it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from foundation.bus import protocol, wake_up
from foundation.bus.models import Parked
from foundation.bus.unit_of_work import begin
from foundation.cells import sql
from foundation.cells.directory import store_of


def publish_again(platform: str, numbers: Collection[int]) -> list[int]:
    """Send parked messages to the queues they came from, and mark them in the same transaction.

    Return the numbers of those that were sent. A message that came over HTTP is left: its sender has had a
    refusal, and there is no queue for it.
    """
    published = []
    queues = {route.queue for route in protocol.current().routes if route.queue}
    with begin(platform) as uow:
        rows = (
            Parked.objects.using(uow.database)
            .select_for_update()
            .filter(pk__in=numbers, queue__in=queues)
            .order_by("pk")
        )
        for row in rows:
            uow.put(bytes(row.body), "", row.queue, **_reply_properties(row.properties))
            row.retried_at = uow.now
            row.save(using=uow.database, update_fields=["retried_at"])
            published.append(row.pk)
    if published:
        wake_up.everywhere(platform)
    return published


def discard(platform: str, number: int) -> bool:
    """Delete a parked message; its copy in `mau.dead.q` stays until the broker's limits drop it."""
    query = "DELETE FROM bus_parked WHERE id=%s"
    return sql.execute(store_of(platform).database, query, [number]) == 1


def _reply_properties(properties: dict[str, Any]) -> dict[str, Any]:
    """Return the properties that lead the answer to its request; the sender is this platform now."""
    return {name: properties.get(name) for name in ("correlation_id", "reply_to")}


def undecided(database: str, most: int) -> int:
    """Return how many parked messages no operator has published again, counted up to `most`."""
    query = (
        "SELECT COUNT(*) FROM"
        " (SELECT id FROM bus_parked WHERE retried_at IS NULL LIMIT %s) undecided"
    )
    return int(sql.select(database, query, [most])[0][0])
