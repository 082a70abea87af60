"""What an operator does with a parked message: try it again, or let it go."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from foundation.bus import protocol, wake_up
from foundation.bus.models import Parked
from foundation.bus.unit_of_work import begin
from foundation.cells import sql
from foundation.cells.directory import store_of


def publish_again(platform: str, numbers: Collection[int]) -> list[int]:
    """Send parked messages to the queues they came from, each in the transaction that marks it.

    What came over HTTP is left: its asker has had a refusal, and no queue to come from.
    """
    sent = []
    queues = {route.queue for route in protocol.current().routes if route.queue}
    with begin(platform) as uow:
        rows = (
            Parked.objects.using(uow.database)
            .select_for_update()
            .filter(pk__in=numbers, queue__in=queues)
            .order_by("pk")
        )
        for row in rows:
            uow.put(bytes(row.body), "", row.queue, **_kept(row.properties))
            row.retried_at = uow.now
            row.save(using=uow.database, update_fields=["retried_at"])
            sent.append(row.pk)
    if sent:
        wake_up.everywhere(platform)
    return sent


def discard(platform: str, number: int) -> bool:
    """Forget one; the copy in `mau.dead.q` stays until the broker's limits drop it."""
    query = "DELETE FROM bus_parked WHERE id=%s"
    return sql.execute(store_of(platform).database, query, [number]) == 1


def _kept(properties: dict[str, Any]) -> dict[str, Any]:
    """Who asked and where the answer goes; the sender's name is ours now."""
    return {name: properties.get(name) for name in ("correlation_id", "reply_to")}


def undecided(database: str, most: int) -> int:
    """Return how many parked messages no operator has published again, counted up to `most`."""
    query = (
        "SELECT COUNT(*) FROM"
        " (SELECT id FROM bus_parked WHERE retried_at IS NULL LIMIT %s) undecided"
    )
    return int(sql.select(database, query, [most])[0][0])
