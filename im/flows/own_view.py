"""What a person does to a conversation for himself alone; his own devices are told, nobody else.

Raises `held.Denied`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from foundation.cells.directory import PlatformStore
from im.data import journal, presence_store, queries
from im.data.locked_conversation import Denied
from im.data.membership import MemberCache
from im.flows.process import process
from im.models import Hidden, Member
from im.rules.conversation_decisions import DenyReason
from im.rules.messages import Data, IncomingRequest, Notice, Read
from im.rules.vocabulary import Cmd, Code

MESSAGE = "there is no such message"


def settings(
    place: PlatformStore, number: int, user: str, wanted: dict[str, Any], now: datetime
) -> None:
    """Do not disturb, and which stand on top: `quiet`, `pinned`."""
    with transaction.atomic(using=place.database):
        mine = _mine(place, number, user)
        if any(getattr(mine, name) != value for name, value in wanted.items()):
            _update(place, mine, wanted)
            _tell(place, mine, {"what": "mine", **wanted}, now)


def hide(place: PlatformStore, number: int, user: str, seq: int, now: datetime) -> None:
    """Delete a message for oneself."""
    with transaction.atomic(using=place.database):
        mine = _mine(place, number, user)
        seen = queries.visible_range_of(mine)
        said = queries.entry(place.database, number, seq) if seen.floor < seq <= seen.top else None
        if said is None or said.cmd is not Cmd.MSG:
            raise Denied(DenyReason.NOT_FOUND, MESSAGE)
        row = Hidden(user=user, conversation_id=number, seq=seq)
        Hidden.objects.using(place.database).bulk_create([row], ignore_conflicts=True)
        _tell(place, mine, {"what": "hidden", "seq": seq}, now)


def clear(place: PlatformStore, number: int, user: str, now: datetime) -> int:
    """Delete everything up to now for oneself. Up to which seq."""
    with transaction.atomic(using=place.database):
        journal.lock(place.database, [number])  # a center writes what was read under it
        mine = _mine(place, number, user)
        top = queries.visible_range_of(mine).top
        if top > mine.cleared_seq:
            read = {"read_seq": top, "read_messages": mine.conversation.messages}
            _update(place, mine, {"cleared_seq": top, **read})
            old = Hidden.objects.using(place.database).filter(user=user, conversation=number)
            old.filter(seq__lte=top).delete()
            _tell(place, mine, {"what": "cleared", "seq": top}, now)
    return top


def read(place: PlatformStore, number: int, user: str, seq: int, now: datetime) -> None:
    """Everything up to there is read: decided and written as the center does it."""
    wish = IncomingRequest(user, "", Read(number, seq))
    with transaction.atomic(using=place.database):
        outcome = process(place, MemberCache(), [wish], now)
        if outcome.refused:
            unknown = outcome.refused[0].code is Code.UNKNOWN_MESSAGE
            raise Denied(DenyReason.NOT_FOUND, MESSAGE if unknown else "")
        people = [user, *(one for some in outcome.members.values() for one in some)]
        ways = presence_store.ways(people, now.timestamp())
        journal.stage_publications(place, outcome.entries, ways, now, outcome.notes)


def _mine(place: PlatformStore, number: int, user: str) -> Member:
    """One's own row, locked; what is asked of the conversation is read after it."""
    journal.require_serving(place)
    rows = Member.objects.using(place.database).select_for_update()
    mine = rows.filter(conversation=number, user=user).first()
    if mine is None or mine.state in queries.WAITING:
        raise Denied(DenyReason.NOT_FOUND)
    return mine


def _update(place: PlatformStore, mine: Member, columns: dict[str, Any]) -> None:
    Member.objects.using(place.database).filter(pk=mine.pk).update(**columns)


def _tell(place: PlatformStore, mine: Member, data: Data, now: datetime) -> None:
    about = {"conversation_id": str(mine.conversation_id), **data}
    note = Notice(Cmd.CONVERSATION, about, (mine.user,))
    journal.stage_publications(
        place, [], presence_store.ways([mine.user], now.timestamp()), now, [note]
    )
