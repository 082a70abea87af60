"""Monitors of a conference are refused here, so there is none to keep (CSS §10).

CM  -> CSS  CM_MAU_MONITORKEEPALIVE_NTF                  on_monitors_alive
"""

from __future__ import annotations

from conferences.data.unit_of_work import ConferencesUnitOfWork
from foundation.bus.envelope import Envelope
from foundation.bus.registry import handles
from wire.conference_manager import MonitorsAlive


@handles(MonitorsAlive)
def on_monitors_alive(
    uow: ConferencesUnitOfWork, notice: MonitorsAlive, envelope: Envelope
) -> None:
    """Take the notice, which has no answer: as a dead letter it would fill the queue of those for ever."""
