"""System checks: every message that comes in has its handler, every question its resumption."""

from __future__ import annotations

from typing import Any

from django.core.checks import Error, register

from foundation.bus.message import TYPES
from foundation.bus.registry import HANDLERS, IGNORED, RESUMPTIONS


def comes_in(wire_type: str) -> bool:
    """Is this a message that somebody else sends to a role of ours, by the house's naming rule?"""
    if wire_type.startswith(("GET_RES_ACK", "GET_RES_NACK")):
        return False
    sender, _, rest = wire_type.partition("_")
    if wire_type in ("CM_MAU_DELAYCONF_ACK", "CM_MAU_DELAYCONF_NACK", "CM_MAU_CONFDURATION_NTF"):
        return False
    return sender not in ("MAU", "CSS") and rest.startswith(("MAU_", "CSS_"))


@register()
def every_message_has_its_handler(**_: Any) -> list[Error]:
    """`bus.E001`: a message comes in, but no handler takes it."""
    return [
        Error(
            f"{wire_type} comes in, but no handler takes it",
            hint=f"Write @handles({kind.__name__}) in a flow.",
            id="bus.E001",
        )
        for wire_type, kind in TYPES.items()
        if comes_in(wire_type) and kind not in HANDLERS and kind not in IGNORED
    ]


@register()
def every_question_is_resumed(**_: Any) -> list[Error]:
    """`bus.E002`: the answers of the RMS have nowhere to go."""
    missing = [flow for flow in ("create", "restore") if flow not in RESUMPTIONS]
    return [Error(f"no @resumes({flow!r})", id="bus.E002") for flow in missing]
