"""The functions here put the result of a decision into effect: the value is saved first, then its messages are sent."""

from __future__ import annotations

import logging

from conferences.data.unit_of_work import ConferencesUnitOfWork
from conferences.rules import booking_news, events
from conferences.rules.decision import Decision
from conferences.rules.end import decide_end
from conferences.rules.monitors import end_affected_monitors
from conferences.rules.reservation import BookingDecision
from conferences.rules.states import Conference, EndReason

log = logging.getLogger("conferences.reservations")


def commit(uow: ConferencesUnitOfWork, decision: Decision) -> None:
    """Stage a decision's result (conference, events, messages) in the transaction, and log the decision's reason.

    Monitors are copies of sound or picture for managers; those that cannot go on after the change end with it.
    """
    decision = end_affected_monitors(decision)
    if decision.after is not None and decision.after != decision.before:
        uow.save(decision.before, decision.after)
        _end_breakout_rooms(uow, decision.before, decision.after)
        for event in events.events_of_change(decision.before, decision.after):
            uow.publish_event(event)
    for event in decision.events:
        uow.publish_event(event)
    for outgoing in decision.send:
        uow.send(outgoing)
    uow.log_decision(decision)


def _end_breakout_rooms(
    uow: ConferencesUnitOfWork, before: Conference | None, after: Conference
) -> None:
    """End the breakout rooms of a conference that has ended, or whose chair has taken its people back."""
    if before is None or before.breakout is None or (after.live and after.breakout):
        return
    for room in before.breakout.rooms:
        conference = uow.load(room.e164)
        # The number may belong to another conference since the room has ended.
        if conference and conference.confid == room.confid:
            commit(uow, decide_end(conference, EndReason.RELEASED, uow.now))


def commit_booking(uow: ConferencesUnitOfWork, decision: BookingDecision) -> None:
    """Stage what was decided about a reservation: rows, events, invitations and messages; and log the reason.

    `uow`: the transaction.
    """
    uow.reservations.save(decision)
    for news in decision.news:
        for event in booking_news.events_of(news):
            uow.publish_event(event)
        if notice := booking_news.notice_of(news):
            uow.reservations.notify(notice)
    for invitation in decision.invitations:
        uow.reservations.mails.add(invitation)
    for outgoing in decision.send:
        uow.send(outgoing)
    bookid = decision.reservation.bookid if decision.reservation else ""
    bookid = bookid or next((occurrence.bookid for occurrence in decision.occurrences), "-")
    log.info("%s: %s", bookid, decision.reason)
