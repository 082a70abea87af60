"""A conference ends because a conference manager (CM) requests it, or its media unit (CMU) has ended it (CSS §9.3).

The end because of the time is in due.py. UPU: number registry. BMC: management console.

CM  -> CSS  CM_MAU_RELEASECONF_REQ                       on_release_conference
CSS -> CM   MAU_CM_RELEASECONF_ACK | MAU_CM_RELEASECONF_NACK
CSS -> CMU  MAU_MCU_RELEASECONF_CMD
CMU -> CSS  MCU_MAU_RELEASECONF_NTF                      on_unit_ended
CSS -> CM   MAU_CM_RELEASECONF_NTF
CSS -> UPU  CSS_UPU_DELCONF_NTF
CSS -> BMC  CSS_BMC_CDR_NTF
"""

from __future__ import annotations

from conferences.data.commit import commit
from conferences.data.unit_of_work import ConferencesUnitOfWork
from conferences.rules.end import decide_release
from conferences.rules.restore import decide_ended_by_unit
from conferences.rules.sending_unit import sending_unit
from foundation.bus.envelope import Envelope
from foundation.bus.registry import handles
from wire.conference_manager import ReleaseConference
from wire.media_unit import UnitEnded


@handles(ReleaseConference)
def on_release_conference(
    uow: ConferencesUnitOfWork, request: ReleaseConference, envelope: Envelope
) -> None:
    """End a conference for a conference manager, or for the site on whose media unit it runs beyond its time."""
    conference = uow.load(request.e164)
    by_other_site = envelope.app_id.startswith(
        "css@"
    )  # the sender is the scheduler of another site
    commit(
        uow,
        decide_release(conference, request, envelope.request, uow.now, by_other_site=by_other_site),
    )


@handles(UnitEnded)
def on_unit_ended(uow: ConferencesUnitOfWork, notice: UnitEnded, envelope: Envelope) -> None:
    """End a conference that its media unit has ended; restore it if the unit was wrong (`decide_ended_by_unit`)."""
    conference = uow.load(notice.e164)
    if conference:
        unit = sending_unit(notice, envelope, uow.own_site, conference)
        commit(uow, decide_ended_by_unit(conference, notice, unit, uow.now))
