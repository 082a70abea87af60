"""The mailbox is a query on the logs of a person's conversations; greetings are rows of their own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from im.data import queries
from im.models import File, FileUse
from im.rules.messages import StoredEntry
from social.data import call_rows
from social.models import CallGreeting
from social.rules.calls import Call

MOST_UNHEARD = 1000
"""No more than so many voicemails are counted."""


@dataclass(frozen=True, slots=True)
class Voicemail:
    """Represent a voicemail: the call after which it was left, and the message in the conversation's log."""

    call: Call
    entry: StoredEntry


def mailbox(database: str, user: str, before: int, count: int) -> list[Voicemail]:
    """Return a person's voicemails, the newest first: at most `count`, of calls with ids below `before`."""
    voicemails: list[Voicemail] = []
    while True:
        calls = call_rows.calls_with_voicemail(database, user, before, count)
        entries = queries.shown_messages(database, user, [_place(call) for call in calls])
        voicemails += [
            Voicemail(call, entries[_place(call)]) for call in calls if _place(call) in entries
        ]
        if len(voicemails) >= count or len(calls) < count:
            return voicemails[:count]
        before = calls[-1].id


def count_unheard(database: str, user: str) -> int:
    """Return how many voicemails a person has not heard yet."""
    calls = call_rows.calls_with_voicemail(database, user, 2**63 - 1, MOST_UNHEARD, unheard=True)
    return len(queries.shown_messages(database, user, [_place(call) for call in calls]))


def _place(call: Call) -> tuple[int, int]:
    """Return where a call's voicemail stands: the conversation, and the number in its log."""
    return call.conversation, call.voicemail_seq


def save_greeting(database: str, user: str, file_id: UUID | None, now: datetime) -> None:
    """Store which upload is a person's greeting, so that the file is kept; `None` removes the greeting.

    The former file may then be deleted, unless something else uses it.
    """
    rows = CallGreeting.objects.using(database)
    before = rows.filter(pk=user).values_list("file", flat=True).first()
    is_shared = before is not None and FileUse.objects.using(database).filter(file=before).exists()
    if before is not None and before != file_id and not is_shared:
        File.objects.using(database).filter(pk=before, owner=user).update(used=False)
    if file_id is None:
        rows.filter(pk=user).delete()
        return
    File.objects.using(database).filter(pk=file_id, owner=user).update(used=True)
    rows.update_or_create(user=user, defaults={"file": file_id, "changed_at": now})


def greeting_of(database: str, user: str) -> UUID | None:
    """Return the file of a person's greeting; `None` if the person has none."""
    return (
        CallGreeting.objects.using(database).filter(pk=user).values_list("file", flat=True).first()
    )
