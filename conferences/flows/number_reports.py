"""A site that begins to serve a platform reports its conference numbers to the number registry (UPU; CSS §7.1, §7.2).

CSS -> UPU  CSS_UPU_ADDCONF_NTF                          report_numbers
CSS -> UPU  CSS_UPU_DELCONF_NTF                          withdraw_numbers

At start-up and at a takeover the registry of this site gets the numbers of reservations, templates, virtual rooms and
running conferences. When a platform is handed back, the numbers of its reservations, templates and virtual rooms are
withdrawn here; those of conferences that still run here are withdrawn at their end, by the site that serves them then.
A timer checks every second which platforms this site serves.
"""

from __future__ import annotations

import logging

import redis
from django.db import DatabaseError, InterfaceError

from conferences.data import registry_rows, reserved_numbers
from conferences.rules import outgoing, registry_entries
from foundation.bus.unit_of_work import NotProvisioned, UnitOfWork, begin
from foundation.cells.directory import own_platform, possible_platforms, redis_of, store_of
from foundation.cells.serving import Serving, read_unless_away

log = logging.getLogger("conferences.registry")

_REPORT_AGAIN_SECONDS = 60
"""The worker processes of a site start together; within this time only one of them reports a platform's numbers."""
_handled: dict[str, tuple[bool, int]] = {}
"""Platform -> whether this site served it, and its epoch, when this process last reported or withdrew its numbers."""


def follow_served_platforms() -> None:
    """Report the conference numbers of platforms that this site has begun to serve to its number registry (UPU).

    The numbers of platforms that were handed back to their own site are withdrawn from it. A platform whose database
    does not answer is handled in the next round.
    """
    for platform in possible_platforms():
        try:
            serving = read_unless_away(platform)
            if serving and not serving.is_changing:
                _report_or_withdraw_numbers(platform, serving)
        except (DatabaseError, InterfaceError, NotProvisioned) as error:
            log.warning("the registry is told of the numbers of %s later: %s", platform, error)


def _report_or_withdraw_numbers(platform: str, serving: Serving) -> None:
    """Report a platform's conference numbers to the number registry (UPU), or withdraw them from it.

    Nothing is done if this process did so since the platform's last change of site; `epoch` counts these changes.
    What was not possible is tried in the next round.
    """
    state = (serving.is_served_here, serving.epoch)
    if _handled.get(platform) == state:
        return
    if serving.is_served_here:
        if platform != own_platform() and not _mark_reported(platform):
            return
        if _is_first_to_report(platform, serving.epoch):
            count = report_numbers(platform)
            log.info("the registry is told of %d numbers of %s", count, platform)
    elif platform != own_platform() and not withdraw_numbers(platform):
        return
    _handled[platform] = state


def _mark_reported(platform: str) -> bool:
    """Store that the number registry here has numbers of another site's platform, so that they are withdrawn one day.

    Returns False if that cannot be stored: the registry is part of our own platform's data, which another site may
    write now.
    """
    with begin(own_platform()) as own:
        if own.is_open:
            reserved_numbers.mark_reported(own.database, platform)
    return own.is_open


def _is_first_to_report(platform: str, epoch: int) -> bool:
    """Return whether no other process of this site has reported a platform's conference numbers within a minute.

    They are reported to the number registry (UPU). Without Redis the result is always True: reporting twice does no
    harm. `epoch` is a counter that grows when another site begins to serve the platform.
    """
    key = f"registry:reported:{platform}:{epoch}"
    try:
        return bool(redis_of(own_platform()).set(key, 1, nx=True, ex=_REPORT_AGAIN_SECONDS))
    except redis.RedisError:
        return True


def report_numbers(platform: str) -> int:
    """Report all conference numbers of a platform that this site serves to the registry (UPU); return how many."""
    count = sum(_report_kept_numbers(platform, source) for source in reserved_numbers.SOURCES)
    return count + _report_running_numbers(platform)


def _report_kept_numbers(platform: str, source: str) -> int:
    """Report the conference numbers that are reserved for a platform's reservations, templates or virtual rooms.

    Return how many. `source`: the query for one of these kinds. Each transaction reports some hundreds.
    """
    count, last = 0, ""
    while True:
        with begin(platform) as uow:
            entries = _lock_entries(uow, source, last)
            for entry in entries:
                for notice in registry_entries.added_notices(entry):
                    uow.send(notice)
        if not entries:
            return count
        count, last = count + len(entries), entries[-1].e164


def _lock_entries(uow: UnitOfWork, source: str, last: str) -> list[registry_entries.RegistryEntry]:
    """Lock and return a platform's next entries for the number registry, after the number `last`.

    An empty list also means that another site serves the platform. `source`: the query for the numbers of
    reservations, templates or virtual rooms.
    """
    if not uow.is_open:
        return []
    return reserved_numbers.next_kept_numbers(uow.database, uow.platform, source, last, lock=True)


def _report_running_numbers(platform: str) -> int:
    """Report the conference numbers that are in use by a platform's running conferences; return how many.

    Returns 0 while another site serves the platform.
    """
    count, last = 0, ""
    while True:
        with begin(platform) as uow:
            conferences = (
                reserved_numbers.next_running_conferences(uow.database, last) if uow.is_open else []
            )
            for conference in conferences:
                uow.send(outgoing.number_in_use_here(conference))
        if not conferences:
            return count
        count, last = count + len(conferences), conferences[-1].e164


def withdraw_numbers(platform: str) -> bool:
    """Withdraw the conference numbers of a platform that this site does not serve from its number registry (UPU).

    Return False if that is not possible yet: the registry is part of our own platform's data, which another site may
    write now. Only the numbers of reservations, templates and virtual rooms are withdrawn. They are read from the copy
    of the platform's data; the notices go through our own outbox, because this site may not write to that copy. The
    copy lacks what the serving site has deleted since the hand-back, so our own registry deletes all that it has of the
    platform.
    """
    own, copy = store_of(own_platform()).database, store_of(platform).database
    was_reported = reserved_numbers.is_reported(own, platform)
    for source in reserved_numbers.SOURCES if was_reported else ():
        last = ""
        while entries := reserved_numbers.next_kept_numbers(
            copy, platform, source, last, lock=False
        ):
            with begin(own_platform()) as uow:
                for entry in entries:
                    for notice in registry_entries.removed_notices(entry):
                        uow.send(notice)
                if not uow.is_open:
                    return False
            last = entries[-1].e164
    with begin(own_platform()) as uow:
        if not uow.is_open:
            return False
        forgotten = registry_rows.mark_kept_as_deleted(uow.database, platform)
        reserved_numbers.mark_withdrawn(uow.database, platform)
    if was_reported or forgotten:
        log.info("the numbers of %s are withdrawn from the registry", platform)
    return True
