"""Arguments of picture composition are read leniently, and refused with the name of the field."""

from __future__ import annotations

import pytest

from conferences.api import picture_parsing
from foundation.web.errors import Refusal


def test_a_layout_is_read_with_strings_for_numbers() -> None:
    members = [{"chn_idx": "1", "member_type": "1", "mt_id": "2"}, {"chn_idx": 0, "member_type": 2}]
    layout = picture_parsing.parse_layout(
        {"mode": "1", "layout": "3", "broadcast": 1, "members": members}
    )
    assert layout == {
        "mode": 1,
        "layout": 3,
        "voice_hint": 0,
        "broadcast": 1,
        "show_mt_name": 0,
        "members": [
            {"chn_idx": 1, "member_type": 1, "mt_id": "2"},
            {"chn_idx": 0, "member_type": 2},
        ],
    }


@pytest.mark.parametrize(
    ("params", "code", "field"),
    [
        ({"mode": 5}, 29001, "mode"),
        ({"layout": 99}, 20331, "layout"),
        ({"layout": 2, "members": [{"chn_idx": 2, "mt_id": "1"}]}, 29001, "members.chn_idx"),
        ({"layout": 2, "members": [{"chn_idx": 0, "mt_id": "1"}] * 2}, 29001, "members.chn_idx"),
        ({"layout": 1, "members": [{"member_type": 9}]}, 29001, "members.member_type"),
        ({"layout": 1, "members": [{"member_type": 1}]}, 29001, "members.mt_id"),
        ({"layout": 1, "members": 5}, 29001, "members"),
        ({"layout": "big"}, 29001, "layout"),
    ],
)
def test_what_is_wrong_is_named(params: dict[str, object], code: int, field: str) -> None:
    with pytest.raises(Refusal) as refusal:
        picture_parsing.parse_layout(params)
    assert refusal.value.error_code == code
    assert refusal.value.description.startswith(f"{field}: ")
