"""A timer learns for each hour how many places conferences that nobody booked need; bookings leave these free."""

from __future__ import annotations

from conferences.data import usual_load
from foundation.bus.unit_of_work import begin


def note(platform: str) -> None:
    """Note how many places of a platform are in use now, for this hour of the week."""
    with begin(platform) as uow:
        if uow.is_open:
            usual_load.note(uow.database, uow.now)
