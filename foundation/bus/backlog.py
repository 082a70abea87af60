"""The backlog is the outbox rows that wait to be sent, by destination: for metrics, doctor and admin pages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from prometheus_client.core import GaugeMetricFamily

from foundation import clock
from foundation.cells import sql

MOST_COUNTED = 100_000
"""Rows counted per destination at most: millions may wait for a peer that is down."""

OTHER_DESTINATIONS: set[str] = set()
"""Destinations beside the peers to which this site knows a way: filled by the apps that have one."""

_NEXT = "SELECT MIN(destination) FROM bus_outbox FORCE INDEX (outbox_way) WHERE destination > %s"
_COUNT = (
    "SELECT COUNT(*), MIN(id) FROM (SELECT id FROM bus_outbox FORCE INDEX (outbox_way)"
    " WHERE destination=%s ORDER BY id LIMIT %s) few"
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """The number of rows for one destination ("": our own broker), and the age of the oldest in seconds."""

    destination: str
    count: int
    age: float

    @property
    def known(self) -> bool:
        """Return whether this site knows a way to the destination."""
        return self.destination in {"", *settings.PEERS, *OTHER_DESTINATIONS}


def waiting(database: str) -> list[Waiting]:
    """Return what waits for our own broker, for every configured peer, and for all others that rows name."""
    names = {"", *settings.PEERS} | _destinations(database)
    return [of_destination(database, name) for name in sorted(names)]


def unknown(database: str) -> list[Waiting]:
    """Return what waits for platforms that `PEERS` does not name."""
    return [
        of_destination(database, name)
        for name in sorted(_destinations(database) - {*settings.PEERS, *OTHER_DESTINATIONS})
    ]


def _destinations(database: str) -> set[str]:
    """Return the peers for which rows wait, by one look-up in the index for each."""
    destinations: set[str] = set()
    last = ""
    while last := sql.select(database, _NEXT, [last])[0][0] or "":
        destinations.add(last)
    return destinations


def in_all(database: str, most: int) -> Waiting:
    """Return what waits for all destinations together, counted up to `most` rows."""
    query = "SELECT COUNT(*), MIN(id) FROM (SELECT id FROM bus_outbox ORDER BY id LIMIT %s) few"
    return _waiting("", *sql.select(database, query, [most])[0])


def of_destination(database: str, destination: str) -> Waiting:
    """Return what waits for one destination."""
    return _waiting(destination, *sql.select(database, _COUNT, [destination, MOST_COUNTED])[0])


def _waiting(destination: str, count: int, oldest: int | None) -> Waiting:
    age = (clock.now() - clock.moment_of(oldest)).total_seconds() if oldest else 0.0
    return Waiting(destination, count, max(0.0, age))


def gauges(database: str) -> Iterator[GaugeMetricFamily]:
    """Yield for Prometheus what waits in the outbox, in all and by the peer that it is for."""
    backlog = waiting(database)
    total = sum(each.count for each in backlog)
    yield GaugeMetricFamily("bus_outbox_waiting", "Messages that wait to be sent", total)
    count = _by_peer("bus_link_waiting", "Messages that wait for a peer")
    age = _by_peer("bus_link_oldest_seconds", "Age of the oldest message that waits for a peer")
    configured = _by_peer(
        "bus_link_configured", "Whether this site knows a way to the peer (1 or 0)"
    )
    for each in backlog:
        if each.destination:
            count.add_metric([each.destination], each.count)
            age.add_metric([each.destination], round(each.age, 1))
            configured.add_metric([each.destination], int(each.known))
    yield from (count, age, configured)


def _by_peer(name: str, documentation: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, documentation, labels=["destination"])
