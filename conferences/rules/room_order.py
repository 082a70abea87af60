"""The order in which machine rooms are searched for a free media unit. Pure."""

from __future__ import annotations

from collections.abc import Sequence

Room = tuple[str, bool, bool]
"""A machine room: `(moid, is default, is abnormal)`. Lists of rooms are in the platform's order of search."""

DEFAULT = "default"


def rooms_for(tenant_room: str | None, rooms: Sequence[Room]) -> list[str]:
    """Return the machine rooms to search: the tenant's (else the default one), then the others of the platform.

    Abnormal rooms, whose units are taken for unusable, are left out. DEFAULT stands for the media units that named no
    room, and follows the default room.
    """
    default = next((moid for moid, is_default, _ in rooms if is_default), None)
    abnormal_rooms = {moid for moid, _, abnormal in rooms if abnormal}
    first = tenant_room or default
    order = [first] if first else []
    order += [moid for moid, _, _ in rooms if moid != first]
    to_search: list[str] = []
    for moid in order:
        if moid in abnormal_rooms:
            continue
        to_search.append(moid)
        if moid == default:
            to_search.append(DEFAULT)
    if DEFAULT not in to_search and default not in abnormal_rooms:
        to_search.append(DEFAULT)
    return to_search
