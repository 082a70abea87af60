"""What is not kept in any log: signs of life, who is typing, how reachable somebody is."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime

import redis

from foundation.cells import sql
from foundation.cells.directory import look_up, possible_platforms, store_of
from im.data import platform_resolver, presence_store
from im.data.membership import ActiveMembers, MemberCache
from im.data.queries import VISIBLE_RANGES
from im.rules import message_decisions as rules
from im.rules.conversation_decisions import visible_range
from im.rules.messages import (
    BatchResult,
    Heartbeat,
    IncomingRequest,
    Notice,
    RefusedMessage,
    SetPresence,
    Typing,
)
from im.rules.vocabulary import READ_SHOWN_UP_TO, Cmd, Kind

log = logging.getLogger("im.alive")

_PLACES = (
    "SELECT id, kind, closed, mute_all, last_seq, members, members_version FROM im_conversation"
    " WHERE id IN ({marks})"
)


def take(incoming: Sequence[IncomingRequest], memory: MemberCache, now: datetime) -> BatchResult:
    """Do what asks for no place in any order. Where Redis is gone it is lost: the next one tells it again."""
    outcome = BatchResult()
    beats = [(one, one.request) for one in incoming if isinstance(one.request, Heartbeat)]
    try:
        presence_store.record_devices(
            [(o.sender, w.device, o.way) for o, w in beats], now.timestamp()
        )
        for one in incoming:
            if isinstance(one.request, SetPresence):
                presence_store.set_presence(one.sender, one.request.state)
    except redis.RedisError as wrong:
        log.warning("signs of life are lost: %s", wrong)
    outcome.notes += _behind(beats)
    typing = [(one, one.request) for one in incoming if isinstance(one.request, Typing)]
    for platform, some in platform_resolver.by_platform(
        typing, lambda pair: pair[1].conversation
    ).items():
        _typing(platform, some, memory, now, outcome)
    return outcome


def _behind(beats: Sequence[tuple[IncomingRequest, Heartbeat]]) -> list[Notice]:
    """What devices lack, one query for all of them on each platform's data."""
    users = sorted({one.sender for one, _ in beats})
    tops: dict[str, dict[int, tuple[int, int]]] = {user: {} for user in users}
    for platform in possible_platforms() if users else ():
        for user, number, *bounds in look_up(
            platform, VISIBLE_RANGES.format(marks=sql.marks(users)), users
        ):
            seen = visible_range(*bounds)
            tops[user][number] = (seen.floor, seen.top)
    found = ((one, lacking(tops[one.sender], beat.seqs)) for one, beat in beats)
    return [
        Notice(Cmd.BEHIND, {str(number): top for number, top in less.items()}, (one.sender,))
        for one, less in found
        if less
    ]


def lacking(tops: Mapping[int, tuple[int, int]], has: Mapping[int, int]) -> dict[int, int]:
    """By conversation how far it has come, where that is further than the device."""
    return {
        number: top for number, (floor, top) in tops.items() if top > max(floor, has.get(number, 0))
    }


def _typing(
    platform: str,
    some: Sequence[tuple[IncomingRequest, Typing]],
    memory: MemberCache,
    now: datetime,
    outcome: BatchResult,
) -> None:
    numbers = sorted({request.conversation for _, request in some})
    known = bool(platform)
    rows = look_up(platform, _PLACES.format(marks=sql.marks(numbers)), numbers) if known else []
    places = {
        r[0]: rules.ConversationFacts(Kind(r[1]), bool(r[2]), bool(r[3]), r[4], r[5]) for r in rows
    }
    versions = {row[0]: row[6] for row in rows}
    people = memory.people(store_of(platform).database, versions) if rows else {}
    for one, request in some:
        answer = _typed(one, request, places.get(request.conversation), people, now)
        if isinstance(answer, Notice):
            outcome.notes.append(answer)
        elif answer:
            outcome.refused.append(answer)


def _typed(
    one: IncomingRequest,
    request: Typing,
    place: rules.ConversationFacts | None,
    people: Mapping[int, ActiveMembers],
    now: datetime,
) -> Notice | RefusedMessage | None:
    """Tell the others, unless they are many."""
    if place is None:
        no: rules.Rejected | None = rules.NOT_MEMBER
    else:
        members = people[request.conversation]
        no = rules.why_silent(place, members.by_user.get(one.sender), now)
    if no:
        return RefusedMessage(one.sender, no.code, no.reason, one.client_msg_id)
    if len(members.users) > READ_SHOWN_UP_TO:
        return None
    data = {"conversation_id": str(request.conversation), "user_id": one.sender}
    others = tuple(user for user in members.users if user != one.sender)
    return Notice(Cmd.TYPING, data, others, request.conversation)
