"""The world of `world`, and browsers of those who live in it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from domains.models import Account
from tests.rights import world
from tests.web_clients import Browser

SignIn = Callable[[str], Browser]


@pytest.fixture
def tree(db: None) -> None:
    """Create the whole tree."""
    world.build()


@pytest.fixture
def sign_in(tree: None) -> SignIn:
    """Return a browser in which an account has signed in; "" means nobody."""

    def signed_in(username: str) -> Browser:
        client = Browser(raise_request_exception=True)
        if username:
            client.force_login(Account.objects.get(username=username))
        return client

    return signed_in
