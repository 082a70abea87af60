"""Limits of moments' files, and of address books."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from social.rules.limits import (
    FIRST_UPLOAD,
    MAX_BOOK,
    NEW_A_DAY,
    BookUse,
    MomentKind,
    book_allowance,
    book_use_after,
    fault_of_files,
    kind_of_files,
)

TODAY = date(2026, 11, 29)


@pytest.mark.parametrize(
    ("types", "kind", "is_taken"),
    [
        ([], MomentKind.TEXT, True),
        (["image/png"] * 9, MomentKind.IMAGE, True),
        (["image/png"] * 10, MomentKind.IMAGE, False),
        (["image/png", "audio/ogg"], MomentKind.IMAGE, False),
        (["audio/ogg"], MomentKind.VOICE, True),
        (["video/mp4", "video/mp4"], MomentKind.VIDEO, False),
        (["application/pdf"], MomentKind.TEXT, False),
    ],
)
def test_a_moment_carries_files_of_one_kind(
    types: list[str], kind: MomentKind, is_taken: bool
) -> None:
    assert kind_of_files(types) is kind
    assert (fault_of_files(kind, types) == "") == is_taken


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3000)), max_size=20))
def test_an_address_book_never_takes_more_than_its_limits(
    uploads: list[tuple[int, int]],
) -> None:
    use, size, today = BookUse(), 0, TODAY
    added_on: dict[date, int] = {}
    for days, wanted in uploads:
        today += timedelta(days=days)
        new = min(wanted, book_allowance(use, size, today))
        use, size = book_use_after(use, new, today), size + new
        added_on[today] = added_on.get(today, 0) + new
    first, *later = added_on.values() or [0]
    assert first <= FIRST_UPLOAD
    assert all(count <= NEW_A_DAY for count in later)
    assert size <= MAX_BOOK


def test_a_deleted_address_book_gives_nothing_back() -> None:
    use = book_use_after(BookUse(), FIRST_UPLOAD, TODAY)
    assert book_allowance(use, 0, TODAY) == 0
    assert book_allowance(use, 0, TODAY + timedelta(days=1)) == NEW_A_DAY
