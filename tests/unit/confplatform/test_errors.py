"""The codes of HTTP refusals."""

from __future__ import annotations

import pytest

from wire.http_codes import UNSPECIFIED, http_code


@pytest.mark.parametrize("said", ["", "0", "None", "\u00b2", "9" * 5000, "-1"])
def test_a_unit_may_say_what_it_likes_as_its_error_code(said: str) -> None:
    assert http_code(said) == UNSPECIFIED


def test_codes_of_the_wire_stay_or_have_their_own_number() -> None:
    assert (http_code("29003"), http_code("29010")) == (29003, 12103)
