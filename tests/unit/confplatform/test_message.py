"""Bytes -> object -> message, and back; what is refused, and by which name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.bus import registry
from foundation.bus.message import (
    MAX_BYTES,
    MAX_DEPTH,
    TYPES,
    BadMessage,
    Message,
    dumps,
    from_body,
    loads,
    to_body,
)
from foundation.bus.typed_json import digits, items, read_as, text, whole
from foundation.bus.typed_json_words import InvalidValue
from tests.contract.test_contract import GOLDEN

KINDS = sorted(TYPES)

_scalars = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=6)
_json = st.recursive(
    _scalars | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


@st.composite
def bodies(draw: st.DrawFn) -> dict[str, Any]:
    """Return a golden body with some fields left out, and some replaced by whatever."""
    body = dict(GOLDEN[draw(st.sampled_from(KINDS))])
    for field in sorted(body.keys() - {"type"}):
        fate = draw(st.integers(0, 9))
        if fate == 0:
            del body[field]
        elif fate == 1:
            body[field] = draw(_json)
    return body


def _refusal_or(read: Callable[[], Message]) -> Message | BadMessage:
    """Return what a function returns, or the BadMessage that it raises; nothing else may come out."""
    try:
        return read()
    except BadMessage as error:
        return error


@given(bodies())
@settings(max_examples=500)
def test_what_is_read_is_what_is_printed_is_what_is_read(body: dict[str, Any]) -> None:
    kind = TYPES[body["type"]]
    message = _refusal_or(lambda: from_body(kind, body))
    if isinstance(message, BadMessage):
        assert message.field in set(kind.__struct_encode_fields__)
        assert message.detail.startswith(f"{message.field}: ")
        return
    printed = loads(dumps(to_body(message)))
    assert from_body(kind, printed) == message


@pytest.mark.parametrize("wire_type", KINDS)
def test_a_wrong_kind_is_refused_by_the_name_of_its_field(wire_type: str) -> None:
    kind = TYPES[wire_type]
    for field in msgspec.structs.fields(kind):
        if field.type is object:
            continue
        spelt = field.encode_name
        with pytest.raises(BadMessage) as refused:
            from_body(kind, {**GOLDEN[wire_type], spelt: -1.5})
        assert refused.value.field == spelt
        assert refused.value.detail.startswith(f"{spelt}: ")


@pytest.mark.parametrize("wire_type", KINDS)
def test_a_missing_field_is_named(wire_type: str) -> None:
    kind = TYPES[wire_type]
    for field in msgspec.structs.fields(kind):
        if field.required:
            body = {k: v for k, v in GOLDEN[wire_type].items() if k != field.encode_name}
            with pytest.raises(BadMessage, match="is missing") as refused:
                from_body(kind, body)
            assert refused.value.field == field.encode_name


def test_an_incarnation_that_no_column_holds_is_refused() -> None:
    body = GOLDEN["MCU_MAU_SEGMENT_NTF"]
    from_body(TYPES["MCU_MAU_SEGMENT_NTF"], {**body, "incarnation": 2**32 - 1})
    with pytest.raises(BadMessage, match="incarnation"):
        from_body(TYPES["MCU_MAU_SEGMENT_NTF"], {**body, "incarnation": 2**32})


# ---- limits -------------------------------------------------------------------------------------


def _nested(depth: int) -> bytes:
    return b'{"type":"X","a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


def test_twenty_levels_are_read_and_no_more() -> None:
    assert loads(_nested(MAX_DEPTH))["type"] == "X"
    with pytest.raises(BadMessage, match="nested"):
        loads(_nested(MAX_DEPTH + 1))


def test_a_very_deep_body_is_refused_and_harms_nobody() -> None:
    with pytest.raises(BadMessage):
        loads(_nested(50_000))


def test_size() -> None:
    fill = MAX_BYTES - len(b'{"type":"X","a":""}')
    assert loads(b'{"type":"X","a":"' + b"a" * fill + b'"}')
    with pytest.raises(BadMessage, match="at most"):
        loads(b'{"type":"X","a":"' + b"a" * (fill + 1) + b'"}')


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no",
        b"[]",
        b"1",
        b"null",
        b"{}",
        b'{"type":1}',
        b'{"type":null}',
        b"\xff{}",
        b'{"type":NaN}',
    ],
)
def test_what_is_no_message(body: bytes) -> None:
    with pytest.raises(BadMessage):
        loads(body)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_a_refusal(body: bytes) -> None:
    _refusal_or(lambda: registry.read_message(loads(body)))


@given(
    st.dictionaries(st.text(max_size=6), _json, max_size=4), st.sampled_from(["CM_MCU_X_REQ", "Y"])
)
def test_any_object_is_a_message_or_a_refusal(more: dict[str, Any], wire_type: str) -> None:
    _refusal_or(lambda: registry.read_message(loads(orjson.dumps({**more, "type": wire_type}))))


# ---- limits of values -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Annotated[str, text(3, 1)], ["a", "äöü"], ["", "abcd", 1, None, "a\n", "\ud800"]),
        (Annotated[str, digits(3)], ["1", "007"], ["", "1234", "a", 1, "١"]),
        (Annotated[int, whole(0, 9)], [0, 9, "7"], [-1, 10, 1.0, True, "x", "", None, "١"]),
        (Literal[1, 2], [1, 2], [3, "1", True, None]),
        (bool, [0, 1, True, False], [2, "1", None, 1.0, [], {}]),
        (
            Annotated[tuple[Annotated[int, whole()], ...], items(2)],
            [[], [1, "2"], (1,)],
            [[1, 2, 3], ["a"], {}, "12"],
        ),
    ],
)
def test_limits(kind: Any, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        read_as(kind, value)
    for value in bad:
        with pytest.raises(InvalidValue, match="must"):
            read_as(kind, value)


def test_an_item_is_named_by_its_place() -> None:
    kind: Any = tuple[Annotated[int, whole(0, 9)], ...]
    with pytest.raises(InvalidValue, match="item 1 must be a whole number from 0 to 9"):
        read_as(kind, [1, "x"])


def test_a_member_of_an_object_in_a_list_is_named_by_its_path() -> None:
    body = {**GOLDEN["CM_MAU_CREATECONF_REQ"], "mts": [{"account": "1", "type": "fax"}]}
    with pytest.raises(BadMessage) as refused:
        registry.read_message(body)
    assert refused.value.detail == "mts: item 0 type must be e164 or h323 or sip or user"


def test_flags_are_printed_as_0_and_1_and_what_is_absent_is_left_out() -> None:
    body = GOLDEN["CM_MAU_CREATECONF_REQ"] | {"autoend": True}
    del body["creator"]
    printed = to_body(registry.read_message(body))
    assert printed["autoend"] == 1
    assert not isinstance(printed["autoend"], bool)
    assert "creator" not in printed
