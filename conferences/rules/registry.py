"""Define the rule of our own number registry (UPU) by which the newer of two notices about a number is found. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import NamedTuple

from foundation.bus.envelope import Envelope
from foundation.clock import moment_of
from wire.number_registry import NumberFree, NumberInUse, RegisteredNumber

_ID_OF_OURS = re.compile(r"[0-9a-f]{10,16}")
_CLOCKS_DIFFER_BY = timedelta(days=1)


class Notice(NamedTuple):
    """Represent a scheduler's notice to the number registry about a number.

    Of two notices about one entry the higher version is valid. `gone`: the entry is deleted.
    """

    entry: RegisteredNumber
    version: int
    gone: bool


def read_notice(message: NumberInUse, envelope: Envelope, arrival_id: int) -> Notice:
    """Return what a message tells the number registry about a number, and the version of that.

    The version of our schedulers' messages is the message id, which grows with time, also from one site to another. So
    the order of arrival does not matter. For other parties' messages it is `arrival_id`, an id made now.
    """
    entry = RegisteredNumber(
        e164=message.e164,
        conftype=message.conftype,
        name=message.name,
        user_domain=message.user_domain,
        platform=message.platform,
        state=message.state,
    )
    version = _version_of(envelope.message_id, envelope.sent_at) or arrival_id
    return Notice(entry, version, isinstance(message, NumberFree))


def _version_of(message_id: str, sent_at: datetime | None) -> int:
    """Return a message id as a number if one of our schedulers made it, at about the time of sending; else 0."""
    if sent_at is None or not _ID_OF_OURS.fullmatch(message_id):
        return 0
    version = int(message_id, 16)  # the column takes 63 bits
    if version >= 2**63 or abs(moment_of(version) - sent_at) > _CLOCKS_DIFFER_BY:
        return 0
    return version
