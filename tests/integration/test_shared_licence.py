"""Platforms that one site serves share the sums of their licences."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from django.db import connections, transaction

from foundation import clock
from foundation.bus.unit_of_work import begin
from foundation.cells.directory import store_of
from licensing.data import seats
from licensing.models import Licence
from licensing.rules.amounts import NONE, Amounts
from licensing.rules.limits import ReachedLimit
from tests import licences
from tests.integration.two_sites import WEST, TwoSites

pytestmark = [
    pytest.mark.xdist_group("integration"),
    pytest.mark.django_db(transaction=True, databases=["default", "west"]),
]


def test_platforms_that_one_site_serves_share_its_licence_in_force(two: TwoSites) -> None:
    database = store_of(two.east).database

    def missing(site: str, ports: int) -> str:
        seats._served.clear()
        with two.at(site):
            usage = seats.read_usage_and_limits(database, two.east)
        return usage.missing_resource(Amounts(media_ports=ports))

    limits = seats.read_usage_and_limits(database, two.east).limits
    assert limits
    used_by_west = {WEST: Amounts(media_ports=limits.media_ports - 8)}
    seats.write_counts(store_of(WEST).database, used_by_west)
    assert missing(two.east, limits.media_ports) == ""
    two.dead.add(two.east)
    two.serve(two.east, two.west)
    assert (missing(WEST, 8), missing(WEST, 16)) == ("", "media_ports")
    with two.at(WEST), ExitStack() as locks, transaction.atomic(using=database):
        counted = seats.Seats(database, two.east, clock.now(), locks.enter_context)
        reached = [counted.reached_limit("t", Amounts(1, media_ports=n), None) for n in (8, 16)]
    assert reached == [None, ReachedLimit.PORTS]


def test_creates_of_two_platforms_at_the_same_moment_do_not_exceed_the_sum(two: TwoSites) -> None:
    two.dead.add(two.east)
    two.serve(two.east, two.west)
    for database in ("default", "west"):
        licence = licences.licence(WEST, 1, small=60, large=2)
        row = licences.row_of(licence, licences.text_of(licence))
        Licence.objects.using(database).create(**row)
    eight = Amounts(1, media_ports=8)
    second_has_looked = threading.Event()
    reached: dict[str, ReachedLimit | None] = {}

    def take(platform: str, then: Callable[[], object]) -> None:
        with begin(platform) as uow:
            counts = seats.Seats(uow.database, platform, uow.now, uow.hold_lock)
            reached[platform] = counts.reached_limit("t", eight, None)
            if reached[platform] is None:
                counts.change("t", NONE, eight)
            counts.flush()
            then()

    with two.at(WEST):
        limits = seats.read_usage_and_limits("west", WEST).limits
        assert limits
        used = {WEST: Amounts(media_ports=limits.media_ports - 8)}
        seats.write_counts("west", used)
        with ThreadPoolExecutor(1) as pool:

            def second() -> None:
                try:
                    take(WEST, second_has_looked.set)
                finally:
                    connections.close_all()

            def let_the_second_look() -> None:
                waiting.append(pool.submit(second))
                second_has_looked.wait(0.5)

            waiting: list[Future[None]] = []
            take(two.east, let_the_second_look)
            waiting[0].result(30)
    assert reached == {two.east: None, WEST: ReachedLimit.PORTS}
