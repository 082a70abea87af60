"""The weather says how bad a world is: what the bus does to messages, and which part fails how often."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """Chances per message (`lost`, `doubled`, `late`; `slow_pool`: an answer of the RMS) and per
    step (`all_silent`: all units are for a while; `unit_faults`; `part_faults`: of our own processes
    at a site; `site_faults`: of a whole site, or of what lies between sites; `slow_hosts`: a host is slow,
    or its broker lets nothing through: neither is a dead site)."""

    name: str
    lost: float = 0.0
    doubled: float = 0.0
    late: float = 0.0
    latest: float = 0.0
    slow_pool: float = 0.0
    all_silent: float = 0.0
    unit_faults: float = 0.0
    part_faults: float = 0.0
    site_faults: float = 0.0
    slow_hosts: float = 0.0

    @property
    def healthy_bus(self) -> bool:
        """Do all messages arrive at once, and are all of our own processes up?"""
        bus = self.lost or self.doubled or self.late or self.slow_hosts
        return not (bus or self.part_faults or self.site_faults)


CALM = Weather(name="calm")
UNITS_FAIL = Weather(name="units fail", unit_faults=0.04)
DAWDLING = Weather(name="all dawdle", slow_pool=0.7, all_silent=0.03, unit_faults=0.02)
UNORDERED = Weather(
    name="doubled and out of order", doubled=0.1, late=0.15, latest=8.0, unit_faults=0.03
)
LOSSY = Weather(name="lossy", lost=0.08, doubled=0.05, late=0.1, latest=5.0, unit_faults=0.02)
STORM = Weather(
    name="storm",
    lost=0.04,
    slow_pool=0.1,
    doubled=0.08,
    late=0.1,
    latest=20.0,
    unit_faults=0.05,
    part_faults=0.02,
)
SLOW = Weather(name="slow hosts", slow_hosts=0.05)

KINDS = (UNITS_FAIL, DAWDLING, UNORDERED, LOSSY, STORM)
SITES_FAIL = (0.02, 0.02, 0.015, 0.015, 0.015)


def weather_of(seed: int, *, many: bool = False) -> Weather:
    """Return the weather of a seed: each kind has a fifth of them; where there are several sites, they fail too."""
    kind = KINDS[seed % len(KINDS)]
    return replace(kind, site_faults=SITES_FAIL[seed % len(KINDS)]) if many else kind
