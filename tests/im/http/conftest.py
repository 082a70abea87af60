"""Two tenants with their people."""

from __future__ import annotations

import pytest

from tests.im.http.town import OTHER_TENANT, Someone, other_tenant, someone


@pytest.fixture
def anna(platform: str) -> Someone:
    """Of the demonstration tenant."""
    return someone("anna")


@pytest.fixture
def ben(platform: str) -> Someone:
    """Her colleague."""
    return someone("ben")


@pytest.fixture
def cara(platform: str) -> Someone:
    """Another one."""
    return someone("cara")


@pytest.fixture
def zoe(platform: str) -> Someone:
    """Of another tenant."""
    other_tenant()
    return someone("zoe", OTHER_TENANT)
