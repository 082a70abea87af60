"""The rules of our own number registry (UPU): which of two notices about a number is the newer one. Pure."""

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
    """What a scheduler says of a number. Of two notices about the same thing the one with the higher version holds."""

    entry: RegisteredNumber
    version: int
    gone: bool


def read_notice(message: NumberInUse, envelope: Envelope, arrived: int) -> Notice:
    """Return what a message says of a number.

    Our schedulers' message ids grow with time, also from one site to another, so they tell which of two messages is
    newer, whichever comes first. Other parties' messages count in the order in which they arrive: `arrived` is an id
    of ours, made now.
    """
    entry = RegisteredNumber(
        e164=message.e164,
        conftype=message.conftype,
        name=message.name,
        user_domain=message.user_domain,
        platform=message.platform,
        state=message.state,
    )
    version = _version_of(envelope.message_id, envelope.sent_at) or arrived
    return Notice(entry, version, isinstance(message, NumberFree))


def _version_of(message_id: str, sent_at: datetime | None) -> int:
    """Return a message id of ours as a number; 0 if it is another party's."""
    if sent_at is None or not _ID_OF_OURS.fullmatch(message_id):
        return 0
    version = int(message_id, 16)
    if version >= 2**63 or abs(moment_of(version) - sent_at) > _CLOCKS_DIFFER_BY:
        return 0
    return version
