"""Messages for a platform that another site serves are treated as `bus.dispatch` does."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from conferences.rules.forward import decide_control_for_local_unit, decide_pass_on
from conferences.rules.states import Conference, Unit
from foundation.bus import registry
from foundation.bus.envelope import Envelope
from foundation.bus.message import BadMessage, Message, loads
from tests.memory import MemoryUnitOfWork
from tests.memory_letter import Letter, envelope_of
from wire.conference_control import Control
from wire.media_unit import UnitListsConferences
from wire.number_registry import NumberInUse
from wire.resource_pool import NodeLost
from wire.routes import Routes

Copy = Mapping[str, Conference]
"""A copy holds the live conferences by number, as this site knows them; it may be old."""


class Away(Exception):
    """A message cannot be handled now, and has to be delivered again."""


def take(
    uow: MemoryUnitOfWork, letter: Letter, queue: str, now: datetime, serving: str, copy: Copy
) -> None:
    """Handle a delivery at a site that only has a copy, without writing. Raises Away."""
    try:
        body = loads(letter.body)
        message = registry.read_message(body)
        envelope = envelope_of(letter, queue).with_request_key(body)
    except BadMessage as error:
        uow.park(letter, queue, error.detail)
        return
    if serving and isinstance(message, NumberInUse):
        _pass_to_registry(uow, letter, envelope, serving)
    elif serving and queue == Routes.UNIT_TO_CSS.value.queue:
        _pass_on(uow, letter, message, envelope, serving, copy)
    elif serving and isinstance(message, Control) and envelope.asked_at:
        order = decide_control_for_local_unit(
            copy.get(message.e164), message, envelope, uow.own_site
        )
        if order:
            uow.send(order)
    elif envelope.request:
        _refuse(uow, body, envelope, serving)
    elif not serving:
        raise Away


def _pass_to_registry(
    uow: MemoryUnitOfWork, letter: Letter, envelope: Envelope, serving: str
) -> None:
    around = decide_pass_on(msgspec.structs.replace(envelope, via=""), uow.platform)
    assert around is not None
    route = Routes.TO_UPU.value
    uow.put(
        letter.body,
        route.exchange,
        route.key,
        destination=serving,
        app_id=around["app_id"],
        message_id=around["message_id"],
        via=around["headers"]["x-via"],
        sent_at=letter.sent_at,
    )


def _pass_on(
    uow: MemoryUnitOfWork,
    letter: Letter,
    message: Message,
    envelope: Envelope,
    serving: str,
    copy: Copy,
) -> None:
    if isinstance(message, UnitListsConferences | NodeLost) and not _concerns(uow, message, copy):
        return
    around = decide_pass_on(envelope, uow.own_site)
    if around is None:
        return
    route = Routes.UNIT_TO_CSS.value
    uow.put(
        letter.body,
        route.exchange,
        route.key,
        destination=serving,
        correlation_id=around["correlation_id"],
        app_id=around["app_id"],
        message_id=around["message_id"],
        via=around["headers"]["x-via"],
        sent_at=letter.sent_at,
    )


def _concerns(uow: MemoryUnitOfWork, report: UnitListsConferences | NodeLost, copy: Copy) -> bool:
    """Tell whether the unit has, or should have, a conference of this platform (`flows.forward`)."""
    unit = Unit(report.ip, report.pid, uow.own_site)
    if any(c.unit == unit for c in copy.values()):
        return True
    numbers = (
        [entry.e164 for entry in report.confs] if isinstance(report, UnitListsConferences) else []
    )
    return any(uow.home_of is not None and uow.home_of(n) == uow.platform for n in numbers)


def _refuse(uow: MemoryUnitOfWork, body: dict[str, Any], envelope: Envelope, serving: str) -> None:
    """Refuse with 29005, and say which site serves now."""
    words = f"this platform is served at {serving} now" if serving else "begins again"
    uow.nack(body, envelope, "29005", words)
