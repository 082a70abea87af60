"""Questions for history are read, and the right page is cut from the entries of several logs."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from im.rules.messages import Data
from im.rules.xmpp import archive
from im.rules.xmpp.archive import Query
from im.rules.xmpp.stanzas import FORMS, MAM, RSM
from tests.unit.im.xmpp.trees import read


def query(content: str) -> Query:
    """Return the question in an element with this content."""
    return archive.parse_query(read(f'<query xmlns="{MAM}" queryid="q">{content}</query>'))


def form(**fields: str) -> str:
    """Return a form with these fields."""
    parts = "".join(f'<field var="{k}"><value>{v}</value></field>' for k, v in fields.items())
    return f'<x xmlns="{FORMS}" type="submit">{parts}</x>'


def paging(content: str) -> str:
    return f'<set xmlns="{RSM}">{content}</set>'


def entry(second: int, conversation: int, seq: int) -> Data:
    sent_at = f"2026-11-29T14:{second // 60:02d}:{second % 60:02d}.000Z"
    return {
        "cmd": "msg",
        "data": {"sent_at": sent_at, "conversation_id": str(conversation), "seq": seq},
    }


def test_a_question_is_read() -> None:
    text = form(**{"with": "e@x", "start": "2026-11-29T14:00:00Z"}) + paging(
        "<max>5</max><before/>"
    )
    assert query(text) == Query("q", "e@x", "2026-11-29T14:00:00.000Z", "", 5, "", None)
    assert query(paging("<after>7.3</after>")).after == "7.3"
    assert query("") == Query("q")


@pytest.mark.parametrize(
    "text",
    [
        form(start="yesterday"),
        form(end="2026-11-29T14:00Z"),
        form(unknown="1"),
        paging("<after>x</after>"),
        paging("<before>7</before>"),
    ],
)
def test_a_question_of_wrong_form_is_refused(text: str) -> None:
    with pytest.raises(archive.InvalidQuery):
        query(text)


def test_a_page_is_never_larger_than_agreed() -> None:
    assert query(paging("<max>100000</max>")).most == archive.MOST
    assert query(paging("<max>-1</max>")).most == archive.MOST


LOGS = st.lists(st.lists(st.integers(0, 3599), max_size=12).map(sorted), max_size=4)


@given(LOGS, st.integers(1, 5))
def test_pages_in_both_directions_hold_each_entry_once_and_in_order(
    logs: list[list[int]], most: int
) -> None:
    entries = [
        entry(second, number, seq)
        for number, seconds in enumerate(logs, 1)
        for seq, second in enumerate(seconds, 1)
    ]
    ordered = sorted(entries, key=partial(archive.key_of, Query()))
    forward: list[Data] = []
    page, bound = archive.page_of(Query(most=most), entries, None), None
    while page.entries:
        forward += page.entries
        bound = archive.key_of(Query(), page.entries[-1])
        page = archive.page_of(Query(most=most, after="1.1"), entries, bound)
    assert forward == ordered
    backward: list[Data] = []
    page = archive.page_of(Query(most=most, before=""), entries, None)
    while page.entries:
        backward = [*page.entries, *backward]
        bound = archive.key_of(Query(), page.entries[0])
        page = archive.page_of(Query(most=most, before="1.1"), entries, bound)
    assert backward == ordered


def test_the_log_of_one_conversation_keeps_its_order_when_the_clock_was_set_back() -> None:
    entries = [entry(second, 1, seq) for seq, second in enumerate((5, 9, 9, 7, 8), 1)]
    first = Query(most=2, is_one_log=True)
    page = archive.page_of(first, entries, None)
    assert list(page.entries) == entries[:2]
    bound = archive.key_of(first, page.entries[-1])
    page = archive.page_of(Query(most=9, after="1.2", is_one_log=True), entries, bound)
    assert list(page.entries) == entries[2:]
    early = Query(end="2026-11-29T14:00:07.000Z", is_one_log=True)
    assert list(archive.page_of(early, entries, None).entries) == [entries[0], entries[3]]


def test_only_the_last_page_is_complete() -> None:
    entries = [entry(n, 1, n) for n in range(1, 4)]
    assert not archive.page_of(Query(most=2), entries, None).complete
    assert archive.page_of(Query(most=3), entries, None).complete
