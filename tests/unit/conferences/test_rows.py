"""Row <-> value: what is written is what is read."""

from __future__ import annotations

import orjson
from hypothesis import given, settings

from conferences.data import row_mapper
from conferences.rules.states import Conference, next_due
from tests.factories import conferences


@given(conferences())
@settings(max_examples=150)
def test_a_conference_survives_its_row(c: Conference) -> None:
    assert row_mapper.from_row((row_mapper.to_detail(c), c.revision)) == c


@given(conferences())
def test_columns_repeat_what_is_searched(c: Conference) -> None:
    row = dict(zip(row_mapper.COLUMNS, row_mapper.to_row(c), strict=True))
    assert (row["live_e164"] == c.e164) is c.live
    assert (row["live_unit"] is not None) is bool(c.live and c.unit)
    assert (row["due_at"] is None) is (next_due(c) is None)
    assert row["state"] == c.state.value
    assert orjson.loads(row["detail"])["confid"] == c.confid


@given(conferences())
def test_the_projection_is_all_text(c: Conference) -> None:
    assert all(isinstance(value, str) for value in row_mapper.projection(c).values())
