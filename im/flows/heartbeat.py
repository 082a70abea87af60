"""A device may send its heartbeat over HTTP instead of over the broker (IM §9)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import redis

from im.data import presence_store
from im.data.membership import MemberCache
from im.flows import ephemeral
from im.rules.messages import Data, Heartbeat, IncomingRequest


def record_heartbeat(
    user: str, device: str, way: str, seqs: Mapping[int, int], now: datetime
) -> Data:
    """Record a heartbeat of a device that came over HTTP; `seqs`: conversation -> last entry that the device has.

    Return the conversations of whose log the device lacks entries: id -> last seq of the log.
    """
    incoming = IncomingRequest(user, "", Heartbeat(device, seqs), way=way)
    notices = ephemeral.handle_ephemeral([incoming], MemberCache(), now).notes
    return {number: top for notice in notices for number, top in notice.data.items()}


def seqs_of(user: str, device: str, named: Mapping[int, int]) -> dict[int, int]:
    """Return the last entry that a device has of each conversation: id of the conversation -> seq.

    `named` holds those that its present HTTP request names. For the others its last heartbeat counts, which Redis
    stores. If that is lost, or lies at the other site, the device gets more than it lacks.
    """
    try:
        return {**presence_store.last_seqs(user, device), **named}
    except redis.RedisError:
        return dict(named)
