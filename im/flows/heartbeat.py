"""A device may send its heartbeat over HTTP instead of over the broker (IM §9)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from im.data.membership import MemberCache
from im.flows import ephemeral
from im.rules.messages import Data, Heartbeat, IncomingRequest


def beat(user: str, device: str, way: str, seqs: Mapping[int, int], now: datetime) -> Data:
    """Record a heartbeat; return the last seq of each conversation that lacks entries."""
    incoming = IncomingRequest(user, "", Heartbeat(device, seqs), way=way)
    notices = ephemeral.handle_ephemeral([incoming], MemberCache(), now).notes
    return notices[0].data if notices else {}
