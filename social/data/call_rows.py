"""Define functions that read, lock and write the rows of calls; `rules.calls` decides what changes."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db.models import Q, QuerySet

from social.models import Call as Row
from social.rules.calls import Call, CallEnd, CallState, Party

_SAME_NAME = (
    "id",
    "session",
    "conversation",
    "domain",
    "caller_device",
    "request_key",
    "created_at",
    "ring_until",
    "ended_by",
    "answered_by",
    "answered_at",
    "ended_at",
    "checked_at",
    "e164",
    "confid",
    "is_released",
    "left_by",
    "version",
    "voicemail_seq",
    "heard_seq",
)
"""These fields have the same name and type in a row and in a `Call`."""


class Outdated(Exception):
    """A call's row was changed after it was read. Rows are locked before they are read, so this is a bug."""


def insert_call(database: str, call: Call) -> None:
    """Insert the row of a new call."""
    Row.objects.using(database).bulk_create([Row(**_columns(call))])


def save_call(database: str, before: Call, after: Call) -> None:
    """Write the changed call `after`, if its row still has the version of `before`. Raises Outdated."""
    rows = Row.objects.using(database).filter(pk=before.id, version=before.version)
    if rows.update(**_columns(after)) != 1:
        raise Outdated(before.id)


def lock_call(database: str, call_id: int) -> Call | None:
    """Return the call with this id, whose row is locked until the transaction ends; `None` if there is none."""
    row = Row.objects.using(database).select_for_update().filter(pk=call_id).first()
    return _to_call(row) if row else None


def read_call(database: str, call_id: int) -> Call | None:
    """Return the call with this id, as it is stored now; `None` if there is none."""
    row = Row.objects.using(database).filter(pk=call_id).first()
    return _to_call(row) if row else None


def call_of_request(database: str, caller: str, key: str) -> Call | None:
    """Return the call that a person has begun by the request with this key; `None` if there is none."""
    row = (
        Row.objects.using(database).filter(caller=caller, request_key=key).first() if key else None
    )
    return _to_call(row) if row else None


def calls_with_voicemail(
    database: str, callee: str, before: int, count: int, *, unheard: bool = False
) -> list[Call]:
    """Return the calls to a person after which a voicemail was left, the newest first.

    They are at most `count`, with ids below `before`; `unheard`: only those whose voicemail was not heard.
    """
    rows = Row.objects.using(database).filter(callee=callee, voicemail_seq__gt=0, id__lt=before)
    rows = rows.filter(heard_seq=0) if unheard else rows
    return [_to_call(row) for row in rows.order_by("-id")[:count]]


def live_calls_of(database: str, users: Collection[str]) -> list[Call]:
    """Return the calls of these people that have not ended."""
    rows = _calls_of(database, users).filter(live=1).order_by("id")
    return [_to_call(row) for row in rows]


def live_calls_in_session(database: str, session: int, *, lock: bool = False) -> list[Call]:
    """Return the calls of a session (those that share one conference) that have not ended.

    `lock`: their rows stay locked until the transaction ends."""
    rows = Row.objects.using(database).filter(session=session, live=1).order_by("id")
    return [_to_call(row) for row in (rows.select_for_update() if lock else rows)]


def calls_page(database: str, user: str, before: int, count: int, *, missed: bool) -> list[Call]:
    """Return a person's calls, the newest first: at most `count` with ids below `before`.

    `missed`: only those that this person has missed.
    """
    rows = _calls_of(database, [user]).filter(id__lt=before)
    if missed:
        reasons = [CallEnd.BUSY, CallEnd.NO_ANSWER, CallEnd.CANCELLED, CallEnd.UNREACHABLE]
        rows = rows.filter(callee=user, answered_at__isnull=True, reason__in=reasons)
    return [_to_call(row) for row in rows.order_by("-id")[:count]]


def has_due(database: str, now: datetime) -> bool:
    """Return whether a timer has to handle a call now, without a lock."""
    return Row.objects.using(database).filter(due_at__lte=now).exists()


def claim_due(database: str, now: datetime, count: int) -> list[Call]:
    """Lock and return calls that a timer has to handle now; skip those that another worker has locked."""
    rows = Row.objects.using(database).select_for_update(skip_locked=True)
    return [_to_call(row) for row in rows.filter(due_at__lte=now).order_by("due_at")[:count]]


def _calls_of(database: str, users: Collection[str]) -> QuerySet[Row]:
    """Return the rows of the calls in which one of these people is the caller or the called person."""
    return Row.objects.using(database).filter(Q(caller__in=users) | Q(callee__in=users))


def _to_call(row: Row) -> Call:
    """Return the call that a row holds."""
    return Call(
        caller=Party(row.caller, row.caller_name),
        callee=Party(row.callee, row.callee_name),
        state=CallState(row.state),
        reason=CallEnd(row.reason) if row.reason else None,
        **{name: getattr(row, name) for name in _SAME_NAME},
    )


def _columns(call: Call) -> dict[str, object]:
    """Return the values of a call's row: column -> value."""
    return {
        "caller": call.caller.id,
        "caller_name": call.caller.name,
        "callee": call.callee.id,
        "callee_name": call.callee.name,
        "state": call.state.value,
        "reason": call.reason.value if call.reason else "",
        "due_at": call.next_due,
        **{name: getattr(call, name) for name in _SAME_NAME},
    }
