"""A conference is created, from the request of a conference manager (CM) to its answer (CSS §1.1).

RMS: resource manager. CMU: media unit. UPU: number registry.

CM  -> CSS  CM_MAU_CREATECONF_REQ                        on_create_conference
CSS -> RMS  GET_RES_REQ
RMS -> CSS  GET_RES_ACK | GET_RES_NACK                   on_create_resources
CSS -> CMU  MAU_MCU_CREATECONF_REQ
CMU -> CSS  MCU_MAU_CREATECONF_ACK                       on_unit_created
CMU -> CSS  MCU_MAU_CREATECONF_NACK                      on_unit_refused
CSS -> CM   MAU_CM_CREATECONF_ACK | MAU_CM_CREATECONF_NACK
CSS -> UPU  CSS_UPU_ADDCONF_NTF
CSS -> RMS  CSS_RMS_RES_NTF
"""

from __future__ import annotations

from conferences.data.begin import begin_conference, begin_occurrence
from conferences.data.commit import commit
from conferences.data.unit_of_work import ConferencesUnitOfWork
from conferences.rules import create as decide
from conferences.rules import outgoing
from conferences.rules.decision import Decision, no_change
from conferences.rules.occurrence import refuse_opening
from conferences.rules.reservation import OccurrenceState
from conferences.rules.restore import decide_restore_failed, decide_unit_restored
from conferences.rules.sending_unit import sending_unit
from conferences.rules.states import Asker, Conference, ConferenceState, Unit
from foundation.bus.envelope import Envelope
from foundation.bus.registry import handles, resumes
from wire.conference_manager import CreateConference
from wire.error_codes import Err
from wire.media_unit import UnitCreated, UnitRefused, UnitRestored, UnitRestoreRefused
from wire.resource_pool import ResourcesGranted, ResourcesRefused


@handles(CreateConference)
def on_create_conference(
    uow: ConferencesUnitOfWork, request: CreateConference, envelope: Envelope
) -> None:
    """Create the requested conference with a number, and request a media unit for it; or refuse the request."""
    asker = Asker(envelope.request, envelope.origin, request.reqid)
    if request.bookid is None:
        begin_conference(uow, request, asker)
    elif refusal := _open_early(uow, request, asker):
        commit(uow, decide.decide_refuse(asker, *refusal))


def _open_early(
    uow: ConferencesUnitOfWork, request: CreateConference, asker: Asker
) -> decide.CreateRefusal | None:
    """Create the conference of a reservation's next occurrence early; or return the refusal, and change nothing."""
    reservation = uow.reservations.load(request.bookid or "")
    if reservation is None or not reservation.live:
        return decide.CreateRefusal(Err.NOT_FOUND, "bookid")
    if reservation.user_domain != request.user_domain:
        return decide.CreateRefusal(Err.NOT_PERMITTED, "bookid")
    occurrences = uow.reservations.occurrences_of(reservation.bookid)
    following = next(
        (occurrence for occurrence in occurrences if occurrence.state is OccurrenceState.PLANNED),
        None,
    )
    refusal = refuse_opening(following, uow.now)
    if refusal or following is None:
        return refusal
    return begin_occurrence(uow, reservation, following, asker)


@resumes("create", ResourcesGranted, ResourcesRefused)
def on_create_resources(
    uow: ConferencesUnitOfWork, reply: ResourcesGranted | ResourcesRefused, envelope: Envelope
) -> None:
    """Place a new conference on the media unit that the resource manager (RMS) granted, or give up.

    A reply about a conference that has ended is ignored.
    """
    e164, question = outgoing.parse_rms_question(envelope.correlation_id)
    conference = uow.load(e164)
    if conference:
        decision = decide.decide_create_resources(
            conference, reply, question, uow.site_of_unit(reply), uow.now
        )
        commit(uow, decision)


@handles(UnitCreated, UnitRestored)
def on_unit_created(uow: ConferencesUnitOfWork, reply: UnitCreated, envelope: Envelope) -> None:
    """Mark a conference as running, because its media unit has created or restored it."""
    conference = uow.load(reply.e164)
    unit = sending_unit(reply, envelope, uow.own_site, conference)
    commit(uow, _decide_unit_accepted(uow, conference, reply, unit))


def _decide_unit_accepted(
    uow: ConferencesUnitOfWork, conference: Conference | None, reply: UnitCreated, unit: Unit | None
) -> Decision:
    """Decide about a media unit's message that it runs a conference. `conference`: `None` if our data has none."""
    if (
        conference is None
        or conference.incarnation != reply.incarnation
        or not conference.is_on(unit)
    ):
        return decide.decide_ghost(reply.e164, reply.incarnation, unit)
    match conference.state:
        case ConferenceState.CREATING:
            return decide.decide_unit_created(conference, reply.join, uow.now)
        case ConferenceState.RESTORING:
            return decide_unit_restored(conference, reply.join, uow.now)
        case _:
            return no_change("answered again")


@handles(UnitRefused, UnitRestoreRefused)
def on_unit_refused(uow: ConferencesUnitOfWork, reply: UnitRefused, envelope: Envelope) -> None:
    """Ask for another media unit, because this one refused to create or restore the conference.

    A refusal that is not about the conference's present unit, or comes in another state, is ignored.
    """
    conference = uow.load(reply.e164)
    unit = sending_unit(reply, envelope, uow.own_site, conference)
    if (
        conference is None
        or conference.incarnation != reply.incarnation
        or not conference.is_on(unit)
        or conference.unit is None
    ):
        return  # The answer is about an earlier assignment of the conference to a unit.
    if conference.state is ConferenceState.CREATING:
        commit(
            uow, decide.decide_next_unit(conference, Err.UNIT_REFUSED, uow.now, reply.detail or "")
        )
    elif conference.state is ConferenceState.RESTORING:
        commit(uow, decide_restore_failed(conference, Err.UNIT_REFUSED, uow.now))
