"""Publications reach the right people by the right keys."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from im.rules.messages import BatchResult, Notice, RefusedMessage, StoredEntry
from im.rules.routing import (
    Publication,
    entry_publications,
    keys_of,
    notice_publications,
    publications_of,
)
from im.rules.vocabulary import Cmd, Code

NOW = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
users = st.from_regex(r"[a-z0-9-]{1,8}", fullmatch=True)
ways = st.dictionaries(users, st.sampled_from(["a", "m", "am"]), max_size=20)


def entry(**more: Any) -> StoredEntry:
    about = (7, 3, Cmd.MSG, "ann", "Ann", "m-1", "text", "hi", {"mentions": ["bob"]}, 2, NOW)
    names = [
        "conversation",
        "seq",
        "cmd",
        "sender",
        "sender_name",
        "client_msg_id",
        "type",
        "body",
        "data",
        "number",
        "sent_at",
    ]
    return StoredEntry(**{**dict(zip(names, about, strict=True)), **more})


def body_of(push: Publication) -> Any:
    return orjson.loads(push.body)


def test_a_message_goes_out_under_its_conversations_key_without_any_token() -> None:
    (push,) = entry_publications(entry(), {"ann": "a", "bob": "am"})
    assert (push.exchange, push.key) == ("conversation.incoming", "c_7")
    assert push.headers == {"BCC": ["u_.ann", "u_.bob", "in.ubob"]}
    assert body_of(push) == {
        "cmd": "msg",
        "data": {
            "conversation_id": "7",
            "msg_id": "7.3",
            "seq": 3,
            "sent_at": "2026-01-01T12:00:00.123Z",
            "publisher_id": "ann",
            "publisher_name": "Ann",
            "type": "text",
            "body": "hi",
            "client_msg_id": "m-1",
            "mentions": ["bob"],
        },
    }


def test_archivers_hear_of_it_when_nobody_is_online() -> None:
    assert [(p.key, p.headers) for p in entry_publications(entry(), {})] == [("c_7", {})]


@given(st.integers(0, 1700))
def test_no_publication_has_more_than_500_keys_and_nobody_is_left_out(count: int) -> None:
    people = {f"u-{n}": "a" for n in range(count)}
    publications = list(entry_publications(entry(), people))
    assert all(len(push.bcc) <= 500 for push in publications)
    assert [key for push in publications for key in push.bcc] == [*keys_of(people)]


@given(ways)
def test_only_people_who_are_online_are_told(online: dict[str, str]) -> None:
    outcome = BatchResult(entries=[entry()], members={7: ("ann", "bob", "x")})
    keys = [key for push in publications_of(outcome, online) for key in push.bcc]
    assert {key.removeprefix("u_.").removeprefix("in.u") for key in keys} <= {"ann", "bob", "x"}
    assert len(keys) == sum(len(online.get(user, "")) for user in ("ann", "bob", "x"))


def test_the_answer_goes_to_the_sender_alone() -> None:
    outcome = BatchResult(acks=[entry()], refused=[RefusedMessage("bob", Code.MUTED, "no", "m-2")])
    ack, refused = publications_of(outcome, {"ann": "am"})
    assert (ack.exchange, ack.key, ack.bcc) == ("exchange_base", "u_.ann", ("in.uann",))
    assert body_of(ack)["data"] == {
        "client_msg_id": "m-1",
        "conversation_id": "7",
        "msg_id": "7.3",
        "seq": 3,
        "sent_at": "2026-01-01T12:00:00.123Z",
    }
    assert (refused.key, refused.bcc) == ("u_.bob", ("in.ubob",)), "he may be anywhere"
    assert body_of(refused)["data"] == {"client_msg_id": "m-2", "code": "muted", "reason": "no"}


def test_a_refusal_of_nobody_is_told_to_nobody() -> None:
    assert (
        list(publications_of(BatchResult(refused=[RefusedMessage("", Code.NOT_SENDER, "")]), {}))
        == []
    )


def test_what_is_kept_nowhere_is_for_those_who_listen() -> None:
    typing = Notice(Cmd.TYPING, {"user_id": "ann"}, ("bob", "cem"), 7)
    assert [(p.key, p.bcc) for p in notice_publications(typing, {"bob": "a"})] == [
        ("c_7", ("u_.bob",))
    ]
    assert list(notice_publications(typing, {})) == []
    alone = Notice(Cmd.PRESENCE, {}, ("bob", "cem"))
    assert [p.key for p in notice_publications(alone, {"bob": "a", "cem": "m"})] == [
        "u_.bob",
        "in.ucem",
    ]


def test_a_recalled_message_shows_no_body_nor_file() -> None:
    gone = entry(recalled_seq=9, data={"file_id": "f", "file": {"name": "x"}, "reply_to": "7.1"})
    (push,) = entry_publications(gone, {})
    data = body_of(push)["data"]
    assert (data["body"], data["recalled_seq"], data["reply_to"]) == ("", 9, "7.1")
    assert "file" not in data
    assert "file_id" not in data
