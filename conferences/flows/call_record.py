"""The central site (the core) stores the call records of all sites, each of them once.

CSS -> BMC  CSS_BMC_CDR_NTF                              on_call_recorded
"""

from __future__ import annotations

from conferences.data.unit_of_work import ConferencesUnitOfWork
from conferences.rules.call_record import conference_of_record
from foundation.bus.envelope import Envelope
from foundation.bus.registry import handles
from wire.number_registry import CallRecorded


@handles(CallRecorded)
def on_call_recorded(uow: ConferencesUnitOfWork, notice: CallRecorded, envelope: Envelope) -> None:
    """Save the call record of a conference that ended at another site; a record already stored stays as it is."""
    uow.save_record(conference_of_record(notice, uow.now))
