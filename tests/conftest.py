"""Fixtures that all tests share: private servers (started by `make test`), and a platform in the database."""

from __future__ import annotations

import os

import pytest
from django.conf import settings
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from tests.browser import browser
from tests.databases import django_db_setup
from tests.sites import janus, manager, simulated, with_core
from tests.web_clients import Browser

__all__ = ["browser", "django_db_setup", "janus", "manager", "simulated", "with_core"]


# Hypothesis measures with the wall clock, which says nothing on a machine that is busy with other work.
hypothesis_settings.register_profile(
    "loaded", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("loaded")

pytest_plugins = ["tests.schedule"]


@pytest.fixture(scope="session")
def amqp_url() -> str:
    """Return the URL of the session's private broker."""
    url = os.environ.get("TEST_AMQP_URL")
    if not url:
        pytest.skip("needs the private servers that `make test` starts")
    return url


@pytest.fixture(autouse=True)
def _empty_redis(request: pytest.FixtureRequest) -> None:
    """Empty the test process' Redis before each test that uses the database."""
    if "db" in request.fixturenames or "transactional_db" in request.fixturenames:
        from foundation.cells.directory import own_platform, redis_of

        redis_of(own_platform()).flushdb()


@pytest.fixture
def client() -> Browser:
    """Return a browser; pytest-django's own client is not checked for CSRF."""
    return Browser()


@pytest.fixture
def platform(db: None) -> str:
    """Provision a platform with the demonstration tenant; return its MOID."""
    from django.core.management import call_command

    call_command("load_demo", verbosity=0)
    call_command("provision", verbosity=0)
    return str(settings.PLATFORM_MOID)
