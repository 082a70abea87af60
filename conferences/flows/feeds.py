"""Define the flow by which a person switches the own calendar feed on or off, or gives it a new address."""

from __future__ import annotations

from conferences.data import calendar_feeds
from foundation.bus.unit_of_work import begin


def renew_feed(platform: str, account: str, language: str, *, is_on: bool) -> bool:
    """Give the calendar feed of an account (MOID) a new address, or switch it off; the old address is void.

    Returns False, and changes nothing, if another site handles the platform's requests.
    """
    with begin(platform) as uow:
        if not uow.is_open:
            return False
        calendar_feeds.renew(uow.database, account, language, is_on=is_on)
    return True
