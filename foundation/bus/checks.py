"""These Django system checks find received message types without a handler, and flows that no answer resumes.

A flow may ask another party a question and go on when its answer comes; `@resumes` marks the function that goes on.
"""

from __future__ import annotations

from django.core.checks import Error, register

from foundation.bus import protocol
from foundation.bus.message import TYPES
from foundation.bus.registry import HANDLERS, RESUMPTIONS


@register()
def every_message_has_its_handler(**_: object) -> list[Error]:
    """Return an error (`bus.E001`) for each type of message that others send to us and that has no handler."""
    return [
        Error(
            f"{wire_type} comes in, but no handler takes it",
            hint=f"Write @handles({message_class.__name__}) in a module of an app's flows/"
            " (docs/howto/add-a-message.md).",
            id="bus.E001",
        )
        for wire_type, message_class in TYPES.items()
        if protocol.current().is_sent_to_us(wire_type) and message_class not in HANDLERS
    ]


@register()
def every_question_is_resumed(**_: object) -> list[Error]:
    """Return an error (`bus.E002`) for each task that asks another party something, and that no answer continues."""
    missing = [flow for flow in protocol.current().resumed_flows if flow not in RESUMPTIONS]
    return [Error(f"no @resumes({flow!r})", id="bus.E002") for flow in missing]
