"""The world of `world`, built once for all tests of this folder, and browsers of those who live in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.db import transaction
from pytest_django import DjangoDbBlocker

from domains.models import Account
from tests.rights import world
from tests.web_clients import Browser

SignIn = Callable[[str], Browser]


@pytest.fixture(scope="package")
def built_tree(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Create the whole tree in a transaction in which each test of this folder has a savepoint of its own."""
    with django_db_blocker.unblock(), transaction.atomic():
        world.build()
        yield
        transaction.set_rollback(True)


@pytest.fixture
def tree(built_tree: None, db: None) -> None:
    """Undo at the end of a test what it has changed in the tree."""


@pytest.fixture
def sign_in(tree: None) -> SignIn:
    """Return a browser in which an account has signed in; "" means nobody."""

    def signed_in(username: str) -> Browser:
        client = Browser(raise_request_exception=True)
        if username:
            client.force_login(Account.objects.get(username=username))
        return client

    return signed_in
