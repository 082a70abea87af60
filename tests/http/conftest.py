"""A program that speaks the open platform API."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.stand.site import Site
from tests.http.program import Program
from tests.stories.facts import license_for


@pytest.fixture
def program(simulated: Site) -> Iterator[Program]:
    """A program that has logged in as a person of the demonstration tenant."""
    license_for(simulated, 50, 5)
    one = Program(simulated)
    one.log_in("anna")
    yield one
    one.cookie = ""
    one.log_in("anna")
    for conference in one.get("vc/confs", count=0)["confs"]:
        one.delete(f"mc/confs/{conference['conf_id']}")
