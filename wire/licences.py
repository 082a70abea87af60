"""What is said about licences (CSS §4)."""

from __future__ import annotations

from foundation.bus.message import Message, flag, list_of, message, text, whole, wire

_MOID = text(40, 1)

MOST_CHARACTERS = 4096
"""The longest text of a sealed licence."""


@message("BMC_CSS_LICENSE_NTF")
class LicenceIssued(Message):
    """BMC sends the licence of one platform: its first, a newer one, or one that we asked for.

    `revoked` is ours: absent, or 1: this issue counts no more. Who does not know it reads an issue
    that is loaded already.
    """

    platform: str = wire("platformmoid", _MOID)
    license: str = wire("license", text(MOST_CHARACTERS, 1))
    revoked: bool | None = wire("revoked", flag, default=None)


@message("CSS_BMC_LICENSE_REQ")
class AskForLicences(Message):
    """We begin: which licences are there? One LicenceIssued each is the answer."""

    platforms: tuple[str, ...] = wire("platformmoids", list_of(_MOID))


@message("MS_CSS_LICENSE_REQ", nack="CSS_MS_LICENSE_NACK")
class AskForLimits(Message):
    """A module of the platform asks what the platform may do."""

    reqid: str | None = wire("reqid", text(64), default=None)


@message("PLATFORM_LICENSE_NTF")
class LicenceInForce(Message):
    """What the platform may do now: conferences by its own licence, the rest summed (CSS §4.1).

    Without a valid licence of its own: no conferences, and neither validity nor issue.
    """

    platform: str = wire("platformmoid", _MOID)
    small_conferences: int = wire("smallconfnum", whole(0))
    large_conferences: int = wire("largeconfnum", whole(0))
    software_terminals: int = wire("softwarenumlimit", whole(0))
    hardware_terminals: int = wire("hardwarenumlimit", whole(0))
    monitors: int = wire("monitornumlimit", whole(0))
    media_ports: int = wire("mediaportnumlimit", whole(0))
    access_ports: int = wire("currentcallnumlimit", whole(0))
    valid_from: str | None = wire("validfrom", default=None)
    valid_to: str | None = wire("validto", default=None)
    issue: int | None = wire("issue", whole(0), default=None)
    evaluation: bool = wire("evaluation", default=False)


@message("CSS_MS_LICENSE_ACK")
class LimitsTold(LicenceInForce):
    """The same, to the one that asked."""

    reqid: str | None = wire("reqid", default=None)
