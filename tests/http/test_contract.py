"""Answers of the open API are as its description says; `make contract` makes many more requests."""

from __future__ import annotations

import pytest

from deploy.stand.site import Site
from tests.http.contract import Scene, check

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("stories")]


def test_answers_are_as_the_description_says(simulated: Site) -> None:
    scene = Scene(simulated).with_conference()
    result = check(scene, "--phases", "fuzzing", "--max-examples", "2", "--max-time", "20")
    assert result.returncode == 0, result.stdout[-8000:] + result.stderr[-2000:]
