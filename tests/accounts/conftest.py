"""A person with all four names, an administrator, applications."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.core.management import call_command

from domains.flows import people
from domains.management.commands.load_demo import DEMO_TENANT
from domains.models import Account, Application

PASSWORD = "winter-evening-77"
SECRET = "s" * 64


@pytest.fixture
def tenant(db: None) -> str:
    """Return the MOID of the demonstration tenant."""
    call_command("load_demo", verbosity=0)
    call_command("provision", verbosity=0)
    return DEMO_TENANT


@pytest.fixture
def eva(tenant: str) -> Account:
    """Return a person with all four names."""
    return people.create(
        PASSWORD,
        username="Eva.Lang",
        email="Eva@Example.org",
        phone="+49 30 123-456",
        e164="880012345",
        domain_id=tenant,
    )


@pytest.fixture
def boss(tenant: str) -> Account:
    """Return an administrator of the tenant."""
    return people.create(PASSWORD, username="boss", is_staff=True, domain_id=tenant)


def application(domain: str, grant: str, kind: str = "confidential") -> Application:
    """Return a program of third parties, whose secret is SECRET."""
    application = Application(
        name="Calendar",
        domain_id=domain,
        authorization_grant_type=grant,
        client_type=kind,
        client_secret=SECRET,
        redirect_uris="https://calendar.example/back",
    )
    application.full_clean()
    application.save()
    return application


@pytest.fixture
def calendar(tenant: str) -> Application:
    """Yield an application that asks for codes."""
    return application(tenant, Application.GRANT_AUTHORIZATION_CODE)


@pytest.fixture
def desk(tenant: str) -> Application:
    """Yield an application that is trusted with passwords."""
    return application(tenant, Application.GRANT_PASSWORD)


@pytest.fixture
def second_factor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Require a second factor of administrators."""
    monkeypatch.setattr(settings, "REQUIRE_SECOND_FACTOR", True)
