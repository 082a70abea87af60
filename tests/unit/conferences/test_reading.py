"""HTTP arguments -> command."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conferences.api.request_parsing import create_request, number, terminal_ids, terminals_to_call
from foundation.bus.message import from_body, to_body
from foundation.web.errors import Refusal
from wire.conference_manager import CreateConference, Creator
from wire.fields import InvitedTerminal


def create(given_fields: dict[str, Any]) -> CreateConference:
    return create_request(given_fields, "u1", Creator(moid="p1", name="Ada"))


def test_the_least_that_is_needed() -> None:
    read = from_body(CreateConference, to_body(create({"name": "talk"})))
    assert (read.name, read.duration, read.places, read.resolution) == ("talk", 240, 8, "720p")


def test_values_as_programs_really_send_them() -> None:
    command = create(
        {
            "name": " talk ",
            "duration": "30",
            "max_join_mt": 192.0,
            "auto_end": True,
            "bitrate": "",
            "video_formats": [{"format": 6, "resolution": 13, "bitrate": 2048}],
            "recorder": {"recorder_mode": 1},
            "invite_members": [{"account": 123, "account_type": 1}],
        }
    )
    assert command.name == "talk"
    assert (command.duration, command.places, command.auto_end) == (30, 192, True)
    assert (command.resolution, command.h265, command.bitrate) == ("1080p", True, 2048)
    assert command.record
    asked: dict[str, object] = {"account_type": 1}
    assert command.mts == (InvitedTerminal(account="123", name="123", type="user", extra=asked),)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", None),
        ("name", "  "),
        ("name", "a" * 65),
        ("name", "ü" * 33),
        ("name", "a<b"),
        ("name", "_a"),
        ("name", "a\x00b"),
        ("name", "\u200b"),
        ("name", "a\u202eb"),
        ("name", {}),
        ("duration", "soon"),
        ("duration", 1.5),
        ("duration", 2**60),
        ("password", "a b"),
        ("password", "a" * 17),
        ("max_join_mt", 9),
        ("auto_end", 2),
        ("recorder", [1]),
        ("video_formats", {}),
        ("invite_members", [1]),
        ("invite_members", [{"account": ""}]),
        ("invite_members", [{"account": "a"}] * 501),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_field(field: str, value: Any) -> None:
    with pytest.raises(Refusal) as refused:
        create({"name": "talk", field: value})
    assert field in str(refused.value.__dict__) + str(refused.value)


@pytest.mark.parametrize(
    ("value", "expected"), [(None, 7), ("", 7), ("12", 12), (" -3 ", -3), (4.0, 4), (True, 1)]
)
def test_numbers(value: Any, expected: int) -> None:
    assert number(value, "n", 7) == expected


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
_fields = st.sampled_from(
    [
        "name",
        "duration",
        "password",
        "max_join_mt",
        "auto_end",
        "recorder",
        "video_formats",
        "invite_members",
        "bitrate",
        "create_type",
    ]
)


@given(st.dictionaries(_fields, _json, max_size=5))
def test_whatever_comes_is_a_command_or_a_refusal(given_fields: dict[str, Any]) -> None:
    try:
        command = create({"name": "talk", **given_fields})
    except Refusal:
        return
    assert command.type == "CM_MAU_CREATECONF_REQ"


def test_terminals_and_their_ids() -> None:
    (terminal,) = terminals_to_call([{"account": "a", "protocol": 1, "account_type": 9}], "mts")
    assert terminal.type == "sip"
    assert terminal_ids([{"mt_id": "1"}, {"mt_id": 2}]) == ("1", "2")
    with pytest.raises(Refusal):
        terminal_ids([])
