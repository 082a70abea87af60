"""A timer records how many places conferences without a reservation use at each hour; bookings leave these free."""

from __future__ import annotations

from conferences.data import usual_load
from foundation.bus.unit_of_work import begin


def record_load(platform: str) -> None:
    """Record how many places of a platform conferences without a reservation use in this hour of the week.

    Does nothing while another site serves the platform.
    """
    with begin(platform) as uow:
        if uow.is_open:
            usual_load.record_load(uow.database, uow.now)
