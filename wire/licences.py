"""Messages about licences (CSS §4)."""

from __future__ import annotations

from typing import Annotated

from msgspec import field

from foundation.bus.message import Message, message
from foundation.bus.typed_json import items, text
from wire.fields import Count, Moid, Text

MAX_CHARACTERS = 4096
"""The longest text of a sealed licence."""


@message("BMC_CSS_LICENSE_NTF")
class LicenceIssued(Message):
    """The management console (BMC) sends the licence of one platform: a new one, or one that we asked for.

    The field `revoked` is our addition: 1 means that this issue is revoked. A reader that does not know the field takes
    the message for a repetition of a licence that it has.
    """

    platform: Moid = field(name="platformmoid")
    license: Annotated[str, text(MAX_CHARACTERS, 1)]
    revoked: bool | None = None


@message("CSS_BMC_LICENSE_REQ")
class AskForLicences(Message):
    """A site asks at its start for the licences of its platforms. The answer is a `LicenceIssued` for each."""

    platforms: Annotated[tuple[Moid, ...], items()] = field(name="platformmoids")


@message("MS_CSS_LICENSE_REQ", nack="CSS_MS_LICENSE_NACK")
class AskForLimits(Message):
    """A module of the platform (MS) asks for the limits of the platform's licence."""

    reqid: Annotated[str, text(64)] | None = None


@message("PLATFORM_LICENSE_NTF")
class LicenceInForce(Message):
    """A platform publishes its limits: conferences by its own licence, the others summed over all its platforms.

    Without a valid licence of its own the conferences are 0, and validity and issue are absent (CSS §4.1).
    """

    platform: Moid = field(name="platformmoid")
    small_conferences: Count = field(name="smallconfnum")
    large_conferences: Count = field(name="largeconfnum")
    software_terminals: Count = field(name="softwarenumlimit")
    hardware_terminals: Count = field(name="hardwarenumlimit")
    monitors: Count = field(name="monitornumlimit")
    media_ports: Count = field(name="mediaportnumlimit")
    access_ports: Count = field(name="currentcallnumlimit")
    valid_from: Text | None = field(name="validfrom", default=None)
    valid_to: Text | None = field(name="validto", default=None)
    issue: Count | None = None
    evaluation: bool = False


@message("CSS_MS_LICENSE_ACK")
class LimitsAnswered(LicenceInForce):
    """A platform answers the module that asked for its limits."""

    reqid: Text | None = None
