"""Whatever comes in becomes a wish, or a reason; nothing raises."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from im.rules.messages import (
    ClientDelivery,
    Edit,
    Heartbeat,
    IncomingRequest,
    React,
    Read,
    Recall,
    RefusedMessage,
    Say,
)
from im.rules.parse import parse_message, sender_of
from im.rules.vocabulary import Code, Type

ME = "ann-1"
FILE = "0d3a9d0e-6b52-4a6f-9a54-6f2f8a9d8a11"
TEXT = {"conversation_id": "7", "publisher_id": ME, "type": "text", "body": "hi"}

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
_FIELDS = [
    "conversation_id",
    "publisher_id",
    "type",
    "body",
    "msg_id",
    "seq",
    "emoji",
    "on",
    "state",
    "seqs",
    "client_msg_id",
    "mentions",
    "reply_to",
    "file_id",
    "device",
]
_CMDS = ["msg", "edit", "recall", "react", "read", "typing", "heartbeat", "presence"]
bodies = st.fixed_dictionaries(
    {
        "cmd": st.sampled_from(_CMDS) | values,
        "token": st.just("Tricolorx") | values,
        "data": st.dictionaries(st.sampled_from(_FIELDS), values) | values,
    }
)


def parsed(
    cmd: str, data: Any, *, key: str = "c_7", **more: Any
) -> IncomingRequest | RefusedMessage:
    body = orjson.dumps({"cmd": cmd, "token": "TricolorTok", "data": data})
    fields = {"exchange": "conversation.outgoing", "user_id": ME, **more}
    return parse_message(ClientDelivery(body, key=key, **fields))


def wish(cmd: str, data: Any) -> Any:
    request = parsed(cmd, data)
    assert isinstance(request, IncomingRequest), request
    return request.request


def code(cmd: str, data: Any, **more: Any) -> Code:
    request = parsed(cmd, data, **more)
    assert isinstance(request, RefusedMessage), request
    return request.code


@given(bodies)
@example({"cmd": ["msg"], "token": None, "data": {}})
def test_any_json_is_read_or_refused(body: Any) -> None:
    request = parse_message(
        ClientDelivery(orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS), "x", "k", ME)
    )
    assert request.sender == ME


@given(st.binary(max_size=200), st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_any_bytes_are_read_or_refused(body: bytes, exchange: str, key: str, user: str) -> None:
    assert isinstance(parse_message(ClientDelivery(body, exchange, key, user)), RefusedMessage)


@pytest.mark.parametrize(
    ("exchange", "key", "user_id", "sender"),
    [
        ("conversation.outgoing", "c_1", "ann-1", "ann-1"),
        ("conversation.outgoing", "c_1", "", ""),
        ("conversation.outgoing", "out.uann-1", "", ""),
        ("im.client", "out.uann-1", "", "ann-1"),
        ("im.client", "out.uann-1", "ann-1", "ann-1"),
        ("im.client", "out.uann-1", "bob-2", ""),
        ("im.client", "c_1", "", ""),
        ("im.client", "out.uann-1.x", "", ""),
    ],
)
def test_the_sender_is_who_the_broker_says(
    exchange: str, key: str, user_id: str, sender: str
) -> None:
    assert sender_of(ClientDelivery(b"", exchange, key, user_id)) == sender


def test_a_text_and_all_that_may_be_with_it() -> None:
    data = {**TEXT, "client_msg_id": "m-1", "reply_to": "7.3", "mentions": ["bob-2", "bob-2"]}
    request = parsed("msg", data)
    assert request == IncomingRequest(ME, "Tok", Say(7, Type.TEXT, "hi", "", 3, ("bob-2",)), "m-1")


def test_each_cmd_has_its_wish() -> None:
    about = {"conversation_id": 7, "msg_id": "7.2"}
    assert wish("edit", {**about, "body": "x"}) == Edit(7, 2, "x")
    assert wish("recall", about) == Recall(7, 2)
    assert wish("react", {**about, "emoji": "👍"}) == React(7, 2, "👍", on=True)
    assert wish("read", {"conversation_id": "7", "seq": 2}) == Read(7, 2)
    assert wish("heartbeat", {"seqs": {"7": 2}, "device": "d"}) == Heartbeat("d", {7: 2})
    image = {**TEXT, "type": "image", "body": "", "file_id": FILE}
    assert wish("msg", image) == Say(7, Type.IMAGE, "", FILE)


def test_over_mqtt_the_routing_key_names_no_conversation() -> None:
    request = parsed("msg", TEXT, exchange="im.client", key=f"out.u{ME}", user_id="")
    assert isinstance(request, IncomingRequest)
    assert request.way == "m"


REFUSED: list[tuple[str, Any, Code]] = [
    ("msg", {**TEXT, "publisher_id": "bob-2"}, Code.NOT_SENDER),
    ("msg", {k: v for k, v in TEXT.items() if k != "publisher_id"}, Code.NOT_SENDER),
    ("msg", {**TEXT, "conversation_id": "8"}, Code.MISMATCH),
    ("msg", {**TEXT, "conversation_id": "x"}, Code.NOT_MEMBER),
    ("msg", {**TEXT, "conversation_id": "9" * 19}, Code.NOT_MEMBER),
    ("msg", {**TEXT, "conversation_id": True}, Code.BAD_JSON),
    ("msg", {**TEXT, "body": "é" * 4097}, Code.TOO_LARGE),
    ("msg", {**TEXT, "body": "x" * 70_000}, Code.TOO_LARGE),
    ("msg", {**TEXT, "body": ""}, Code.BAD_JSON),
    ("msg", {**TEXT, "type": "video"}, Code.BAD_JSON),
    ("msg", {**TEXT, "type": "image"}, Code.BAD_JSON),
    ("msg", {**TEXT, "type": "file", "file_id": 5}, Code.BAD_JSON),
    ("msg", {**TEXT, "client_msg_id": "a b"}, Code.BAD_JSON),
    ("msg", {**TEXT, "client_msg_id": "x" * 65}, Code.BAD_JSON),
    ("msg", {**TEXT, "mentions": ["x"] * 101}, Code.BAD_JSON),
    ("msg", {**TEXT, "reply_to": "8.1"}, Code.UNKNOWN_MESSAGE),
    ("recall", {"conversation_id": "7", "msg_id": "8.1"}, Code.UNKNOWN_MESSAGE),
    ("recall", {"conversation_id": "7", "msg_id": "7"}, Code.BAD_JSON),
    ("react", {"conversation_id": "7", "msg_id": "7.1", "emoji": "x" * 33}, Code.BAD_JSON),
    ("read", {"conversation_id": "7", "seq": 0}, Code.BAD_JSON),
    ("heartbeat", {"seqs": {"x": 1}}, Code.BAD_JSON),
    ("heartbeat", {"seqs": [], "device": "d"}, Code.BAD_JSON),
    ("presence", {"state": "dead"}, Code.BAD_JSON),
    ("center_start", {}, Code.UNKNOWN_CMD),
    ("msg", [], Code.BAD_JSON),
]


@pytest.mark.parametrize(("cmd", "data", "why"), REFUSED)
def test_what_is_not_as_agreed_is_refused(cmd: str, data: Any, why: Code) -> None:
    assert code(cmd, data) == why


def test_a_refusal_names_the_message() -> None:
    request = parsed("msg", {**TEXT, "client_msg_id": "m-1", "type": "video"})
    assert isinstance(request, RefusedMessage)
    assert request.client_msg_id == "m-1"


def test_a_token_without_its_word_is_no_token() -> None:
    body = orjson.dumps({"cmd": "msg", "token": "abc", "data": {**TEXT, "client_msg_id": "m-1"}})
    request = parse_message(ClientDelivery(body, "conversation.outgoing", "c_7", ME))
    assert request == RefusedMessage(
        ME, Code.BAD_TOKEN, "token: Tricolor directly followed by the token", "m-1"
    )


@pytest.mark.parametrize(
    "body",
    [
        b'{"cmd":"msg","data":{"client_msg_id":"x1","body":"cut \\ud83d"}}',
        b'{"cmd":"msg","data":{"client_msg_id" : "x1","body":NaN}}',
        b'{"cmd":"msg","data":{"body":"say \\"client_msg_id\\":\\"no\\"","client_msg_id":"x1","n":1e400}}',
        b'{"cmd":"msg","data":{"client_msg_id":"x1","body":"' + b"x" * 70_000 + b'"}}',
        b'{"cmd":"msg","data":{"body":"' + b"x" * 70_000 + b'","client_msg_id":"x1"}}',
    ],
)
def test_a_refusal_names_the_message_even_if_it_cannot_be_read(body: bytes) -> None:
    found = parse_message(ClientDelivery(body, "conversation.outgoing", "c_7", ME))
    assert isinstance(found, RefusedMessage)
    assert found.client_msg_id == "x1"


@pytest.mark.parametrize("body", [" ", "\u200b", "a\x1b[2Jb", "a\x00b"])
def test_a_body_shows_something_and_controls_no_terminal(body: str) -> None:
    assert code("msg", TEXT | {"body": body}) is Code.BAD_JSON


def test_a_body_may_have_lines_and_directions() -> None:
    assert wish("msg", TEXT | {"body": "a\n\tb \u2067c\u2069"})
