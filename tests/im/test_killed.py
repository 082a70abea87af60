"""Acknowledged is kept, once and in order, whatever is killed meanwhile.

Twenty times each: `make chaos`.
"""

from __future__ import annotations

import pytest

from deploy.stand.site import Site
from tests.im.killed import STRIKES, killed

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("im")]


@pytest.mark.parametrize("what", STRIKES)
def test_what_is_acknowledged_survives_that_this_is_killed(what: str, chat_site: Site) -> None:
    verdict, _ = killed(chat_site, STRIKES[what], times=2)
    assert verdict.is_good, verdict
    assert verdict.acknowledged > 20
