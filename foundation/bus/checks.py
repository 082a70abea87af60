"""System checks find messages that come in without a handler, and questions whose answers nothing resumes."""

from __future__ import annotations

from django.core.checks import Error, register

from foundation.bus import protocol
from foundation.bus.message import TYPES
from foundation.bus.registry import HANDLERS, RESUMPTIONS


@register()
def every_message_has_its_handler(**_: object) -> list[Error]:
    """Return an error (`bus.E001`) for each type of message that comes in and has no handler."""
    return [
        Error(
            f"{wire_type} comes in, but no handler takes it",
            hint=f"Write @handles({kind.__name__}) in a module of an app's flows/ (docs/howto/add-a-message.md).",
            id="bus.E001",
        )
        for wire_type, kind in TYPES.items()
        if protocol.current().comes_in(wire_type) and kind not in HANDLERS
    ]


@register()
def every_question_is_resumed(**_: object) -> list[Error]:
    """Return an error (`bus.E002`) for each flow that asks a question and does not go on at its answer."""
    missing = [flow for flow in protocol.current().resumed_flows if flow not in RESUMPTIONS]
    return [Error(f"no @resumes({flow!r})", id="bus.E002") for flow in missing]
