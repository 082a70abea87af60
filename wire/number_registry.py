"""What the registry of numbers (UPU) and the console (BMC) are told."""

from __future__ import annotations

from typing import Any

from foundation.bus.message import Message, message, obj, wire


@message("CSS_UPU_ADDCONF_NTF")
class NumberInUse(Message):
    """A number is a conference now, and where (CSS §7)."""

    e164: str = wire("confE164")
    conftype: int = wire("conftype")
    name: str = wire("confname")
    user_domain: str = wire("userdomainmoid")
    platform: str = wire("platformmoid")
    state: str = wire("state")


@message("CSS_UPU_MDFCONF_NTF")
class NumberChanged(NumberInUse):
    """What a number stands for has changed."""


@message("CSS_UPU_DELCONF_NTF")
class NumberFree(NumberInUse):
    """A number stands for nothing that runs any more."""


@message("CSS_BMC_CDR_NTF")
class CallRecorded(Message):
    """The record of an ended conference, sent once."""

    confid: str = wire("confid")
    record: dict[str, Any] = wire("record", obj)
