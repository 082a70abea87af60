"""What concerns a platform that another site serves is passed on to it (CSS §2.3.3, §5).

Not a flow of one message, but what becomes of any: `MCU_MAU_*`, `CMU_MAU_*`, `MCU_CM_*` of a unit here
and `RMS_CSS_NODELOST_NTF` go to the serving CSS as they are, with header x-via; `CM_MCU_*` that the
serving CSS sends with header x-origin goes straight to the unit here, or its NACK goes back.

The serving site decides and writes. Here nothing is written: the platform's data is a copy.
"""

from __future__ import annotations

import logging

from conferences.data import queries
from conferences.data.platform_resolver import platforms_of_numbers
from conferences.rules.forward import decide_control_here, decide_pass_on
from foundation.bus.dispatch import PASSED_ON, Delivery, refuse_as_closed
from foundation.bus.unit_of_work import UnitOfWork
from foundation.cells.directory import own_platform
from wire.conference_control import Control
from wire.media_unit import UnitHolds
from wire.resource_pool import NodeLost
from wire.routes import Routes

log = logging.getLogger("conferences.forward")


def pass_on(uow: UnitOfWork, delivery: Delivery) -> None:
    """To the serving site, as it is."""
    said, envelope = delivery.message, delivery.envelope
    if isinstance(said, UnitHolds | NodeLost) and not _concerns(uow, said):
        return
    around = decide_pass_on(envelope, own_platform())
    if around is None:
        log.info("%s by way of %s is not ours any more", type(said).__name__, envelope.via)
        return
    route = Routes.UNIT_TO_CSS.value
    uow.put(delivery.body, route.exchange, route.key, destination=uow.serving_site, **around)


def _concerns(uow: UnitOfWork, said: UnitHolds | NodeLost) -> bool:
    """Is anything of this platform on the unit, or believed to be?"""
    if queries.hosts(uow.database, said.ip, said.pid, own_platform()):
        return True
    numbers = [e["confE164"] for e in said.confs] if isinstance(said, UnitHolds) else []
    return uow.platform in platforms_of_numbers(numbers).values()


def control_here(uow: UnitOfWork, delivery: Delivery) -> None:
    """The serving site controls a conference that runs here: straight to its unit."""
    order, envelope = delivery.message, delivery.envelope
    if not isinstance(order, Control) or not envelope.asked_at:
        refuse_as_closed(uow, delivery)
        return
    c = queries.live_by_number(order.e164)
    if told := decide_control_here(c, order, envelope, own_platform()):
        uow.send(told)


PASSED_ON[Routes.UNIT_TO_CSS.value.queue] = pass_on
PASSED_ON[Routes.CM_TO_UNIT.value.queue] = control_here
