"""A control request whose answer died with its unit: asked once more it is refused, and not silence."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.db.models import F

from foundation.bus.models import Inbox, Outbox
from tests.admin.conftest import conference_row
from tests.integration.conftest import delivery, do
from wire.routes import Routes

ASKED = {"type": "CM_MCU_MUTE_REQ", "reqid": "r1", "value": 1}


def ask(platform: str, number: str) -> list[dict[str, Any]]:
    """Let the manager ask, and return what is sent to it."""
    Outbox.objects.all().delete()
    body = {**ASKED, "confE164": number}
    do(platform, delivery(body, Routes.CM_TO_UNIT.value.queue, reply_to="cm", correlation_id="1"))
    messages = [json.loads(bytes(row.body)) for row in Outbox.objects.filter(routing_key="cm")]
    return [{k: body[k] for k in ("type", "reqid", "errcode")} for body in messages]


def test_a_control_request_that_was_never_answered_is_refused_when_it_comes_again(
    platform: str,
) -> None:
    from conferences.rules.states import Unit

    number = conference_row(platform, unit=Unit("10.0.0.1", "u1", platform)).e164
    assert ask(platform, number) == []
    assert ask(platform, number) == []
    Inbox.objects.update(taken_at=F("taken_at") - timedelta(seconds=11))
    refused = [{"type": "MCU_CM_MUTE_NACK", "reqid": "r1", "errcode": "29016"}]
    assert ask(platform, number) == refused
    assert ask(platform, number) == refused
