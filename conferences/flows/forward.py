"""Messages for a platform that another site serves are forwarded to that site (CSS §2.3.3, §5).

`MCU_MAU_*`, `CMU_MAU_*`, `MCU_CM_*` of a media unit at this site and `RMS_CSS_NODELOST_NTF` go unchanged to the
scheduler (CSS) of the serving site, with header x-via. Control orders (`CM_MCU_*`) that the serving site sends with
header x-origin go straight to the media unit here, or a NACK goes back. What the number registry (UPU) of this site is
told (`CSS_UPU_*_NTF`) goes to the serving site, too, since the registry is part of the platform's data.

The serving site decides and writes. This site writes nothing: its data of the platform is a copy.
"""

from __future__ import annotations

import logging

import msgspec

from conferences.data import queries
from conferences.data.platform_resolver import platforms_of_numbers
from conferences.rules.forward import decide_control_for_local_unit, decide_pass_on
from foundation.bus.delivery import Delivery
from foundation.bus.gate import PASSED_ON, refuse_as_closed
from foundation.bus.unit_of_work import UnitOfWork
from foundation.cells.directory import own_platform
from wire.conference_control import Control
from wire.media_unit import UnitListsConferences
from wire.number_registry import NumberInUse
from wire.resource_pool import NodeLost
from wire.routes import Routes

log = logging.getLogger("conferences.forward")


def pass_on(uow: UnitOfWork, delivery: Delivery) -> None:
    """Forward a message of a media unit at this site, unchanged, to the site that serves (decides for) the platform.

    Ignored is one that concerns no conference of the platform, or that has come back to this site.
    """
    message, envelope = delivery.message, delivery.envelope
    if isinstance(message, UnitListsConferences | NodeLost) and not _concerns_platform(
        uow, message
    ):
        return
    properties = decide_pass_on(envelope, own_platform())
    if properties is None:
        log.info("%s by way of %s is not ours any more", type(message).__name__, envelope.via)
        return
    route = Routes.UNIT_TO_CSS.value
    uow.put(delivery.body, route.exchange, route.key, destination=uow.serving_site, **properties)


def _concerns_platform(uow: UnitOfWork, notice: UnitListsConferences | NodeLost) -> bool:
    """Return whether the media unit that a message is about hosts a conference of this transaction's platform.

    The database says so for units of this site; for others, the list that the unit sends does.
    """
    if queries.is_hosting(uow.database, notice.ip, notice.pid, own_platform()):
        return True
    numbers = (
        [entry.e164 for entry in notice.confs] if isinstance(notice, UnitListsConferences) else []
    )
    return uow.platform in platforms_of_numbers(numbers).values()


def pass_to_registry(uow: UnitOfWork, delivery: Delivery) -> None:
    """Forward a notice for our number registry to the site that serves our platform (decides for it, and has its data).

    That site passes it back if our platform was handed back meanwhile. Questions are refused.
    """
    envelope = delivery.envelope
    if not isinstance(delivery.message, NumberInUse):
        refuse_as_closed(uow, delivery)
        return
    # x-via names the platform whose registry is meant, at whichever site the notice comes by.
    properties = decide_pass_on(msgspec.structs.replace(envelope, via=""), uow.platform)
    assert properties is not None
    route = Routes.TO_UPU.value
    uow.put(delivery.body, route.exchange, route.key, destination=uow.serving_site, **properties)


def pass_to_local_unit(uow: UnitOfWork, delivery: Delivery) -> None:
    """Forward a control order of the site that serves (decides for) the platform to the media unit here.

    Another kind of message is refused, as this site does not serve the platform.
    """
    order, envelope = delivery.message, delivery.envelope
    if not isinstance(order, Control) or not envelope.asked_at:
        refuse_as_closed(uow, delivery)
        return
    conference = queries.live_by_number(order.e164)
    if message := decide_control_for_local_unit(conference, order, envelope, own_platform()):
        uow.send(message)


PASSED_ON[Routes.UNIT_TO_CSS.value.queue] = pass_on
PASSED_ON[Routes.TO_UPU.value.queue] = pass_to_registry
PASSED_ON[Routes.CM_TO_UNIT.value.queue] = pass_to_local_unit
