"""An operator's browser, and a tree: core › service › platform and tenants."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from domains.models import Account, Domain, Level, PlatformDomain
from tests.web_clients import Browser


@pytest.fixture
def operator(platform: str, client: Browser) -> Browser:
    """Return a browser in which a superuser has signed in."""
    client.force_login(Account.objects.get(username="admin"))
    return client


@pytest.fixture
def service(platform: str) -> str:
    """Return the service domain of the demonstration tree."""
    parent = PlatformDomain.objects.get(pk=platform).parent_id
    assert parent is not None
    return parent


@pytest.fixture
def administrator(service: str) -> Browser:
    """Return a browser in which the administrator of a service domain below has signed in."""
    below = Domain.objects.create(name="Region", level=Level.SERVICE, parent_id=service)
    account = Account.objects.create(username="regina", is_staff=True, domain=below)
    client = Browser()
    client.force_login(account)
    return client


def page(name: str, *args: Any, **query: str) -> str:
    """Return the address of one of the pages of domains."""
    address = reverse(f"admin:domains_{name}", args=args)
    return address + ("?" + "&".join(f"{k}={v}" for k, v in query.items()) if query else "")


def text(answer: Any) -> str:
    """Return the text of a page."""
    page_text: str = answer.content.decode()
    return page_text
