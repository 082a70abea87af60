"""A timer ends calls that nobody answers, and checks regularly whether active calls may go on.

It finds calls by the indexed column `due_at`, so its cost grows with the number of calls that are due. It may run on
several workers at once, or twice: `calls.apply_event` changes nothing if nothing is due.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import DatabaseError, transaction

from foundation import clock
from foundation.cells.directory import PlatformStore, store_of
from im.data import journal
from im.data.locked_conversation import Denied
from social.data import call_hooks, call_rows
from social.flows import call_media
from social.flows.calls import CallRefused, apply_event
from social.rules.calls import Call, CallState, Forbidden, MediaEnded, TimeIsUp, with_check_time

BATCH = 200
GONE_AFTER = timedelta(seconds=20)
"""A call ends if its conference was empty for so long: the pages of both people are closed."""

_TEMPORARY_ERRORS = (
    Denied,
    CallRefused,
    call_rows.Outdated,
    journal.NotServedHere,
    journal.ReadOnly,
)
"""After these errors the next run of the timer handles the call again."""

log = logging.getLogger("social.calls")


def handle_due(platform: str) -> int:
    """Handle the calls of a platform whose time has come (unanswered, to check, or to clean up); return how many.

    One that fails is looked at again by the next run.
    """
    store = store_of(platform)
    if not call_rows.has_due(store.database, clock.now()):
        return 0
    with transaction.atomic(using=store.database):
        claimed = call_rows.claim_due(store.database, clock.now(), BATCH)
    for call in claimed:
        try:
            _handle_call(store, call)
        except (*_TEMPORARY_ERRORS, DatabaseError) as error:
            log.warning("call %s is looked at again: %s", call.id, error)
    return len(claimed)


def _handle_call(store: PlatformStore, call: Call) -> None:
    """End a call that nobody answered, check an active one, or end the conference of one that has ended."""
    if call.state is CallState.ENDED:
        call_media.release_conference(store, call)
    elif call.state is CallState.ACTIVE and call.confid:
        _check_active(store, call)
    else:
        apply_event(store, call.id, TimeIsUp(), clock.now())


def _check_active(store: PlatformStore, call: Call) -> None:
    """End an active call that is no longer permitted or that both people have left; else plan the next check.

    Raises NotServedHere or ReadOnly if another site serves the platform.
    """
    now = clock.now()
    conference = call_media.conference_of(call)
    if not call_hooks.may_talk(store.database, call.caller.id, call.callee.id):
        call_media.release_conference(store, apply_event(store, call.id, Forbidden(), now))
    elif conference is None or (
        conference.empty_since is not None and conference.empty_since + GONE_AFTER <= now
    ):
        call_media.release_conference(store, apply_event(store, call.id, MediaEnded(), now))
    else:
        with transaction.atomic(using=store.database):
            journal.require_serving(store)
            # The call may have changed since it was read.
            row = call_rows.lock_call(store.database, call.id)
            if row is not None and row.state is CallState.ACTIVE:
                call_rows.save_call(store.database, row, with_check_time(row, now))
