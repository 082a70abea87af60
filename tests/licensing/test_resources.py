"""Terminals, monitors and ports: never above the sum, 0 at rest."""

from __future__ import annotations

from contextlib import suppress

import pytest

from confplatform.bus.work import begin
from licensing.flows.load import load
from licensing.flows.revoke import revoke
from licensing.resources import Resource, give_back, take, used
from tests.integration.conftest import at_once
from tests.licensing.conftest import text

pytestmark = pytest.mark.xdist_group("licensing")


class Died(Exception):
    """As if the process had died before its commit."""


def one(east: str, resource: Resource, count: int = 1, *, back: bool = False) -> bool:
    with begin(east) as work:
        return (give_back if back else take)(work, resource, count)


def test_each_resource_has_its_own_limit(east: str) -> None:
    load(east, text(east, 1, monitors=2, media_ports=5))
    assert [one(east, Resource.MONITORS) for _ in range(3)] == [True, True, False]
    assert [one(east, Resource.MEDIA_PORTS, 3) for _ in range(2)] == [True, False]
    assert one(east, Resource.MEDIA_PORTS, 2)
    assert not one(east, Resource.HARDWARE_TERMINALS)
    assert one(east, Resource.MONITORS, back=True)
    assert one(east, Resource.MONITORS)


def test_no_more_is_given_back_than_was_taken(east: str) -> None:
    assert not one(east, Resource.MONITORS, back=True)
    assert one(east, Resource.MONITORS)
    assert one(east, Resource.MONITORS, back=True)
    assert not one(east, Resource.MONITORS, back=True)
    assert used("default", east)["monitors"] == 0


def test_without_a_valid_licence_nothing_is_given_but_all_is_taken_back(east: str) -> None:
    load(east, text(east, 1, monitors=2))
    assert one(east, Resource.MONITORS)
    assert revoke(east, east, 1)
    assert not one(east, Resource.MONITORS)
    assert one(east, Resource.MONITORS, back=True)


def test_twelve_at_once_at_the_limit_and_some_that_die(east: str) -> None:
    load(east, text(east, 1, access_ports=40))

    def worker(which: int) -> int:
        mine = 0
        for turn in range(20):
            with suppress(Died), begin(east) as work:
                got = take(work, Resource.ACCESS_PORTS)
                if which % 3 == 0 and turn % 2:
                    raise Died
                mine += got
        return mine

    taken = sum(at_once(12, worker))
    assert taken == used("default", east)["access_ports"] <= 40
    at_once(12, lambda _: [one(east, Resource.ACCESS_PORTS, back=True) for _ in range(4)])
    assert used("default", east)["access_ports"] == 0
