"""A device lives, says what it has, and learns what it has missed (IM §9): as over the broker."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from im.data.membership import MemberCache
from im.flows import ephemeral
from im.rules.messages import Data, Heartbeat, IncomingRequest


def beat(user: str, device: str, way: str, seqs: Mapping[int, int], now: datetime) -> Data:
    """Keep a device alive; the conversations of which it lacks something, and how far they have come."""
    sign = IncomingRequest(user, "", Heartbeat(device, seqs), way=way)
    behind = ephemeral.take([sign], MemberCache(), now).notes
    return behind[0].data if behind else {}
