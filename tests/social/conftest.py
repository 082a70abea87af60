"""People of two tenants who call the HTTP API of calls, and a whole site with media units for stories."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.stand.ports import claimed_ports, ports_for
from deploy.stand.site import Site
from deploy.stand.stand import Stand
from tests.im.http.conftest import anna, ben, cara, zoe
from tests.im.killed import add_people

__all__ = ["anna", "ben", "cara", "zoe"]


@pytest.fixture(scope="session")
def call_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Run a whole site with instant messages and two Janus units, and some more people than the demonstration's."""
    root = tmp_path_factory.mktemp("calls")
    with (
        claimed_ports(ports_for(2)) as base,
        Stand(root, base, media="janus", units=2, im=True) as stand,
    ):
        site = stand.sites["east"]
        add_people(site)
        yield site
