"""The log over HTTP: pages both ways without a gap, what a device has missed, who has read."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from im.rules.messages import Edit, Recall
from tests.im.http.town import Someone


def seqs(entries: list[dict[str, object]]) -> list[int]:
    """Return the sequence numbers of the messages."""
    return [entry["data"]["seq"] for entry in entries]  # type: ignore[index]


def test_pages_go_both_ways_without_a_gap(anna: Someone, ben: Someone) -> None:
    number = anna.writes_to(ben)
    for n in range(25):
        anna.says(number, str(n))
    up, position = [], 0
    while page := ben.log(number, f"?after={position}&count=10"):
        up += seqs(page)
        position = up[-1]
    down: list[int] = []
    position = 26
    while page := ben.log(number, f"?before={position}&count=10"):
        down = [*seqs(page), *down]
        position = down[0]
    assert up == down == [*range(1, 26)]
    assert seqs(ben.log(number, "?count=3")) == [23, 24, 25]
    assert ben.get(f"conversations/{number}/messages?after=1&before=5").status == 400
    assert ben.get(f"conversations/{number}/messages?count=101").status == 400


def test_what_was_taken_back_has_no_body(anna: Someone, ben: Someone) -> None:
    number = anna.writes_to(ben)
    first, second = anna.says(number, "secret"), anna.says(number, "typo")
    anna.does(Edit(int(number), second, "text"))
    anna.does(Recall(int(number), first))
    messages = {entry["data"]["seq"]: entry["data"] for entry in ben.log(number)}
    assert (messages[first]["body"], messages[first]["recalled_seq"]) == ("", 4)
    assert (messages[second]["body"], messages[second]["edited_seq"]) == ("text", 3)
    assert "secret" not in str(messages)


def test_a_message_is_deleted_for_oneself(anna: Someone, ben: Someone) -> None:
    number = anna.writes_to(ben)
    seq = anna.says(number, "secret")
    path = f"conversations/{number}/messages/{seq}"
    assert [ben.delete(path).status for _ in range(2)] == [200, 200]
    [left] = ben.log(number)
    assert (left["data"]["seq"], left["data"]["hidden"]) == (seq, True)
    assert "body" not in left["data"]
    assert ben.shown(number)["last"] is None
    assert anna.log(number)[0]["data"]["body"] == "secret"
    assert ben.delete(f"conversations/{number}/messages/9").status == 404


def test_everything_is_deleted_for_oneself(anna: Someone, ben: Someone) -> None:
    number = anna.writes_to(ben)
    anna.says(number, "one")
    anna.says(number, "two")
    assert ben.delete(f"conversations/{number}/messages")["from_seq"] == 2
    assert ben.delete(f"conversations/{number}/messages").status == 200
    anna.says(number, "three")
    page = ben.get(f"conversations/{number}/messages?after=0")
    assert (seqs(page["entries"]), page["from_seq"]) == ([3], 2)
    assert ben.shown(number)["unread"] == 1
    assert len(anna.log(number)) == 3


def test_a_device_gets_all_that_it_has_missed(anna: Someone, ben: Someone, cara: Someone) -> None:
    direct, group = anna.writes_to(ben), anna.founds(ben, cara)
    for n in range(30):
        anna.says(direct, str(n))
        anna.says(group, str(n))
    have, device, calls = {direct: 10}, {direct: [*range(1, 11)], group: []}, 0
    while True:
        got = ben.post("offline", {"seqs": have, "count": 20})
        calls += 1
        for part in got["conversations"]:
            number = part["conversation_id"]
            assert part["from_seq"] == have.get(number, 0)
            device[number] += seqs(part["entries"])
            have[number] = part["to_seq"]
        if not got["more"]:
            break
    assert device == {direct: [*range(1, 31)], group: [*range(1, 32)]}
    assert calls == 3
    assert ben.post("offline", {"seqs": have})["conversations"] == []


def test_a_new_device_may_begin_with_the_latest(anna: Someone, ben: Someone) -> None:
    number = anna.writes_to(ben)
    for n in range(9):
        anna.says(number, str(n))
    [part] = ben.post("offline", {"latest": 2})["conversations"]
    assert (seqs(part["entries"]), part["from_seq"]) == ([8, 9], 7)


def test_a_heartbeat_says_what_a_device_lacks(anna: Someone, ben: Someone) -> None:
    number = anna.writes_to(ben)
    anna.says(number, "hello")
    beat = {"device": "d1", "seqs": {number: 1}}
    assert ben.post("heartbeat", beat)["behind"] == {}
    anna.says(number, "hello?")
    assert ben.post("heartbeat", beat)["behind"] == {number: 2}
    assert ben.post("heartbeat", {"device": "d2"})["behind"] == {number: 2}


def test_who_has_read_is_known(anna: Someone, ben: Someone, cara: Someone) -> None:
    number = anna.founds(ben, cara)
    seq = anna.says(number, "hello", mark="m-1")
    ben.put(f"conversations/{number}/read", {"seq": seq})
    readers = cara.get(f"conversations/{number}/readers?seq={seq}")["readers"]
    assert {reader["user_id"] for reader in readers} == {anna.id, ben.id}
    assert ben.put(f"conversations/{number}/read", {"seq": 99}).status == 404


def test_where_is_my_message(anna: Someone, ben: Someone) -> None:
    number = anna.writes_to(ben)
    path = f"conversations/{number}/trace?client_msg_id="
    assert anna.get(path + "m-1")["accepted"] is False
    seq = anna.says(number, "hello", mark="m-1")
    answer = anna.get(path + "m-1")
    assert (answer["accepted"], answer["seq"], answer["msg_id"]) == (True, seq, f"{number}.{seq}")
    assert [reader["user_id"] for reader in answer["readers"]] == [anna.id]
    assert ben.get(path + "m-1")["accepted"] is False, "it is not his"


def test_a_page_of_a_hundred_takes_as_many_queries_as_a_page_of_one(
    anna: Someone, ben: Someone, django_assert_num_queries: Any
) -> None:
    number = anna.writes_to(ben)
    for n in range(120):
        anna.says(number, f"message {n}" * 10)
    with CaptureQueriesContext(connection) as of_one:
        assert len(ben.log(number, "?after=10&count=1")) == 1
    with django_assert_num_queries(len(of_one)):
        assert len(ben.log(number, "?after=10")) == 100
    assert len(of_one) <= 4


@pytest.mark.parametrize(
    "body",
    [
        {"seqs": {"x": 1}},
        {"seqs": {"1": -1}},
        {"seqs": [1]},
        {"seqs": {str(n): 1 for n in range(5001)}},
        {"count": 0},
        {"count": 501},
    ],
)
def test_what_is_no_form_is_refused(anna: Someone, body: dict[str, object]) -> None:
    refused = anna.post("offline", body)
    assert (refused.status, refused["code"], refused["error_code"]) == (400, "malformed", 29001)
