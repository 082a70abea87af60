"""One timer does for all calls what time alone makes due: end those that nobody answers, look after those that go on.

It finds them by the indexed column `due_at`, so its cost grows with what is due. It may run on several workers at once,
or twice: each call is changed by the same function as by a person, which does nothing if nothing is due.
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
from social.flows.calls import CallRefused, apply
from social.rules.calls import Call, CallState, Forbidden, MediaEnded, TimeIsUp, checked

BATCH = 200
GONE_AFTER = timedelta(seconds=20)
"""A call whose conference was empty for so long is over: both pages are closed, and neither could hang up."""

_PASSING = (Denied, CallRefused, call_rows.Outdated, journal.NotServedHere, journal.ReadOnly)
"""After these errors the next run looks at the call again."""

log = logging.getLogger("social.calls")


def due(platform: str) -> int:
    """Handle a platform's calls whose time has come, and return how many they were."""
    store = store_of(platform)
    with transaction.atomic(using=store.database):
        claimed = call_rows.claim_due(store.database, clock.now(), BATCH)
    for call in claimed:
        try:
            _handle(store, call)
        except (*_PASSING, DatabaseError) as error:
            log.warning("call %s is looked at again: %s", call.id, error)
    return len(claimed)


def _handle(store: PlatformStore, call: Call) -> None:
    """Do what is due about one call."""
    if call.state is CallState.ENDED:
        call_media.release(store, call)
    elif call.state is CallState.ACTIVE and call.confid:
        _look_after(store, call)
    else:
        apply(store, call.id, TimeIsUp(), clock.now())


def _look_after(store: PlatformStore, call: Call) -> None:
    """End an active call that may not go on, or that both have left; look again later at any other."""
    now = clock.now()
    c = call_media.conference_of(call)
    if not call_hooks.may_talk(store.database, call.caller.id, call.callee.id):
        call_media.release(store, apply(store, call.id, Forbidden(), now))
    elif c is None or (c.empty_since is not None and c.empty_since + GONE_AFTER <= now):
        call_media.release(store, apply(store, call.id, MediaEnded(), now))
    else:
        with transaction.atomic(using=store.database):
            journal.require_serving(store)
            row = call_rows.lock(store.database, call.id)
            if row is not None and row.state is CallState.ACTIVE:
                call_rows.save(store.database, row, checked(row, now))
