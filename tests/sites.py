"""Fixtures that start whole sites for stories: with simulated units, with Janus, with a core."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.stand.ports import claimed_ports, ports_for
from deploy.stand.site import Site
from deploy.stand.stand import Stand
from tests.stories.manager import Manager

BESIDE_THE_SITE = "127.0.0.2"
"""An address of this machine to which monitors may be sent, as no server of a site has it."""


@contextmanager
def running_site(root: Path, media: str, units: int) -> Iterator[Site]:
    """Start a site, and throw it away at the end."""
    width = ports_for(units if media == "janus" else 0)
    with (
        claimed_ports(width) as base,
        Stand(root, base, sites=1, media=media, units=units) as stand,
    ):
        yield stand.sites["east"]


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Yield a site with four simulated units, whose logs tell of each message."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOG_LEVEL", "DEBUG")
        with running_site(tmp_path_factory.mktemp("simulated"), "simulated", 4) as site:
            yield site


@pytest.fixture(scope="session")
def janus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Yield a site with two real units, which compose pictures and send monitors to this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CMU_CAPACITY_COMPOSITIONS", "2")
        patch.setenv("MONITOR_NETWORKS", f"{BESIDE_THE_SITE}/32")
        with running_site(tmp_path_factory.mktemp("janus"), "janus", 2) as site:
            yield site


@pytest.fixture(scope="session")
def with_core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """Start a core (`sites["core"]`), and a site with a real unit (`sites["east"]`) that follows its tree."""
    root = tmp_path_factory.mktemp("with_core")
    with (
        claimed_ports(ports_for(1, core=True)) as base,
        Stand(root, base, media="janus", units=1, core=True) as stand,
    ):
        yield stand


@pytest.fixture
def manager(request: pytest.FixtureRequest) -> Iterator[Manager]:
    """Return a conference manager on the broker of the site that the test uses."""
    names = [n for n in ("simulated", "janus") if n in request.fixturenames]
    site: Site = request.getfixturevalue(names[0])
    connected = Manager(site.rabbitmq.url("/"))
    yield connected
    connected.close()
