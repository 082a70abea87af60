"""Messages for a platform that another site serves are passed on to that site (CSS §2.3.3, §5).

This is no flow of one message: `MCU_MAU_*`, `CMU_MAU_*`, `MCU_CM_*` of a unit here and
`RMS_CSS_NODELOST_NTF` go to the serving CSS as they are, with header x-via. `CM_MCU_*` that the serving
CSS sends with header x-origin goes straight to the unit here, or a NACK goes back.

The serving site decides and writes. Here nothing is written: the platform's data is a copy.
"""

from __future__ import annotations

import logging

from conferences.data import queries
from conferences.data.platform_resolver import platforms_of_numbers
from conferences.rules.forward import decide_control_here, decide_pass_on
from foundation.bus.delivery import Delivery
from foundation.bus.gate import PASSED_ON, refuse_as_closed
from foundation.bus.unit_of_work import UnitOfWork
from foundation.cells.directory import own_platform
from wire.conference_control import Control
from wire.media_unit import UnitHolds
from wire.resource_pool import NodeLost
from wire.routes import Routes

log = logging.getLogger("conferences.forward")


def pass_on(uow: UnitOfWork, delivery: Delivery) -> None:
    """Pass a message of a unit here on to the serving site, as it is."""
    message, envelope = delivery.message, delivery.envelope
    if isinstance(message, UnitHolds | NodeLost) and not _concerns(uow, message):
        return
    properties = decide_pass_on(envelope, own_platform())
    if properties is None:
        log.info("%s by way of %s is not ours any more", type(message).__name__, envelope.via)
        return
    route = Routes.UNIT_TO_CSS.value
    uow.put(delivery.body, route.exchange, route.key, destination=uow.serving_site, **properties)


def _concerns(uow: UnitOfWork, notice: UnitHolds | NodeLost) -> bool:
    """Tell whether the unit holds a conference of this platform, or is believed to."""
    if queries.is_hosting(uow.database, notice.ip, notice.pid, own_platform()):
        return True
    numbers = [entry.e164 for entry in notice.confs] if isinstance(notice, UnitHolds) else []
    return uow.platform in platforms_of_numbers(numbers).values()


def control_here(uow: UnitOfWork, delivery: Delivery) -> None:
    """Give an order of the serving site straight to the unit here that runs the conference."""
    order, envelope = delivery.message, delivery.envelope
    if not isinstance(order, Control) or not envelope.asked_at:
        refuse_as_closed(uow, delivery)
        return
    c = queries.live_by_number(order.e164)
    if reply := decide_control_here(c, order, envelope, own_platform()):
        uow.send(reply)


PASSED_ON[Routes.UNIT_TO_CSS.value.queue] = pass_on
PASSED_ON[Routes.CM_TO_UNIT.value.queue] = control_here
