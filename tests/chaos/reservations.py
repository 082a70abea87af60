"""200 reservations fall due in the very second in which workers are killed, or the whole site is: each starts once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from deploy.stand.site import Site
from tests import licences
from tests.chaos.story import Stories
from tests.failover.two import Two, two_sites, until
from tests.stories.manager import TENANT, Manager

COUNT = 200
LEAD = timedelta(seconds=12)
"""The reservations are booked so long before their start."""
KILLS = 4
"""The workers are killed so often, once a second, from the second of the start on."""

_DATES = "SELECT id, state FROM conferences_occurrence WHERE starts_at=%s"
_CONFERENCES = (
    "SELECT JSON_VALUE(detail, '$.occurrence'), hosting_platform FROM conferences_conference"
    " WHERE JSON_VALUE(detail, '$.started_at') IS NOT NULL"
    " AND JSON_VALUE(detail, '$.occurrence') IS NOT NULL"
)


def stories(root: Path) -> Stories:
    """Yield both stories; each books reservations of its own."""
    with two_sites(root, units=2, conferences=500) as two:
        two.at_rest()
        licences.put_into(two.east, 3 * COUNT, 0)
        yield "workers killed as 200 reservations fall due", partial(_workers_killed, two)
        yield "home killed as 200 reservations fall due", partial(_home_killed, two)


def _workers_killed(two: Two) -> str:
    """kill -9 of all workers of the site, again and again while the conferences begin."""

    def kill_workers() -> Site:
        for _ in range(KILLS):
            for name, process in two.east.processes.items():
                if name.startswith("worker"):
                    process.kill()
            time.sleep(1.0)
        return two.east

    return _each_starts_once(two, kill_workers)


def _home_killed(two: Two) -> str:
    """kill -9 of the whole site: the backup takes the platform over, and starts what is due."""

    def kill_home() -> Site:
        two.east.kill()
        until(lambda: two.owner(two.east).startswith("west"), 60, "taken over by west")
        return two.west

    def come_back() -> None:
        two.come_back(two.east)
        two.at_rest()

    return _each_starts_once(two, kill_home, come_back)


def _each_starts_once(
    two: Two, fault: Callable[[], Site], mend: Callable[[], None] = lambda: None
) -> str:
    """Book, let the fault happen in the second of the start, and count what has begun at the site that serves then."""
    start = (datetime.now(UTC) + LEAD).replace(microsecond=0)
    bookids = _book(two, start)
    time.sleep(max(0.0, (start - datetime.now(UTC)).total_seconds()))
    serving = fault()
    until(lambda: _states(two, serving, start)["begun"] == COUNT, 120, "all begun", pause=0.5)
    late = (datetime.now(UTC) - start).total_seconds()
    _assert_once(two, serving, start)
    mend()
    _assert_once(two, two.east, start)
    return f"{len(bookids)} booked, {COUNT} began once, the last {late:.1f} s after the start"


def _book(two: Two, start: datetime) -> list[str]:
    """Book COUNT conferences for one moment; return their ids."""
    manager = Manager(two.east.rabbitmq.url("/"))
    body = {"type": "CM_MAU_ADDBOOKCONF_REQ", "moid": TENANT, "duration": 30}
    try:
        marks = [
            manager.send({**body, "confname": f"due {n}", "starttime": start.isoformat()})
            for n in range(COUNT)
        ]
        answers = [manager.answer_to(mark) for mark in marks]
    finally:
        manager.close()
    refused = [answer for answer in answers if not answer["type"].endswith("_ACK")]
    assert not refused, refused[0]
    return [answer["bookid"] for answer in answers]


def _states(two: Two, site: Site, start: datetime) -> Counter[str]:
    """Count the dates with this start by their state, as the platform's data at a site has them."""
    rows = two.rows(two.east, site, _DATES, start.replace(tzinfo=None))
    return Counter(state for _, state in rows)


def _assert_once(two: Two, site: Site, start: datetime) -> None:
    """Check by the platform's data at a site that each date has one conference that ran."""
    dates = {key for key, _ in two.rows(two.east, site, _DATES, start.replace(tzinfo=None))}
    held = Counter(key for key, _ in two.rows(two.east, site, _CONFERENCES) if key in dates)
    assert len(dates) == len(held) == COUNT, f"{len(dates)} dates, {len(held)} held"
    assert set(held.values()) == {1}, held.most_common(3)
