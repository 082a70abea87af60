"""Heartbeats, typing signs and presence are handled here: requests that add no entry to a log."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime

import redis

from foundation.cells import sql
from foundation.cells.directory import look_up, possible_platforms, store_of
from im.data import hooks, platform_resolver, presence_store
from im.data.membership import ActiveMembers, MemberCache
from im.data.presence_store import SignOfLife
from im.data.queries import VISIBLE_RANGES
from im.rules import message_decisions as rules
from im.rules.conversation_decisions import visible_range
from im.rules.messages import (
    BatchResult,
    CallSignal,
    Data,
    Heartbeat,
    IncomingRequest,
    Notice,
    RefusedMessage,
    SetPresence,
    Typing,
)
from im.rules.vocabulary import READ_SHOWN_UP_TO, Cmd, Code, Kind

log = logging.getLogger("im.alive")

_CONVERSATIONS = (
    "SELECT id, kind, closed, mute_all, last_seq, members, members_version FROM im_conversation"
    " WHERE id IN ({marks})"
)


def handle_ephemeral(
    requests: Sequence[IncomingRequest], memory: MemberCache, now: datetime
) -> BatchResult:
    """Handle clients' requests that are not stored; return the notices and refusals to publish.

    They are heartbeats, presence, typing and signals about calls. `memory` caches the members of conversations.

    If Redis cannot be reached, heartbeats are lost, and the next ones restore the state.
    """
    outcome = BatchResult()
    heartbeats = [
        (incoming, incoming.request)
        for incoming in requests
        if isinstance(incoming.request, Heartbeat)
    ]
    try:
        presence_store.record_devices(
            [
                SignOfLife(incoming.sender, heartbeat.device, incoming.way, heartbeat.seqs)
                for incoming, heartbeat in heartbeats
            ],
            now.timestamp(),
        )
        for incoming in requests:
            if isinstance(incoming.request, SetPresence):
                presence_store.set_presence(incoming.sender, incoming.request.state)
    except redis.RedisError as error:
        log.warning("signs of life are lost: %s", error)
    outcome.notes += _behind_notices(heartbeats)
    typing = [
        (incoming, incoming.request)
        for incoming in requests
        if isinstance(incoming.request, Typing)
    ]
    outcome.refused += _handle_call_signals(requests, now)
    for platform, pairs in platform_resolver.group_by_platform(
        typing, lambda pair: pair[1].conversation
    ).items():
        _add_typing_notices(platform, pairs, memory, now, outcome)
    return outcome


def _handle_call_signals(
    requests: Sequence[IncomingRequest], now: datetime
) -> list[RefusedMessage]:
    """Carry out clients' signals about calls, one by one; return refusals of those that have no effect.

    The hook CALL_SIGNAL returns "" for success, the reason of a refusal, or `None` if no app handles calls.
    """
    refused = []
    for incoming in requests:
        if isinstance(incoming.request, CallSignal):
            refusal = hooks.CALL_SIGNAL.call(incoming.sender, incoming.request, now)
            if refusal is None or refusal:
                reason = refusal or "this site carries no calls"
                client_msg_id = incoming.client_msg_id
                refused.append(RefusedMessage(incoming.sender, Code.CLOSED, reason, client_msg_id))
    return refused


NAMED_AT_ONCE = 1000
"""One notice names at most so many conversations, so that it is no larger than 64 KiB."""


def _behind_notices(heartbeats: Sequence[tuple[IncomingRequest, Heartbeat]]) -> list[Notice]:
    """Return the notices to the people whose devices lack entries, by what the devices' heartbeats say they have.

    It takes one query per platform, however many heartbeats there are.
    """
    users = sorted({incoming.sender for incoming, _ in heartbeats})
    visible_ends: dict[str, dict[int, tuple[int, int]]] = {user: {} for user in users}
    for platform in possible_platforms() if users else ():
        for user, number, *bounds in look_up(
            platform, VISIBLE_RANGES.format(marks=sql.marks(users)), users
        ):
            visible = visible_range(*bounds)
            visible_ends[user][number] = (visible.floor, visible.top)
    lacking_by_request = (
        (incoming, lacking_seqs(visible_ends[incoming.sender], heartbeat.seqs))
        for incoming, heartbeat in heartbeats
    )
    return [
        Notice(Cmd.BEHIND, part, (incoming.sender,))
        for incoming, lacked in lacking_by_request
        for part in notice_contents(lacked)
    ]


def notice_contents(lacked: Mapping[int, int]) -> list[Data]:
    """Return what a device lacks as the contents of notices, each small enough for its client.

    `lacked`: id of a conversation -> last seq (number) of its log that the person sees.
    """
    pairs = [(str(number), top) for number, top in lacked.items()]
    starts = range(0, len(pairs), NAMED_AT_ONCE)
    return [dict(pairs[start : start + NAMED_AT_ONCE]) for start in starts]


def lacking_seqs(
    tops: Mapping[int, tuple[int, int]], device_seqs: Mapping[int, int]
) -> dict[int, int]:
    """Return the conversations of whose log a device lacks entries: id -> last seq that the person sees.

    `tops`: id -> the range of the log that the person sees. `device_seqs`: id -> last seq that the
    device has.
    """
    return {
        number: top
        for number, (floor, top) in tops.items()
        if top > max(floor, device_seqs.get(number, 0))
    }


def _add_typing_notices(
    platform: str,
    requests: Sequence[tuple[IncomingRequest, Typing]],
    memory: MemberCache,
    now: datetime,
    outcome: BatchResult,
) -> None:
    """Add to `outcome` the notices that people type in one platform's conversations, or refusals.

    `platform` is "" for conversations that do not exist; then all requests are refused.
    """
    numbers = sorted({request.conversation for _, request in requests})
    is_known = bool(platform)
    rows = (
        look_up(platform, _CONVERSATIONS.format(marks=sql.marks(numbers)), numbers)
        if is_known
        else []
    )
    conversations, versions = {}, {}
    for number, kind, closed, mute_all, last_seq, members, members_version in rows:
        conversations[number] = rules.ConversationFacts(
            Kind(kind), bool(closed), bool(mute_all), last_seq, members
        )
        versions[number] = members_version
    people = memory.people(store_of(platform).database, versions) if rows else {}
    for incoming, request in requests:
        answer = _typing_notice(
            incoming, request, conversations.get(request.conversation), people, now
        )
        if isinstance(answer, Notice):
            outcome.notes.append(answer)
        elif answer:
            outcome.refused.append(answer)


def _typing_notice(
    incoming: IncomingRequest,
    request: Typing,
    conversation: rules.ConversationFacts | None,
    people: Mapping[int, ActiveMembers],
    now: datetime,
) -> Notice | RefusedMessage | None:
    """Return the notice to the other members that a person is typing, or a refusal.

    `None` means that the conversation has too many members for such notices.
    """
    if conversation is None:
        rejected: rules.Rejected | None = rules.NOT_MEMBER
    else:
        members = people[request.conversation]
        rejected = rules.why_may_not_write(conversation, members.by_user.get(incoming.sender), now)
    if rejected:
        return RefusedMessage(
            incoming.sender, rejected.code, rejected.reason, incoming.client_msg_id
        )
    if len(members.users) > READ_SHOWN_UP_TO:
        return None
    data = {"conversation_id": str(request.conversation), "user_id": incoming.sender}
    others = tuple(user for user in members.users if user != incoming.sender)
    return Notice(Cmd.TYPING, data, others, request.conversation)
