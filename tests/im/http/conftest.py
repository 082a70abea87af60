"""Two tenants with their people."""

from __future__ import annotations

import pytest

from tests.im.http.town import OTHER_TENANT, Someone, other_tenant, someone


@pytest.fixture
def anna(platform: str) -> Someone:
    """Return a person of the demonstration tenant."""
    return someone("anna")


@pytest.fixture
def ben(platform: str) -> Someone:
    """Return a colleague of Anna's."""
    return someone("ben")


@pytest.fixture
def cara(platform: str) -> Someone:
    """Return another colleague of Anna's."""
    return someone("cara")


@pytest.fixture
def zoe(platform: str) -> Someone:
    """Return a person of another tenant."""
    other_tenant()
    return someone("zoe", OTHER_TENANT)
