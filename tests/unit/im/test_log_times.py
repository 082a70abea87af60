"""The times in the log of a conversation do not fall when the clock that a site follows is set back a little."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from im.data.journal import LockedRow
from im.rules.messages import DraftEntry
from im.rules.vocabulary import Cmd, Kind

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


def times(*offsets: timedelta) -> list[timedelta]:
    """Append entries at these offsets from noon, and return the times that they got, as offsets too."""
    row = LockedRow(1, Kind.GROUP, False, False, 0, 0, 2, 1, 0)
    entries = [row.append(DraftEntry(Cmd.MSG, "u", "U"), NOON + offset) for offset in offsets]
    return [entry.sent_at - NOON for entry in entries]


def test_an_entry_is_never_earlier_than_the_one_before_it() -> None:
    second, back = timedelta(seconds=1), timedelta(seconds=-3, microseconds=7)
    assert times(second, back, second, 2 * second) == [second, second, second, 2 * second]


def test_after_a_clock_that_was_far_ahead_later_entries_have_the_right_time() -> None:
    day, second = timedelta(days=1), timedelta(seconds=1)
    assert times(day, second, 2 * second) == [day, second, 2 * second]
