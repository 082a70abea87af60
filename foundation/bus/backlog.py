"""What waits to be sent, by destination: for metrics, doctor, and operators' pages."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from foundation import clock
from foundation.cells import sql

MOST_COUNTED = 100_000
"""Rows counted per destination: what waits for a peer that is down may be much."""

OTHER_DESTINATIONS: set[str] = set()
"""Destinations beside the peers to which this site knows a way: filled by the apps that have one."""

_NEXT = "SELECT MIN(destination) FROM bus_outbox FORCE INDEX (outbox_way) WHERE destination > %s"
_COUNT = (
    "SELECT COUNT(*), MIN(id) FROM (SELECT id FROM bus_outbox FORCE INDEX (outbox_way)"
    " WHERE destination=%s ORDER BY id LIMIT %s) few"
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Rows for one destination (empty: our own broker): how many, and the age of the oldest in seconds."""

    destination: str
    count: int
    age: float

    @property
    def known(self) -> bool:
        """Is there a way there? `PEERS` names it."""
        return self.destination in {"", *settings.PEERS, *OTHER_DESTINATIONS}


def waiting(database: str) -> list[Waiting]:
    """Our own broker, every peer that is configured, and whoever else something lies there for."""
    names = {"", *settings.PEERS} | _destinations(database)
    return [of_destination(database, name) for name in sorted(names)]


def unknown(database: str) -> list[Waiting]:
    """What lies there for platforms that `PEERS` does not name."""
    return [
        of_destination(database, name)
        for name in sorted(_destinations(database) - {*settings.PEERS, *OTHER_DESTINATIONS})
    ]


def _destinations(database: str) -> set[str]:
    """Those of peers, one look-up in the index for each."""
    found: set[str] = set()
    last = ""
    while last := sql.select(database, _NEXT, [last])[0][0] or "":
        found.add(last)
    return found


def of_destination(database: str, destination: str) -> Waiting:
    """Rows for one destination."""
    count, oldest = sql.select(database, _COUNT, [destination, MOST_COUNTED])[0]
    age = (clock.now() - clock.moment_of(oldest)).total_seconds() if oldest else 0.0
    return Waiting(destination, count, max(0.0, age))


def metrics(database: str) -> list[str]:
    """For Prometheus."""
    found = waiting(database)
    lines = ["# TYPE bus_outbox_waiting gauge", f"bus_outbox_waiting {sum(w.count for w in found)}"]
    for name, values in (
        ("bus_link_waiting", [w.count for w in found]),
        ("bus_link_oldest_seconds", [round(w.age, 1) for w in found]),
        ("bus_link_configured", [int(w.known) for w in found]),
    ):
        lines.append(f"# TYPE {name} gauge")
        lines += [
            f'{name}{{destination="{w.destination}"}} {value}'
            for w, value in zip(found, values, strict=True)
            if w.destination
        ]
    return lines
