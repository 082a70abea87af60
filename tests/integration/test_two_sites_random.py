"""Two sites, and whatever happens to them: in the end each conference runs once."""

from __future__ import annotations

import time
from random import Random

import pytest

from conferences.data import redis_projection
from conferences.flows import due
from domains.management.commands.load_demo import DEMO_TENANT
from foundation import clock
from tests.integration.conftest import seats
from tests.integration.two_sites import WEST, TwoSites, ask

pytestmark = [
    pytest.mark.xdist_group("integration"),
    pytest.mark.django_db(transaction=True, databases=["default", "west"]),
]


def one_of(two: TwoSites, rng: Random) -> str | None:
    """Return the number of a conference that lives."""
    with two.at(two.east):
        numbers = [c.e164 for c in redis_projection.live_conferences(two.east)]
    return rng.choice(numbers) if numbers else None


def something_happens(two: TwoSites, rng: Random, turn: int, serving: str) -> str:
    """Do one random thing: a request, a wish of a unit, a fault of a site, or a move; return the serving site."""
    other = WEST if serving == two.east else two.east
    number = one_of(two, rng)
    choice = rng.randrange(10)
    if choice < 3 or number is None:
        body = {"type": "CM_MAU_CREATECONF_REQ", "moid": DEMO_TENANT, "confname": "x"}
        two.tell(serving, {**body, "reqid": f"r{turn}"}, reply_to="asker")
    elif choice == 3:
        two.dead ^= {other}
    elif choice == 4 and other not in two.dead:
        two.serve(two.east, other)
        return other
    elif choice == 5:
        two.dead.discard(other)
        two.dead.add(serving)
        two.serve(two.east, other)
        return other
    elif choice == 6:
        ask(two, serving, "CM_MAU_RELEASECONF_REQ", number)
    elif choice == 7:
        ask(two, serving, "CM_MCU_GETMTLIST_REQ", number)
    else:
        site = rng.choice((two.east, WEST))
        wish = {"do": rng.choice(("rename", "extend", "end")), "confE164": number}
        unit = two.units[site]
        if site not in two.dead:
            two.say(
                site, unit.act_for_participant({**wish, "confname": "n", "delay": 5}, clock.now())
            )
    two.settle()
    return serving


@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_each_conference_runs_once_in_the_end(two: TwoSites, seed: int) -> None:
    rng, serving = Random(seed), two.east
    two.doubled = lambda: rng.random() < 0.1
    for turn in range(40):
        serving = something_happens(two, rng, turn, serving)
        if not turn % 5:
            two.tick()
    two.dead.clear()
    two.serve(two.east, two.east)
    for _ in range(3):  # what was on its way to a site that died is asked for again
        for site, unit in two.units.items():
            two.say(site, unit.connect(clock.now()))
        with two.at(two.east):
            due.restore_pending(two.east)
        two.tick()
        time.sleep(1.5)
    with two.at(two.east):
        live = list(redis_projection.live_conferences(two.east))
    held_by_units = [
        (e164, site) for site, unit in two.units.items() for e164 in unit.unit.conferences
    ]
    assert sorted(held_by_units) == sorted((c.e164, c.unit.site if c.unit else "") for c in live)
    assert {str(c.state) for c in live} <= {"running"}
    assert seats(two.east) == len(live)
