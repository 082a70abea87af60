"""What time does: conferences whose moment has come, and those that wait for a unit.

The one timer of all conferences: its scan follows the indexed `due_at`, so its cost grows with
what is due. It may run on several workers at once, or twice: rows are claimed with SKIP LOCKED,
and a decision that finds nothing due does nothing.
"""

from __future__ import annotations

import logging

import redis
from django.db import DatabaseError, InterfaceError

from conferences.data.commit import commit
from conferences.data.database_unit_of_work import ConferencesDatabaseUnitOfWork
from conferences.data.queries import hosted_near_end, numbers_below
from conferences.rules.due import decide_due, decide_watched
from conferences.rules.end import decide_end
from conferences.rules.restore import decide_restore
from conferences.rules.states import Conference, ConferenceState, EndReason
from conferences.rules.step import Step
from foundation.bus import wake_up
from foundation.bus.unit_of_work import NotProvisioned, begin
from foundation.cells.directory import own_platform, possible_platforms, redis_of, store_of
from wire.conference_manager import ReleaseConference

BATCH = 200
MOST_ROUNDS = 50
ASKED_AGAIN_AFTER = 10

log = logging.getLogger("conferences.due")


def due(platform: str) -> int:
    """Do what is due now; how many conferences were looked at."""
    looked_at = 0
    for _ in range(MOST_ROUNDS):
        count = _due_batch(platform)
        looked_at += count
        if count < BATCH:
            break
    return looked_at


def _due_batch(platform: str) -> int:
    with begin(platform) as uow:
        conferences = uow.part(ConferencesDatabaseUnitOfWork)
        if not uow.is_open:
            return 0
        claimed = conferences.claim_due(BATCH)
        for c in claimed:
            elsewhere = c.unit is not None and c.unit.at != conferences.here
            commit(conferences, decide_due(c, uow.now, elsewhere=elsewhere))
    if claimed:
        wake_up.everywhere(platform)
    return len(claimed)


def watch_hosted() -> int:
    """Ends of conferences that run here and that another site serves (CSS §9.3); how many were told of."""
    told = 0
    for platform in possible_platforms():
        try:
            told += _watch(platform)
        except (DatabaseError, InterfaceError, NotProvisioned, redis.RedisError) as wrong:
            log.warning("the ends of conferences of %s are not watched: %s", platform, wrong)
    return told


def _watch(platform: str) -> int:
    with begin(platform) as uow:
        if not uow.serving_site:
            return 0
        near = hosted_near_end(uow.database, own_platform())
        steps = [(c, decide_watched(c, uow.now, uow.serving_site)) for c in near]
    told = [step for c, step in steps if step.send and _first_time(c, step)]
    if told:
        with begin(own_platform()) as home:
            for outgoing in (one for step in told for one in step.send):
                home.send(outgoing)
        wake_up.everywhere(own_platform())
    return len(told)


def _first_time(c: Conference, step: Step) -> bool:
    """Nobody has said it: nothing may be written to a copy, so Redis remembers. A request for its end
    is worth saying again after a while."""
    asks = any(isinstance(one.message, ReleaseConference) for one in step.send)
    name = f"watched:{c.confid}:{c.ends_at}:{step.because}"
    seconds = ASKED_AGAIN_AFTER if asks else 900
    return bool(redis_of(own_platform()).set(name, 1, nx=True, ex=seconds))


def restore_pending(platform: str) -> int:
    """Places are free: ask at once for all that wait, oldest first."""
    with begin(platform) as uow:
        conferences = uow.part(ConferencesDatabaseUnitOfWork)
        if not uow.is_open:
            return 0
        waiting = [
            c
            for c in conferences.claim_pending(500)
            if c.answer_by is None and c.state is ConferenceState.PENDING_RESTORE
        ]
        for c in waiting:
            commit(conferences, decide_restore(c, uow.now))
    if waiting:
        wake_up.everywhere(platform)
    return len(waiting)


def end_now(platform: str, e164: str, reason: EndReason) -> bool:
    """An operator, or a disabled domain, ends a conference. False: there is none."""
    with begin(platform) as uow:
        conferences = uow.part(ConferencesDatabaseUnitOfWork)
        c = conferences.load(e164) if uow.is_open else None
        if c:
            commit(conferences, decide_end(c, reason, uow.now))
    wake_up.everywhere(platform)
    return c is not None


def end_below(domain: str) -> int:
    """A domain is disabled, and the operator wants what runs in it and below ended; how many."""
    own = own_platform()
    numbers = numbers_below(store_of(own).database, domain)
    return sum(end_now(own, number, EndReason.DOMAIN_DISABLED) for number in numbers)
