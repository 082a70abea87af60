"""A conference is prolonged, as a conference manager (CM) or its media unit (CMU) asks (CSS §5.3).

CM  -> CSS  CM_MAU_DELAYCONF_REQ                         on_extend_conference
CSS -> CM   CM_MAU_DELAYCONF_ACK | CM_MAU_DELAYCONF_NACK
CSS -> CM   CM_MAU_CONFDURATION_NTF
CSS -> CMU  MAU_CMU_CONFDURATION_NTF
CMU -> CSS  MCU_MAU_DELAYCONF_REQ                        on_unit_asks_to_extend
CSS -> CMU  MAU_MCU_DELAYCONF_ACK | MAU_MCU_DELAYCONF_NACK
CSS -> CM   CM_MAU_CONFDURATION_NTF
"""

from __future__ import annotations

from datetime import datetime, timedelta

from conferences.data.commit import commit
from conferences.data.unit_of_work import ConferencesUnitOfWork
from conferences.rules.capacity import Span, first_shortage
from conferences.rules.extend import decide_extend, decide_unit_extend, why_not_extended
from conferences.rules.reservation import OccurrenceState
from conferences.rules.sending_unit import sending_unit
from conferences.rules.states import Conference
from foundation.bus.envelope import Envelope
from foundation.bus.registry import handles
from wire.conference_manager import ExtendConference
from wire.media_unit import UnitAsksToExtend

_State = OccurrenceState


@handles(ExtendConference)
def on_extend_conference(
    uow: ConferencesUnitOfWork, request: ExtendConference, envelope: Envelope
) -> None:
    """Let a conference end later, as a conference manager asks, or refuse it."""
    conference = uow.load(request.e164)
    needed_from = _needed_from(uow, conference, request.delay)
    commit(uow, decide_extend(conference, request, envelope.request, uow.now, needed_from))


@handles(UnitAsksToExtend)
def on_unit_asks_to_extend(
    uow: ConferencesUnitOfWork, request: UnitAsksToExtend, envelope: Envelope
) -> None:
    """Let a conference end later, as its media unit asks, or refuse it."""
    conference = uow.load(request.e164)
    unit = sending_unit(request, envelope, uow.own_site, conference)
    needed_from = _needed_from(uow, conference, request.delay)
    decision = decide_unit_extend(conference, request, unit, envelope.request, uow.now, needed_from)
    commit(uow, decision)


def _needed_from(
    uow: ConferencesUnitOfWork, conference: Conference | None, delay: int
) -> datetime | None:
    """Return the first time at which a reservation needs the places or the number of a conference; else `None`.

    The conference would go on for `delay` minutes after its end. If nothing is booked for that time, as is usual, one
    query is enough.
    """
    if conference is None or conference.ends_at is None or why_not_extended(conference, delay):
        return None
    window = Span(
        conference.ends_at, conference.ends_at + timedelta(minutes=delay), conference.places
    )
    coming = uow.reservations.booked([window], states=(_State.PLANNED, _State.STARTING))
    if not coming:
        return None
    running = uow.reservations.running_after(conference.ends_at, conference.confid)
    capacity = uow.reservations.capacity()
    moments = [first_shortage(conference.ends_at, conference.places, coming, running, capacity)]
    if conference.occurrence:
        occurrences = uow.reservations.occurrences_of(conference.stored_id)
        moments += [
            occurrence.starts_at for occurrence in occurrences if occurrence.state is _State.PLANNED
        ]
    return min((moment for moment in moments if moment), default=None)
