"""The seven amounts that a licence limits, with their names in messages (CSS §4.2)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from operator import add, attrgetter

MAX_AMOUNT = 2_147_483_647
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
"""The field of each amount in messages: the two kinds of conferences first, then the five resources."""

RESOURCES = tuple(WIRE_NAMES)[2:]
"""The amounts whose limits are summed over all platforms that a site may serve; conferences are not (CSS §4.4)."""


_VALUES = attrgetter(*WIRE_NAMES)
"""Get all amounts at once. It is many times faster than `astuple`, which copies deeply, and is called very often."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """Amounts say how many conferences, terminals, monitors and ports a licence allows, or are in use."""

    small_conferences: int = 0
    large_conferences: int = 0
    software_terminals: int = 0
    hardware_terminals: int = 0
    monitors: int = 0
    media_ports: int = 0
    access_ports: int = 0

    def __add__(self, other: Amounts) -> Amounts:
        """Return the sum of two sets of amounts, amount by amount."""
        return Amounts(*map(add, _VALUES(self), _VALUES(other)))

    @property
    def resources(self) -> Amounts:
        """Return the amounts without the conferences: terminals, monitors and ports alone."""
        return replace(self, small_conferences=0, large_conferences=0)

    def to_message_fields(self) -> dict[str, int]:
        """Return the amounts by their field names in messages (CSS §4.2)."""
        return {WIRE_NAMES[name]: value for name, value in asdict(self).items()}


NONE = Amounts()
"""All amounts are 0: the limits without a valid licence."""

SMALL_PORTS, LARGE_PORTS = 8, 192
"""The media ports of the largest conference that still is small, and of the largest one at all."""

EVALUATION = Amounts(8, 2, 448, 448, 10, 448, 448)
"""The built-in evaluation licence: 8 small and 2 large conferences, and what fills them (8 × 8 + 2 × 192 places).
It is in the code, so that altering its row changes nothing."""


def ports_enough_for(small: int, large: int) -> int:
    """Return how many media ports are enough for so many small and large conferences of any size."""
    return min(MAX_AMOUNT, small * SMALL_PORTS + large * LARGE_PORTS)
