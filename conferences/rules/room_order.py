"""The machine rooms in which a unit is looked for, and their order. Pure."""

from __future__ import annotations

from collections.abc import Sequence

Room = tuple[str, bool, bool]
"""`(moid, is default, is abnormal)`, in the platform's order of backup."""

DEFAULT = "default"


def rooms_for(bound: str | None, rooms: Sequence[Room]) -> list[str]:
    """Return the machine rooms to search: the tenant's (else the default one), then the platform's others.

    An abnormal room is left out. Units that named no room stand in the default room, whatever its MOID.
    """
    default = next((moid for moid, is_default, _ in rooms if is_default), None)
    down = {moid for moid, _, abnormal in rooms if abnormal}
    first = bound or default
    order = [first] if first else []
    order += [moid for moid, _, _ in rooms if moid != first]
    named: list[str] = []
    for moid in order:
        if moid in down:
            continue
        named.append(moid)
        if moid == default:
            named.append(DEFAULT)
    if DEFAULT not in named and default not in down:
        named.append(DEFAULT)
    return named
