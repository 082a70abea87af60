"""The scheduler (CSS) reports its counters to network management (NMS) every minute, where that is a role (CSS §11).

CSS -> NMS  CSS_NMS_STATE_NTF                            report_state
"""

from __future__ import annotations

from conferences.data import queries
from foundation.bus.outgoing import Send
from foundation.bus.unit_of_work import begin
from foundation.cells.directory import own_platform, store_of
from foundation.cells.serving import for_each_served
from wire.neighbours import StateReport
from wire.routes import Routes


def report_state() -> None:
    """Report to network management how many conferences run, how many wait, and how many media units are online.

    The conferences are those of all platforms whose requests this site handles. A report that is lost, or sent twice,
    does no harm: the next one follows in a minute.
    """
    serving: list[str] = []
    for_each_served(serving.append)
    counts = [queries.count_running_and_pending(store_of(moid).database) for moid in serving]
    with begin(own_platform()) as uow:
        report = StateReport(
            running=sum(running for running, _ in counts),
            pending=sum(pending for _, pending in counts),
            mcus=queries.count_media_units_online(uow.database),
            serving=tuple(serving),
        )
        uow.send(Send(message=report, route=Routes.TO_NMS))
