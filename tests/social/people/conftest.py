"""Two tenants with their people."""

from __future__ import annotations

import pytest

from tests.im.http.town import OTHER_TENANT, other_tenant
from tests.social.people.town import Neighbour, neighbour


@pytest.fixture
def anna(platform: str) -> Neighbour:
    """Return a person of the demonstration tenant."""
    return neighbour("anna")


@pytest.fixture
def ben(platform: str) -> Neighbour:
    """Return a colleague of Anna's."""
    return neighbour("ben")


@pytest.fixture
def cara(platform: str) -> Neighbour:
    """Return another colleague of Anna's."""
    return neighbour("cara")


@pytest.fixture
def zoe(platform: str) -> Neighbour:
    """Return a person of another tenant; both tenants have opened themselves."""
    other_tenant()
    return neighbour("zoe", OTHER_TENANT)
