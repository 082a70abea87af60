"""Time alone does this: it ends, warns of and places conferences, as the one timer of all of them.

Its scan follows the indexed `due_at`, so its cost grows with what is due. It may run on several
workers at once, or twice: rows are claimed with SKIP LOCKED, and a decision that finds nothing due does
nothing.
"""

from __future__ import annotations

import logging

import redis
from django.db import DatabaseError, InterfaceError

from conferences.data.commit import commit
from conferences.data.database_unit_of_work import ConferencesDatabaseUnitOfWork
from conferences.data.queries import hosted_near_end
from conferences.rules.due import decide_due, decide_end_at_other_site
from conferences.rules.end import decide_end
from conferences.rules.restore import decide_restore
from conferences.rules.states import Conference, ConferenceState, EndReason
from conferences.rules.step import Step
from foundation.bus import wake_up
from foundation.bus.unit_of_work import NotProvisioned, UnitOfWork, begin
from foundation.cells.directory import own_platform, possible_platforms, redis_of
from foundation.cells.serving import for_each_served
from wire.conference_manager import ReleaseConference

BATCH = 200
MOST_ROUNDS = 50
ASK_AGAIN_SECONDS = 10

log = logging.getLogger("conferences.due")


def due(platform: str) -> int:
    """Do what is due now, and return how many conferences were looked at."""
    looked_at = 0
    for _ in range(MOST_ROUNDS):
        count = _due_batch(platform)
        looked_at += count
        if count < BATCH:
            break
    return looked_at


def _due_batch(platform: str) -> int:
    """Do what is due for at most BATCH conferences, and return how many were looked at."""
    with begin(platform) as uow:
        conferences = uow.part(ConferencesDatabaseUnitOfWork)
        if not uow.is_open:
            return 0
        claimed = conferences.claim_due(BATCH)
        for c in claimed:
            at_other_site = c.unit is not None and c.unit.site != conferences.own_site
            commit(conferences, decide_due(c, uow.now, at_other_site=at_other_site))
    if claimed:
        wake_up.everywhere(platform)
    return len(claimed)


def watch_hosted() -> int:
    """Watch the ends of conferences that run here and that another site serves (CSS §9.3).

    Returns for how many of them something was sent.
    """
    count = 0
    for platform in possible_platforms():
        try:
            count += _watch(platform)
        except (DatabaseError, InterfaceError, NotProvisioned, redis.RedisError) as error:
            log.warning("the ends of conferences of %s are not watched: %s", platform, error)
    return count


def _watch(platform: str) -> int:
    """Watch the ends of one platform's conferences, and return for how many something was sent."""
    with begin(platform) as uow:
        if not uow.serving_site:
            return 0
        near = hosted_near_end(uow.database, own_platform())
        steps = [(c, decide_end_at_other_site(c, uow.now, uow.serving_site)) for c in near]
    new_steps = [step for c, step in steps if step.send and _is_new(c, step)]
    if new_steps:
        with begin(own_platform()) as home:
            for outgoing in (message for step in new_steps for message in step.send):
                home.send(outgoing)
        wake_up.everywhere(own_platform())
    return len(new_steps)


def _is_new(c: Conference, step: Step) -> bool:
    """Tell whether nobody has sent this step yet.

    Redis remembers it, because nothing may be written to a copy. The request to end a conference may be
    sent again after a while.
    """
    asks = any(isinstance(outgoing.message, ReleaseConference) for outgoing in step.send)
    name = f"watched:{c.confid}:{c.ends_at}:{step.reason}"
    seconds = ASK_AGAIN_SECONDS if asks else 900
    return bool(redis_of(own_platform()).set(name, 1, nx=True, ex=seconds))


def restore_pending(platform: str) -> int:
    """Ask at once for all conferences that wait for a unit, oldest first; return how many."""
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
    """End a conference because of an operator or a disabled domain; False means that there is none."""
    with begin(platform) as uow:
        conferences = uow.part(ConferencesDatabaseUnitOfWork)
        c = conferences.load(e164) if uow.is_open else None
        if c:
            commit(conferences, decide_end(c, reason, uow.now))
    wake_up.everywhere(platform)
    return c is not None


def end_below(domain: str) -> int:
    """End all conferences of a disabled domain and below it that this site serves, and return how many."""
    counts: list[int] = []

    def end_at(platform: str) -> None:
        with begin(platform) as uow:
            counts.append(end_below_in(uow, domain) if uow.is_open else 0)
        wake_up.everywhere(platform)

    for_each_served(end_at)
    return sum(counts)


def end_below_in(uow: UnitOfWork, domain: str) -> int:
    """End all conferences of a disabled domain and below it in one platform's data, and return how many."""
    conferences = uow.part(ConferencesDatabaseUnitOfWork)
    running = conferences.live_below(domain)
    for c in running:
        commit(conferences, decide_end(c, EndReason.DOMAIN_DISABLED, uow.now))
    return len(running)
