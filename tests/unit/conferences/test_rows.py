"""Row <-> value: what is written is what is read."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import orjson
import pytest
from hypothesis import given, settings

from conferences.data import row_mapper
from conferences.rules.states import Conference, Unit, next_due
from foundation.bus.typed_json import encode
from tests.factories import conference, conferences


@given(conferences())
@settings(max_examples=400)
def test_a_conference_survives_its_row(c: Conference) -> None:
    assert row_mapper.from_row((encode(c),)) == c


class _WithMoreFields(Conference, frozen=True, kw_only=True, omit_defaults=True):
    """A conference of a later edition, whose new fields are named as moments are."""

    ended_by: str = ""
    quiet_since: int = 0


def test_a_field_is_read_by_its_type_and_not_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    decode = msgspec.json.Decoder(_WithMoreFields).decode
    monkeypatch.setattr(row_mapper, "_decode", decode)
    common = msgspec.structs.asdict(conference())
    later = _WithMoreFields(**common, ended_by="anna", quiet_since=7)
    assert row_mapper.from_row((encode(later),)) == later


def test_a_row_of_an_earlier_release_is_read() -> None:
    stored = {
        **{"confid": "c1", "e164": "8801", "source_platform": "p", "user_domain": "u"},
        **{"name": "talk", "created_at": "2030-01-01T12:00:00.5+00:00", "hosting_platform": "q"},
        **{"unit": ["10.0.0.1", "a"], "tried": [["10.0.0.2", ""]], "question": 3},
        "rename": ["m", "new", "r", None, "2030-01-01T12:00:09+00:00"],
        "mts": [{"mtid": 7, "name": None, "online": True, "bitrate": 64, "type": {"odd": 1}}],
        "members": [{"mtid": "7", "account": None, "from": "then"}],
        "units": [{"ip": "10.0.0.1", "pid": "a", "from": "then", "until": "later"}],
        "join": {"sip": "sip:8801@u", "webrtc": {"url": "x", "pin": "1", "codec": "vp8"}},
        "settings": {"mute": 1, "layout": "grid"},
    }
    c = row_mapper.from_row((orjson.dumps(stored),))
    assert (c.unit, c.tried) == (Unit("10.0.0.1", "a", "q"), (Unit("10.0.0.2", "", "q"),))
    assert c.rename is not None
    assert (c.rename.name, c.rename.answer_by) == (
        "new",
        datetime(2030, 1, 1, 12, 0, 9, tzinfo=UTC),
    )
    (terminal,) = c.mts
    assert (terminal.mtid, terminal.name, terminal.online) == ("7", None, 1)
    assert terminal.extra == {"bitrate": 64, "type": {"odd": 1}}
    again = orjson.loads(encode(c))
    assert again["join"] == stored["join"]
    assert again["settings"] == stored["settings"]
    assert again["units"] == stored["units"]


@given(conferences())
def test_columns_repeat_what_is_searched(c: Conference) -> None:
    row = dict(zip(row_mapper.COLUMNS, row_mapper.to_row(c), strict=True))
    assert (row["live_e164"] == c.e164) is c.live
    assert (row["live_unit"] is not None) is bool(c.live and c.unit)
    assert (row["due_at"] is None) is (next_due(c) is None)
    assert row["state"] == c.state.value
    detail = row["detail"]
    assert isinstance(detail, str | bytes)
    assert orjson.loads(detail)["confid"] == c.confid


@given(conferences())
def test_the_projection_is_all_text(c: Conference) -> None:
    assert all(isinstance(value, str) for value in row_mapper.redis_fields(c).values())
