"""The arguments of the call that starts a monitor: whose sound or picture is sent where."""

from __future__ import annotations

from typing import Any

import pytest

from conferences.api.monitors import MEDIA_DIFFER, NO_COMPOSITION, start_request
from conferences.rules.states import Unit
from foundation.web.errors import Refusal
from tests.factories import UNIT, conference
from wire.fields import Settings
from wire.monitors import VIDEO

Body = dict[str, Any]
AT = {"ip": "192.0.2.7", "port": 6000}


@pytest.mark.parametrize("mps", [None, UNIT])
@pytest.mark.parametrize("layout", [None, {"mode": 1, "layout": 1, "members": []}])
@pytest.mark.parametrize("mode", [0, 1])
def test_a_composed_picture_is_sent_where_one_is_made(
    mps: Unit | None, layout: Body | None, mode: int
) -> None:
    settings = Settings(extra={"layout": layout} if layout else {})
    c = conference(mps=mps, settings=settings)
    params = {"mode": mode, "src": {"type": 2}, "dst": AT}
    if mps and layout and mode == VIDEO:
        assert start_request(params, c, "u1").mtid == ""
        return
    with pytest.raises(Refusal) as refusal:
        start_request(params, c, "u1")
    assert refusal.value.error_code == (MEDIA_DIFFER if mps and layout else NO_COMPOSITION)
