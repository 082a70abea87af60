"""Call records come to the core, which keeps each of them once, like those of its own conferences.

CSS -> BMC  CSS_BMC_CDR_NTF                              on_call_recorded
"""

from __future__ import annotations

from conferences.data.unit_of_work import ConferencesUnitOfWork
from conferences.rules.call_record import decide_kept
from foundation.bus.envelope import Envelope
from foundation.bus.registry import handles
from wire.number_registry import CallRecorded


@handles(CallRecorded)
def on_call_recorded(uow: ConferencesUnitOfWork, notice: CallRecorded, envelope: Envelope) -> None:
    """Keep the call record that a site sends of an ended conference; its id makes it count once."""
    uow.save_record(decide_kept(notice, uow.now))
