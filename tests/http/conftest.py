"""A program that speaks the open platform API."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.stand.site import Site
from tests.http.program import Program
from tests.stories.facts import license_for


@pytest.fixture
def program(simulated: Site) -> Iterator[Program]:
    """Yield a program that has logged in as a person of the demonstration tenant."""
    license_for(simulated, 50, 5)
    program_of_anna = Program(simulated)
    program_of_anna.log_in("anna")
    yield program_of_anna
    program_of_anna.cookie = ""
    program_of_anna.log_in("anna")
    for conference in program_of_anna.get("vc/confs", count=0)["confs"]:
        program_of_anna.delete(f"mc/confs/{conference['conf_id']}")
