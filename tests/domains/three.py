"""Three platforms in a tree at the core, each of which follows it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from domains.flows import change, people
from domains.models import Account, Level
from tests.domains.conftest import Place
from tests.domains.following import Platform, platforms


class World:
    """Three platforms below the core: `near` of the demonstration's service domain's sibling `East`,
    `deep` below a service domain of East, `far` of another service domain."""

    def __init__(self, place: Place) -> None:
        self.core = place.core
        self.east = self.service("East", place.core)
        self.west = self.service("West", place.core)
        self.inner = self.service("Inner", self.east)
        self.near = self.platform("Near", self.east, "6601")
        self.deep = self.platform("Deep", self.inner, "6602")
        self.far = self.platform("Far", self.west, "6603")
        self.tenant = self.user("Tenant", self.east, self.near)

    @staticmethod
    def service(name: str, parent: str) -> str:
        return change.create(Level.SERVICE, name=name, parent_id=parent).moid

    @staticmethod
    def platform(name: str, parent: str, prefix: str) -> str:
        return change.create(
            Level.PLATFORM, name=name, parent_id=parent, e164_prefix=prefix, http_url="http://x"
        ).moid

    @staticmethod
    def user(name: str, parent: str, platform: str) -> str:
        return change.create(Level.USER, name=name, parent_id=parent, platform_id=platform).moid

    @staticmethod
    def person(name: str, domain: str, **more: object) -> str:
        account = Account(username=name, domain_id=domain, **more)
        account.set_password(f"secret of {name}")
        people.save_account(account)
        return account.moid


@pytest.fixture
def world(place: Place) -> World:
    """Return the world that the place grows into: a core with three platforms."""
    return World(place)


@pytest.fixture
def followers(world: World, settings: Settings) -> Iterator[tuple[Platform, Platform, Platform]]:
    """Return near, deep and far, each of which has received the whole tree."""
    with platforms(settings, world.near, world.deep, world.far) as made_followers:
        for follower in made_followers:
            follower.is_told()
            follower.hears()
        yield made_followers[0], made_followers[1], made_followers[2]


Three = tuple[Platform, Platform, Platform]
