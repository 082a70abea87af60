"""The amounts that a licence limits, by their names here and on the wire (CSS §4.2)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from operator import add, attrgetter

MOST = 2_147_483_647
"""The largest number that a column of the database holds."""

WIRE_NAMES = {
    "small_conferences": "smallconfnum",
    "large_conferences": "largeconfnum",
    "software_terminals": "softwarenumlimit",
    "hardware_terminals": "hardwarenumlimit",
    "monitors": "monitornumlimit",
    "media_ports": "mediaportnumlimit",
    "access_ports": "currentcallnumlimit",
}
"""Our names and the source's, in the source's order: conferences first, then the five resources."""

RESOURCES = tuple(WIRE_NAMES)[2:]
"""Resources are summed over a site's own and its possible platforms. Conferences are not (CSS §4.4)."""


_VALUES = attrgetter(*WIRE_NAMES)
"""Many times as fast as `astuple`, which copies deeply; conferences are counted all the time."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """The seven limits, or what is in use of them: conferences, terminals, monitors, ports."""

    small_conferences: int = 0
    large_conferences: int = 0
    software_terminals: int = 0
    hardware_terminals: int = 0
    monitors: int = 0
    media_ports: int = 0
    access_ports: int = 0

    def __add__(self, other: Amounts) -> Amounts:
        """Return the sum of both."""
        return Amounts(*map(add, _VALUES(self), _VALUES(other)))

    def on_the_wire(self) -> dict[str, int]:
        """Return the limits under the names of CSS §4.2."""
        return {WIRE_NAMES[name]: value for name, value in asdict(self).items()}


NONE = Amounts()
"""What a platform without a valid licence may do."""

SMALL_PORTS, LARGE_PORTS = 8, 192
"""Media ports that the largest small and the largest large conference take."""

EVALUATION = Amounts(8, 2, 448, 448, 10, 448, 448)
"""The built-in evaluation licence: 8 small and 2 large conferences, and what fills them (8 × 8 + 2 × 192 places).
It is code, not data: who alters its row gains nothing."""


def enough_for(small: int, large: int) -> int:
    """Return how many media ports fill these numbers of small and large conferences, whatever their size."""
    return min(MOST, small * SMALL_PORTS + large * LARGE_PORTS)
