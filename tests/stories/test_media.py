"""People hear each other on real media units, and again after something died."""

from __future__ import annotations

import pytest

from deploy.stand.site import Site
from tests.stories.faults import BY_NAME
from tests.stories.manager import Manager
from tests.stories.story import run_story

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("media")]


@pytest.mark.parametrize(
    "fault", ["Janus killed -9", "agent killed -9", "broker killed and started"]
)
async def test_two_people_hear_each_other_again_after(
    janus: Site, manager: Manager, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    times = await run_story(janus, manager, BY_NAME[fault])
    with capsys.disabled():
        print(f"\n{times.line()}")
