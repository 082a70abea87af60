"""A timer handles all conferences whose time has come: it ends them, warns of the end, or places them on a unit again.

It finds them by the indexed column `due_at`, so its cost grows with the number of conferences that are due. It may run
on several workers at once, or twice: rows are locked with SKIP LOCKED, and a decision without anything due changes
nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

import redis
from django.db import DatabaseError, InterfaceError

from conferences.data.commit import commit
from conferences.data.database_unit_of_work import ConferencesDatabaseUnitOfWork
from conferences.data.queries import has_due_row, hosted_near_end
from conferences.rules.decision import Decision
from conferences.rules.due import decide_due, decide_end_at_other_site
from conferences.rules.end import decide_end
from conferences.rules.recorder import decide_ask_for_recorder, lacks_recorder
from conferences.rules.restore import decide_restore
from conferences.rules.states import RECORDER_AGAIN_IN, Conference, ConferenceState, EndReason
from foundation.bus.unit_of_work import NotProvisioned, UnitOfWork, begin
from foundation.cells.directory import own_platform, possible_platforms, redis_of
from foundation.cells.serving import for_each_served, read_recent, servings_here
from wire.conference_manager import ReleaseConference

BATCH = 200
MAX_ROUNDS = 50
ASK_AGAIN_SECONDS = 10
"""A request to end a conference may be sent again after this time."""
_WARNING_SECONDS = 900
"""A warning of the end that was sent is not sent again for so long."""

log = logging.getLogger("conferences.due")


def handle_due_conferences(platform: str) -> int:
    """Handle a platform's conferences whose time has come, and return how many there were.

    Each is, for instance, ended, warned of its end, or placed on a media unit again (see `decide_due`).
    """
    if not has_due_row(read_recent(platform), "conferences_conference"):
        return 0
    total = 0
    for _ in range(MAX_ROUNDS):
        count = _handle_batch(platform)
        total += count
        if count < BATCH:
            break
    return total


def _handle_batch(platform: str) -> int:
    """Handle at most BATCH conferences of a platform whose time has come, in one transaction; return how many.

    Returns 0 while another site serves the platform.
    """
    with begin(platform) as uow:
        conferences = uow.part(ConferencesDatabaseUnitOfWork)
        if not uow.is_open:
            return 0
        claimed = conferences.claim_due(BATCH)
        for conference in _not_ended_meanwhile(conferences, claimed):
            at_other_site = (
                conference.unit is not None and conference.unit.site != conferences.own_site
            )
            commit(conferences, decide_due(conference, uow.now, at_other_site=at_other_site))
    return len(claimed)


def _not_ended_meanwhile(
    conferences: ConferencesDatabaseUnitOfWork, claimed: Iterable[Conference]
) -> Iterator[Conference]:
    """Yield each of these conferences as it is now, without those that this transaction has ended meanwhile.

    The end of a conference ends its breakout rooms, which may be in the same batch; nothing may be ended twice.
    """
    for conference in claimed:
        if current := conferences.load(conference.e164):
            yield current


def watch_ends_for_other_sites() -> int:
    """Watch the ends of conferences that run on media units here, but are decided about (served) at another site.

    Before the end, conference managers are warned. When the time is over, the serving site is asked to end the
    conference (CSS §9.3). Returns for how many conferences something was sent. A platform whose data cannot be read is
    looked at again at the next run.
    """
    count = 0
    served_here = {serving.platform for serving in servings_here()}
    for platform in possible_platforms():
        if platform in served_here:
            continue
        try:
            count += _watch_ends_on_platform(platform)
        except (DatabaseError, InterfaceError, NotProvisioned, redis.RedisError) as error:
            log.warning("the ends of conferences of %s are not watched: %s", platform, error)
    return count


def _watch_ends_on_platform(platform: str) -> int:
    """Watch for the ends of conferences that run on units here, while another site decides about their platform.

    Returns for how many of them a warning, or a request to end the conference, was sent; 0 if no site is known to
    decide.
    """
    with begin(platform) as uow:
        if not uow.serving_site:
            return 0
        near_end = hosted_near_end(uow.database, own_platform())
        decisions = [
            (conference, decide_end_at_other_site(conference, uow.now, uow.serving_site))
            for conference in near_end
        ]
    new_decisions = [
        decision
        for conference, decision in decisions
        if decision.send and _mark_as_sent(conference, decision)
    ]
    if new_decisions:
        # Sent from our own outbox, as this site may not write to that platform's data.
        with begin(own_platform()) as own_uow:
            for outgoing in (message for decision in new_decisions for message in decision.send):
                own_uow.send(outgoing)
    return len(new_decisions)


def _mark_as_sent(conference: Conference, decision: Decision) -> bool:
    """Mark in Redis that the messages of this decision are being sent; return False if they were sent before.

    The mark is in Redis because this site may not write to its copy of the platform's data.
    """
    is_request = any(isinstance(outgoing.message, ReleaseConference) for outgoing in decision.send)
    key = f"watched:{conference.confid}:{conference.ends_at}:{decision.reason}"
    seconds = ASK_AGAIN_SECONDS if is_request else _WARNING_SECONDS
    return bool(redis_of(own_platform()).set(key, 1, nx=True, ex=seconds))


def restore_pending(platform: str) -> int:
    """Request media units at once for conferences that wait for one, oldest first; return for how many.

    At most the oldest 500 are looked at; the timer comes to all others.
    """
    with begin(platform) as uow:
        conferences = uow.part(ConferencesDatabaseUnitOfWork)
        if not uow.is_open:
            return 0
        # For a conference with `answer_by` the resource manager was asked already.
        waiting = [
            conference
            for conference in conferences.claim_pending(500)
            if conference.answer_by is None and conference.state is ConferenceState.PENDING_RESTORE
        ]
        for conference in waiting:
            commit(conferences, decide_restore(conference, uow.now))
    return len(waiting)


def resume_recordings(platform: str) -> int:
    """Request recorders at once for conferences that run without the recorder they need; return for how many.

    They are looked for among the BATCH conferences that are next due for the timer. Returns 0 while another site serves
    the platform.
    """
    with begin(platform) as uow:
        conferences = uow.part(ConferencesDatabaseUnitOfWork)
        if not uow.is_open:
            return 0
        due_soon = conferences.claim_due(BATCH, within=RECORDER_AGAIN_IN)
        lacking = [
            conference
            for conference in due_soon
            if lacks_recorder(conference) and conference.record_at
        ]
        for conference in lacking:
            commit(conferences, decide_ask_for_recorder(conference, uow.now))
    return len(lacking)


def end_conference_now(platform: str, e164: str, reason: EndReason) -> bool:
    """End the conference with this number now, for `reason`, and return True.

    Returns False if there is none, or another site handles its platform's requests (serves it).
    """
    with begin(platform) as uow:
        conferences = uow.part(ConferencesDatabaseUnitOfWork)
        conference = conferences.load(e164) if uow.is_open else None
        if conference:
            commit(conferences, decide_end(conference, reason, uow.now))
    return conference is not None


def end_conferences_below(domain: str) -> int:
    """End the conferences of a disabled domain and of domains below it, on platforms whose requests this site handles.

    Returns how many.
    """
    counts: list[int] = []

    def end_in_platform(platform: str) -> None:
        """End this platform's conferences of `domain` and of domains below it, and append their number to `counts`.

        While another site may write the platform's data (the unit of work is not open), none is ended.
        """
        with begin(platform) as uow:
            counts.append(end_conferences_below_in(uow, domain) if uow.is_open else 0)

    for_each_served(end_in_platform)
    return sum(counts)


def end_conferences_below_in(uow: UnitOfWork, domain: str) -> int:
    """End one platform's conferences of a disabled domain and of domains below it; return how many."""
    conferences = uow.part(ConferencesDatabaseUnitOfWork)
    live = conferences.live_below(domain)
    for conference in _not_ended_meanwhile(conferences, live):
        commit(conferences, decide_end(conference, EndReason.DOMAIN_DISABLED, uow.now))
    return len(live)
