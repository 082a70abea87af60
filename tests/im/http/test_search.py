"""Search in one's own conversations."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from foundation.cells.directory import own_platform
from im.data import search
from im.flows import index
from im.models import Conversation, Gram
from im.rules.messages import Edit, Recall
from tests.im.http.town import Someone


def indexed() -> None:
    """Bring the index up to date, as the timer does."""
    while index.index_new_entries(own_platform()):
        pass


def search_bodies(who: Someone, text: str, more: str = "") -> list[str]:
    """Return the texts that a search finds, newest first."""
    answer = who.get(f"search?q={quote(text)}{more}")
    assert answer.status == 200, answer.body
    return [hit["data"]["body"] for hit in answer["found"]]


def test_what_was_said_is_found_by_its_words_in_chinese_and_english(
    anna: Someone, ben: Someone
) -> None:
    number = anna.writes_to(ben)
    anna.says(number, "今天下午三点在会议室开会")
    ben.says(number, "I bring the Projector")
    indexed()
    assert search_bodies(ben, "会议室") == ["今天下午三点在会议室开会"]
    assert search_bodies(anna, "proj") == ["I bring the Projector"]
    assert search_bodies(anna, "会室") == []


def test_it_is_shown_where_it_was_found(anna: Someone, ben: Someone) -> None:
    number = anna.writes_to(ben)
    seq = anna.says(number, "see the 会议 notes")
    indexed()
    (hit,) = anna.get(f"search?q={quote('会议')}")["found"]
    assert hit["data"]["msg_id"] == f"{number}.{seq}"
    assert hit["snippet"] == [
        {"text": "see the ", "hit": False},
        {"text": "会议", "hit": True},
        {"text": " notes", "hit": False},
    ]


def test_nobody_finds_what_others_say_among_themselves(
    anna: Someone, ben: Someone, cara: Someone, zoe: Someone
) -> None:
    number = anna.writes_to(ben)
    anna.says(number, "secret")
    indexed()
    assert search_bodies(cara, "secret") == search_bodies(zoe, "secret") == []
    assert search_bodies(cara, "secret", f"&conversation={number}") == []


def test_a_member_finds_what_was_said_from_coming_to_going(
    anna: Someone, ben: Someone, cara: Someone
) -> None:
    number = anna.founds(ben)
    anna.says(number, "word one")
    anna.post(f"conversations/{number}/members", {"users": [cara.id]})
    anna.says(number, "word two")
    anna.delete(f"conversations/{number}/members/{cara.id}")
    anna.says(number, "word three")
    indexed()
    assert search_bodies(cara, "word") == ["word two"]
    assert search_bodies(ben, "word") == ["word three", "word two", "word one"]


def test_what_one_has_deleted_for_oneself_is_not_found(anna: Someone, ben: Someone) -> None:
    number = anna.writes_to(ben)
    seq = anna.says(number, "word one")
    anna.says(number, "word two")
    indexed()
    assert anna.delete(f"conversations/{number}/messages/{seq}").status == 200
    assert search_bodies(anna, "word") == ["word two"]
    assert search_bodies(ben, "word") == ["word two", "word one"]


def test_a_message_taken_back_is_not_found_even_before_the_index_knows(
    anna: Someone, ben: Someone
) -> None:
    number = anna.writes_to(ben)
    seq = anna.says(number, "oops")
    indexed()
    anna.does(Recall(int(number), seq))
    assert search_bodies(ben, "oops") == []
    indexed()
    assert search_bodies(ben, "oops") == []


def test_an_edited_message_is_found_by_its_new_words_only(anna: Someone, ben: Someone) -> None:
    number = anna.writes_to(ben)
    seq = anna.says(number, "on Monday")
    indexed()
    anna.does(Edit(int(number), seq, "on Friday"))
    indexed()
    assert search_bodies(ben, "monday") == []
    assert search_bodies(ben, "friday") == ["on Friday"]


def test_a_long_list_is_leafed_through(
    anna: Someone, ben: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "BATCH", 7)
    monkeypatch.setattr(search, "COMMON_ENTRIES", 5)
    direct, group = anna.writes_to(ben), anna.founds(ben)
    for n in range(20):
        anna.says(direct, f"word {n}a")
        anna.says(group, f"word {n}b")
    indexed()
    bodies: list[str] = []
    more = ""
    while True:
        answer = anna.get(f"search?q=word&count=6{more}")
        bodies += [hit["data"]["body"] for hit in answer["found"]]
        if answer["before"] is None:
            break
        more = f"&before={answer['before']}"
    assert len(bodies) == len({*bodies}) == 40
    assert search_bodies(anna, "word", f"&conversation={direct}&count=50") == [
        text for text in bodies if text.endswith("a")
    ]


@pytest.mark.parametrize("text", ["", "x" * 101, "a&before=1", "a&count=51", "a&conversation=x"])
def test_a_question_that_is_none_is_refused(anna: Someone, text: str) -> None:
    answer = anna.get(f"search?q={text}")
    assert (answer.status, answer["code"]) == (400, "malformed")


def test_too_many_questions_are_refused(anna: Someone) -> None:
    statuses = {anna.get("search?q=a").status for _ in range(130)}
    assert statuses == {200, 429}


def test_the_index_looks_at_what_is_new_only(anna: Someone, ben: Someone) -> None:
    number = anna.writes_to(ben)
    anna.says(number, "word")
    assert index.index_new_entries(own_platform()) > 0
    assert index.index_new_entries(own_platform()) == 0
    row: Any = Conversation.objects.get(pk=number)
    assert row.searched_seq == row.last_seq
    assert row.to_index is None
    assert Gram.objects.filter(conversation=int(number)).count() == 1
