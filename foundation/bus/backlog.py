"""The backlog counts the messages that wait to be sent, for each destination: for metrics, doctor and admin pages.

They lie in the table `bus_outbox`. A destination is our own broker (""), or the platform on whose broker a message is
to be published (a peer); the setting `PEERS` has the addresses of these brokers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from prometheus_client.core import GaugeMetricFamily

from foundation import clock
from foundation.cells import sql

MOST_COUNTED = 100_000
"""At most this many rows are counted for a destination: millions may wait for a peer that is down."""

OTHER_DESTINATIONS: set[str] = set()
"""Destinations besides the peers that apps send to by threads of their own. The apps add them at start-up."""

_NEXT_DESTINATION = (
    "SELECT MIN(destination) FROM bus_outbox FORCE INDEX (outbox_way) WHERE destination > %s"
)
_COUNT_OF_DESTINATION = (
    "SELECT COUNT(*), MIN(id) FROM (SELECT id FROM bus_outbox FORCE INDEX (outbox_way)"
    " WHERE destination=%s ORDER BY id LIMIT %s) few"
)


@dataclass(frozen=True, slots=True)
class Backlog:
    """The number of messages that wait for a destination ("": our own broker), and the age of the oldest in seconds."""

    destination: str
    count: int
    age: float

    @property
    def is_configured(self) -> bool:
        """Return whether this site can send to the destination: the settings name its broker, or an app sends to it."""
        return self.destination in {"", *settings.PEERS, *OTHER_DESTINATIONS}


def waiting_by_destination(database: str) -> list[Backlog]:
    """Return how many messages wait to be sent to each broker: our own, and those of other sites' platforms (peers).

    Listed are all peers in the settings, and others for which messages wait.
    """
    names = {"", *settings.PEERS} | _destinations_of_rows(database)
    return [waiting_for(database, name) for name in sorted(names)]


def waiting_for_unconfigured_destinations(database: str) -> list[Backlog]:
    """Return how many messages wait for each platform whose broker the settings do not name, so that they stay."""
    return [
        waiting_for(database, name)
        for name in sorted(_destinations_of_rows(database) - {*settings.PEERS, *OTHER_DESTINATIONS})
    ]


def _destinations_of_rows(database: str) -> set[str]:
    """Return the platforms for whose brokers messages wait. One look-up in the index finds the next one each time."""
    destinations: set[str] = set()
    last = ""
    while last := sql.select(database, _NEXT_DESTINATION, [last])[0][0] or "":
        destinations.add(last)
    return destinations


def waiting_in_all(database: str, limit: int) -> Backlog:
    """Return how many messages wait for all destinations together, counted up to `limit`, and the oldest one's age."""
    query = "SELECT COUNT(*), MIN(id) FROM (SELECT id FROM bus_outbox ORDER BY id LIMIT %s) few"
    return _to_backlog("", *sql.select(database, query, [limit])[0])


def waiting_for(database: str, destination: str) -> Backlog:
    """Return how many messages wait for one destination, counted up to MOST_COUNTED, and the oldest one's age."""
    rows = sql.select(database, _COUNT_OF_DESTINATION, [destination, MOST_COUNTED])
    return _to_backlog(destination, *rows[0])


def _to_backlog(destination: str, count: int, oldest: int | None) -> Backlog:
    """Return a destination's backlog of `count` messages. The id `oldest` of its oldest row tells that row's age.

    `oldest` is `None` if no message waits.
    """
    age = (clock.now() - clock.moment_of(oldest)).total_seconds() if oldest else 0.0
    return Backlog(destination, count, max(0.0, age))


def backlog_gauges(database: str) -> Iterator[GaugeMetricFamily]:
    """Yield for Prometheus how many messages wait to be sent, in all and for each peer (another site's platform)."""
    backlogs = waiting_by_destination(database)
    total = sum(backlog.count for backlog in backlogs)
    yield GaugeMetricFamily("bus_outbox_waiting", "Messages that wait to be sent", total)
    count = _gauge_per_peer("bus_link_waiting", "Messages that wait for a peer")
    age = _gauge_per_peer(
        "bus_link_oldest_seconds", "Age of the oldest message that waits for a peer"
    )
    configured = _gauge_per_peer(
        "bus_link_configured", "Whether this site knows a way to the peer (1 or 0)"
    )
    for backlog in backlogs:
        if backlog.destination:
            count.add_metric([backlog.destination], backlog.count)
            age.add_metric([backlog.destination], round(backlog.age, 1))
            configured.add_metric([backlog.destination], int(backlog.is_configured))
    yield from (count, age, configured)


def _gauge_per_peer(name: str, documentation: str) -> GaugeMetricFamily:
    """Return an empty Prometheus gauge that gets one value for each destination of messages."""
    return GaugeMetricFamily(name, documentation, labels=["destination"])
