"""Nobody can supervise (monitor) a conference here, so notices about monitors are ignored (CSS §10).

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
    """Ignore the notice. Without this handler each one would be parked as an unknown message."""
