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

from conferences.data.commit import commit
from conferences.data.unit_of_work import ConferencesUnitOfWork
from conferences.rules.extend import decide_extend, decide_unit_extend
from conferences.rules.sending_unit import sending_unit
from foundation.bus.envelope import Envelope
from foundation.bus.registry import handles
from wire.conference_manager import ExtendConference
from wire.media_unit import UnitAsksToExtend


@handles(ExtendConference)
def on_extend_conference(
    uow: ConferencesUnitOfWork, request: ExtendConference, envelope: Envelope
) -> None:
    """Prolong a conference for a conference manager, or refuse it."""
    commit(uow, decide_extend(uow.load(request.e164), request, envelope.request, uow.now))


@handles(UnitAsksToExtend)
def on_unit_asks_to_extend(
    uow: ConferencesUnitOfWork, request: UnitAsksToExtend, envelope: Envelope
) -> None:
    """Prolong a conference for its media unit, or refuse it."""
    conference = uow.load(request.e164)
    unit = sending_unit(request, envelope, uow.own_site, conference)
    commit(uow, decide_unit_extend(conference, request, unit, envelope.request, uow.now))
