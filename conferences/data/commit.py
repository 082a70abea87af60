"""The functions here put the result of a decision into effect: the value is saved first, then its messages are sent."""

from __future__ import annotations

import logging

from conferences.data.unit_of_work import ConferencesUnitOfWork
from conferences.rules import booking_news, events
from conferences.rules.monitors import end_affected_monitors
from conferences.rules.reservation import BookingStep
from conferences.rules.step import Step

log = logging.getLogger("conferences.reservations")


def commit(uow: ConferencesUnitOfWork, step: Step) -> None:
    """Stage a decision's result (conference, events, messages) in the transaction, and log its reason.

    Whatever the decision was, monitors (copies of sound or picture for managers) that cannot outlive the change end
    with it.
    """
    step = end_affected_monitors(step)
    if step.after is not None and step.after != step.before:
        uow.save(step.before, step.after)
        for event in events.events_of_change(step.before, step.after):
            uow.publish_event(event)
    for event in step.events:
        uow.publish_event(event)
    for outgoing in step.send:
        uow.send(outgoing)
    uow.log_step(step)


def commit_booking(uow: ConferencesUnitOfWork, step: BookingStep) -> None:
    """Stage a decision's result about a reservation (rows, events, messages) in the transaction, and log its reason."""
    uow.reservations.save(step)
    for news in step.news:
        for event in booking_news.events_of(news):
            uow.publish_event(event)
        if notice := booking_news.notice_of(news):
            uow.reservations.notify(notice)
    for outgoing in step.send:
        uow.send(outgoing)
    bookid = step.reservation.bookid if step.reservation else ""
    bookid = bookid or next((occurrence.bookid for occurrence in step.occurrences), "-")
    log.info("%s: %s", bookid, step.reason)
